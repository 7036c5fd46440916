"""What models have in common that are told the gas of one frame and follow it."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fgstp.models.base import Given


def followed(
    frames: NDArray[np.uint8],
    given: Given,
    later_maps: Callable[[NDArray[np.uint8], NDArray[np.bool_]], Iterable[Tensor]],
) -> NDArray[np.float32]:
    """Maps of a clip: the given mask in its frame, what is found after it, and 0 before.

    A mask without gas leaves nothing to follow: all is 0.

    Args:
        frames: (T, H, W), consecutive frames.
        given: the mask, and the number of its frame.
        later_maps: gives maps (H, W) in [0, 1] of all frames but the first, from the frames that
            begin with the given one, and the mask (H, W) of that.

    Returns:
        (T, H, W) float32 in [0, 1].
    """
    maps = np.zeros(frames.shape, np.float32)
    mask = np.asarray(given.first_mask) > 0
    if mask.any():
        first = given.first_frame
        maps[first] = mask
        for number, found in enumerate(later_maps(frames[first:], mask), start=first + 1):
            maps[number] = found.cpu().numpy()
    return maps


def resized_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """A mask at another size, by nearest pixels.

    A mask too small to be met by any of them is not lost: all pixels that touch it are gas.

    Args:
        mask: (H, W) bool.
        size: height and width (h, w) of the result.

    Returns:
        (h, w) bool.
    """
    picture = mask[None, None].float()
    resized = functional.interpolate(picture, size, mode="nearest-exact")
    if not resized.any():
        resized = functional.adaptive_max_pool2d(picture, size)
    return resized[0, 0] > 0
