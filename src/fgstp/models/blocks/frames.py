"""Frames as the networks take them, and maps as clips keep them."""

import torch
from torch import Tensor
from torch.nn import functional

from fgstp.models.blocks.decoder import Maps, resized
from fgstp.models.blocks.encoder import STRIDE
from fgstp.models.blocks.resizing import resize_weights
from fgstp.models.settings import NormalisationSettings


def network_input(
    frames: Tensor, height_px: int, width_px: int, normalisation: NormalisationSettings
) -> Tensor:
    """Resize and normalise grey frames.

    Args:
        frames: (N, H, W) uint8.
        height_px: height of the result; the frames are resized as by `at_size`.
        width_px: width of the result.
        normalisation: of the pixels, scaled to [0, 1].

    Returns:
        (N, 3, height_px, width_px) float32: three equal channels.
    """
    return normalised(at_size(grey_levels(frames), height_px, width_px), normalisation)


def grey_levels(frames: Tensor) -> Tensor:
    """Frames (N, H, W) uint8 -> (N, 1, H, W) float32 in [0, 1]."""
    return frames.unsqueeze(1).float() / 255.0


def at_size(grey: Tensor, height_px: int, width_px: int) -> Tensor:
    """Grey frames (N, 1, H, W) -> (N, 1, height_px, width_px): bilinear with anti-aliasing."""
    size = height_px, width_px
    if grey.shape[-2:] == size:
        return grey
    if torch.compiler.is_exporting():  # OpenVINO would leave the anti-aliasing out
        sides = zip(grey.shape[-2:], size, strict=True)
        rows, columns = (torch.from_numpy(resize_weights(*each)) for each in sides)
        return rows @ grey @ columns.T
    return functional.interpolate(grey, size=size, mode="bilinear", antialias=True)


def normalised(grey: Tensor, normalisation: NormalisationSettings) -> Tensor:
    """Grey frames (..., 1, H, W) in [0, 1] as three normalised channels, (..., 3, H, W)."""
    values = normalisation.mean, normalisation.std
    mean, std = (torch.tensor(each, device=grey.device).view(3, 1, 1) for each in values)
    return (grey - mean) / std


def probabilities(logits: Tensor, height_px: int, width_px: int) -> Tensor:
    """Logits (N, 1, h, w) -> (N, H, W) float32 in [0, 1]: resized bilinearly, then squashed."""
    if logits.shape[-2:] != (height_px, width_px):
        logits = functional.interpolate(logits, size=(height_px, width_px), mode="bilinear")
    return torch.sigmoid(logits.float()).squeeze(1)


def padded_size(size: tuple[int, ...], stride: int = STRIDE) -> tuple[int, ...]:
    """Height and width, each raised to the next multiple of the stride."""
    return tuple(side + -side % stride for side in size)


def padded(frames: Tensor, stride: int = STRIDE) -> Tensor:
    """Frames (B, C, H, W), padded; the same tensor if there is nothing to pad."""
    bottom, right = (-side % stride for side in frames.shape[-2:])
    if not (bottom or right):
        return frames
    return functional.pad(frames, (0, right, 0, bottom), mode="replicate")


def cut(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Maps of padded frames -> maps of the frames, (..., H, W)."""
    return maps[..., : size[0], : size[1]]


def enlarged(maps: Maps, size: tuple[int, ...]) -> Maps:
    """A decoder's four maps of padded frames, each at the frames' own size, (B, 1, H, W)."""
    return Maps(*(cut(resized(level, padded_size(size)), size) for level in maps))
