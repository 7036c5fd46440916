"""Masks of some frames of a video, a bit a pixel."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GAS, VOID = 1, 255  # values of a mask, beside 0; void pixels are neither gas nor free of it


def packed(
    numbers: NDArray[np.integer], masks: NDArray[np.bool_] | NDArray[np.uint8]
) -> NDArray[np.void]:
    """Pack masks into records of a frame number, `frame` int32, and its mask, `bits` uint8.

    Args:
        numbers: (A,) numbers of frames.
        masks: (A, H, W) bool or uint8; what is not 0 is set.
    """
    _, height, width = masks.shape
    bits = np.packbits(masks.reshape(-1, height * width), axis=1)
    rows = np.empty(len(masks), [("frame", "<i4"), ("bits", "u1", bits.shape[1:])])
    rows["frame"], rows["bits"] = numbers, bits
    return rows


def n_set(rows: NDArray[np.void]) -> int:
    """Count the pixels that are set in `packed` masks."""
    return int(np.bitwise_count(rows["bits"]).sum())


@dataclass(frozen=True)
class PackedMasks:
    """Masks of some frames of a stretch, unpacked when they are read.

    Attributes:
        numbers: (A,) int64, numbers of their frames, from 0 in the stretch, sorted.
        bits: (A, ceil(H * W / 8)) uint8.
        size: height and width.
    """

    numbers: NDArray[np.int64]
    bits: NDArray[np.uint8]
    size: tuple[int, int]

    @classmethod
    def between(
        cls, rows: NDArray[np.void] | None, start: int, end: int, size: tuple[int, int]
    ) -> "PackedMasks":
        """Those of the frames from `start` to before `end`, of the `packed` rows of a video.

        Args:
            rows: of all frames, sorted by frame; None if there are none.
            start: number of the first frame of the stretch in the video.
            end: number of the frame after its last.
            size: height and width of the frames.
        """
        if rows is None:
            return cls(np.empty(0, np.int64), np.empty((0, 0), np.uint8), size)
        # Bisection reads a few numbers; the column as a whole is spread over the file.
        numbers = rows["frame"]
        inside = rows[bisect_left(numbers, start) : bisect_left(numbers, end)]
        return cls(inside["frame"].astype(np.int64) - start, inside["bits"], size)

    def read(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Unpack the masks of these frames, 0/1: (n, H, W) uint8, with zeros for frames without."""
        masks = np.zeros((len(numbers), *self.size), np.uint8)
        if len(self.numbers):
            places = np.searchsorted(self.numbers, numbers).clip(max=len(self.numbers) - 1)
            known = self.numbers[places] == numbers
            n_pixels = self.size[0] * self.size[1]
            bits = np.unpackbits(self.bits[places[known]], axis=1, count=n_pixels)
            masks[known] = bits.reshape(-1, *self.size)
        return masks


def first_frame_with_gas(masks: Iterable[NDArray[np.bool_] | NDArray[np.uint8]]) -> int | None:
    """Find the number of the first frame with gas, from 0; None if no frame has gas.

    Args:
        masks: (T, H, W), or T masks (H, W), of which those after the first with gas are not read;
            what is not 0 is gas.
    """
    return next((number for number, mask in enumerate(masks) if mask.any()), None)
