"""Frames as the networks take them, and maps as clips keep them."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:  # the networks do without pydantic
    from fgstp.models.settings import NormalisationSettings


def network_input(
    frames: Tensor, height_px: int, width_px: int, normalisation: "NormalisationSettings"
) -> Tensor:
    """Resize and normalise grey frames.

    Args:
        frames: (N, H, W) uint8.
        height_px: height that the network works at.
        width_px: width that the network works at.
        normalisation: of the frames.

    Returns:
        (N, 3, height_px, width_px) float32: three equal channels, bilinear with
        anti-aliasing, scaled to [0, 1], normalised.
    """
    return normalised(at_size(grey_levels(frames), height_px, width_px), normalisation)


def grey_levels(frames: Tensor) -> Tensor:
    """Frames (N, H, W) uint8 -> (N, 1, H, W) float32 in [0, 1]."""
    return frames.unsqueeze(1).float() / 255.0


def at_size(grey: Tensor, height_px: int, width_px: int) -> Tensor:
    """Grey frames (N, 1, H, W) -> (N, 1, height_px, width_px): bilinear with anti-aliasing."""
    if grey.shape[-2:] == (height_px, width_px):
        return grey
    size = height_px, width_px
    return functional.interpolate(grey, size=size, mode="bilinear", antialias=True)


def normalised(grey: Tensor, normalisation: "NormalisationSettings") -> Tensor:
    """Grey frames (..., 1, H, W) in [0, 1] as three normalised channels, (..., 3, H, W)."""
    values = normalisation.mean, normalisation.std
    mean, std = (torch.tensor(each, device=grey.device).view(3, 1, 1) for each in values)
    return (grey - mean) / std


def probabilities(logits: Tensor, height_px: int, width_px: int) -> Tensor:
    """Logits (N, 1, h, w) -> (N, H, W) float32 in [0, 1]: resized bilinearly, then squashed."""
    if logits.shape[-2:] != (height_px, width_px):
        logits = functional.interpolate(logits, size=(height_px, width_px), mode="bilinear")
    return torch.sigmoid(logits.float()).squeeze(1)
