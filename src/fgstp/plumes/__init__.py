"""Synthetic optical-gas-imaging footage: gas plumes with a ground truth for every pixel."""

from fgstp.plumes.conditions import Conditions
from fgstp.plumes.video import PlumeFrame, SyntheticVideo
from fgstp.plumes.view import CATEGORIES

__all__ = ["CATEGORIES", "Conditions", "PlumeFrame", "SyntheticVideo"]
