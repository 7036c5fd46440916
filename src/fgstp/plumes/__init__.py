"""Synthetic optical-gas-imaging footage: gas plumes with a ground truth for every pixel."""

from fgstp.plumes.camera import CATEGORIES
from fgstp.plumes.video import PlumeFrame, SyntheticVideo

__all__ = ["CATEGORIES", "PlumeFrame", "SyntheticVideo"]
