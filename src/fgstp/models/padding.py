"""Frames of any size for networks whose sides must be multiples of their coarsest stride.

Sides are padded at the right and at the bottom by repeating the border, and maps are cut to the
frame again. Resizing instead would blur thin plumes and change their shape; padding leaves every
pixel of the frame as it is, and zeros would be an edge in the picture.
"""

from torch import Tensor
from torch.nn import functional

from fgstp.models.decoder import Maps, resized
from fgstp.models.encoder import STRIDE


def padded_size(size: tuple[int, ...], stride: int = STRIDE) -> tuple[int, ...]:
    """Height and width, each raised to the next multiple of the stride."""
    return tuple(side + -side % stride for side in size)


def padded(frames: Tensor, stride: int = STRIDE) -> Tensor:
    """Frames (B, C, H, W), padded; the same tensor if there is nothing to pad."""
    height, width = frames.shape[-2:]
    bottom, right = -height % stride, -width % stride
    if not (bottom or right):
        return frames
    return functional.pad(frames, (0, right, 0, bottom), mode="replicate")


def cut(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Maps of padded frames -> maps of the frames, (..., H, W)."""
    height, width = size
    return maps[..., :height, :width]


def enlarged(maps: Maps, size: tuple[int, ...]) -> Maps:
    """A decoder's four maps of padded frames, each at the frames' own size, (B, 1, H, W)."""
    return Maps(*(cut(resized(level, padded_size(size)), size) for level in maps))
