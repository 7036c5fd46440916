"""Synthetic optical-gas-imaging footage: gas plumes that are known pixel by pixel."""

from fgstp.plumes.presets import CATEGORIES
from fgstp.plumes.video import PlumeFrame, SyntheticVideo

__all__ = ["CATEGORIES", "PlumeFrame", "SyntheticVideo"]
