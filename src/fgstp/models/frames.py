"""Frames as the networks take them, and maps as clips keep them."""

import torch
from torch import Tensor
from torch.nn import functional

# Of ImageNet, in RGB, for pixels in [0, 1]: what encoders with pre-trained weights expect.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def network_input(frames: Tensor, height_px: int, width_px: int) -> Tensor:
    """Resize and normalise grey frames.

    Args:
        frames: (N, H, W) uint8.
        height_px: height that the network works at.
        width_px: width that the network works at.

    Returns:
        (N, 3, height_px, width_px) float32: three equal channels, bilinear with
        anti-aliasing, scaled to [0, 1], less the mean, by the standard deviation.
    """
    grey = frames.unsqueeze(1).float() / 255.0
    if grey.shape[-2:] != (height_px, width_px):
        grey = functional.interpolate(
            grey, size=(height_px, width_px), mode="bilinear", antialias=True
        )
    mean, std = (torch.tensor(v, device=grey.device).view(3, 1, 1) for v in (MEAN, STD))
    return (grey - mean) / std


def probabilities(logits: Tensor, height_px: int, width_px: int) -> Tensor:
    """Logits (N, 1, h, w) -> (N, H, W) float32 in [0, 1]: resized bilinearly, then squashed."""
    if logits.shape[-2:] != (height_px, width_px):
        logits = functional.interpolate(logits, size=(height_px, width_px), mode="bilinear")
    return torch.sigmoid(logits.float()).squeeze(1)
