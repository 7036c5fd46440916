"""Decoded frames of a video file, as grey pictures of one size."""

from functools import cache
from typing import Any

import cv2
import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter
from numpy.typing import NDArray

from fgstp.core.errors import FootageError
from fgstp.footage.grey import COLOUR_REMARK, LIMITED_LUMA, GreySpan, is_coloured, to_grey

COLOUR_SAMPLES = 8  # frames that are looked at for colour


class VideoPictures:
    """Turns the decoded frames of a video into grey pictures of one size and depth.

    Attributes:
        remarks: what was changed.
    """

    def __init__(self, n_frames: int) -> None:
        self.remarks: list[str] = []
        self._reformatter = VideoReformatter()
        self._every = max(1, n_frames // COLOUR_SAMPLES)
        self._first: NDArray[np.integer] | None = None
        self._matrix: NDArray[np.int32] | None = None
        self._rotation = 0

    def __call__(
        self, image: VideoFrame, place: int
    ) -> tuple[NDArray[np.integer], GreySpan | None]:
        """The picture of one frame, (H, W) uint8 or uint16, and its span; see `Frame`."""
        is_sample = place % self._every == 0 and _has_colour_channels(image)
        if is_sample and is_coloured(self._colours(image)):
            self._remark(COLOUR_REMARK)
        grey, span = self._counts(image)
        if self._first is None or image.rotation != self._rotation:
            self._rotation, self._matrix = image.rotation, _display_matrix(image)
        if self._matrix is not None:
            grey = _turned(grey, self._matrix)
            self._remark("turned or mirrored, as the file says")
        if self._first is None:
            self._first = grey
        return self._fitted(grey, self._first), span

    def _counts(self, image: VideoFrame) -> tuple[NDArray[np.integer], GreySpan | None]:
        """One channel as it is stored, or made of colours; luma of limited range has a span."""
        name = image.format.name
        dtype, may_be_limited = _luma_plane(name)
        if dtype is None:
            return to_grey(self._colours(image)), None
        pixels = np.frombuffer(memoryview(image.planes[0]), dtype)
        luma = pixels.reshape(image.height, -1)[:, : image.width]
        if not may_be_limited or image.color_range == ColorRange.JPEG:
            return luma.copy(), None
        return luma, LIMITED_LUMA

    def _colours(self, image: VideoFrame) -> NDArray[np.integer]:
        """(H, W, 3) in BGR order, uint8 or uint16."""
        kind, dtype = ("bgr48le", "<u2") if image.format.components[0].bits > 8 else ("bgr24", "u1")
        return np.asarray(self._reformatter.reformat(image, format=kind).to_ndarray(), dtype)

    def _fitted(self, grey: NDArray[np.integer], first: NDArray[np.integer]) -> NDArray[np.integer]:
        if grey.dtype != first.dtype:
            raise FootageError(
                f"its pixels change from {first.dtype} to {grey.dtype}; cut it where they do"
            )
        if grey.shape == first.shape:
            return grey
        (height, width), (to_height, to_width) = grey.shape, first.shape
        self._remark(f"its size changes to {width} x {height} and was scaled back")
        scaled = cv2.resize(grey, (to_width, to_height), interpolation=cv2.INTER_AREA)
        return np.asarray(scaled, grey.dtype)

    def _remark(self, sentence: str) -> None:
        if sentence not in self.remarks:
            self.remarks.append(sentence)


def _display_matrix(image: VideoFrame) -> NDArray[np.int32] | None:
    """(4,): columns x and rows y go to m[0] x + m[2] y and m[1] x + m[3] y; None if they stay."""
    try:
        side_data: Any = image.side_data  # slow to look at
        stored = side_data.get(SideData.DISPLAYMATRIX)
        matrix = np.frombuffer(stored or bytes(36), np.int32)[[0, 1, 3, 4]]
    except ValueError:  # PyAV does not know all kinds of side data, such as EXIF
        angle = np.deg2rad(image.rotation)
        turn = np.array([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)])
        matrix = np.rint(65536 * turn).astype(np.int32)
    return None if abs(matrix[1]) <= abs(matrix[0]) and (matrix[[0, 3]] >= 0).all() else matrix


def _turned(grey: NDArray[np.integer], matrix: NDArray[np.int32]) -> NDArray[np.integer]:
    """Turn a picture by multiples of 90 degrees, and mirror it."""
    x_to_x, x_to_y, y_to_x, y_to_y = matrix.tolist()
    is_swapped = abs(x_to_y) > abs(x_to_x)
    across, down = (y_to_x, x_to_y) if is_swapped else (x_to_x, y_to_y)
    swapped = grey.T if is_swapped else grey
    return np.ascontiguousarray(swapped[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])


def _has_colour_channels(image: VideoFrame) -> bool:
    return len(image.format.components) > 2 or image.format.has_palette


@cache
def _luma_plane(name: str) -> tuple[str | None, bool]:
    """Depth of the luma plane of a pixel format, None without one; whether it may be limited."""
    kind = VideoFormat(name)
    first, count = kind.components[0], len(kind.components)
    if first.bits > 16:
        raise FootageError(
            f"its pixels have {first.bits} bits, but 8 to 16 are read; convert it to 16"
        )
    is_luma_plane = (kind.is_planar or count == 1) and first.is_luma
    if not is_luma_plane or kind.has_palette or kind.is_big_endian or first.bits < 8:
        return None, False
    may_be_limited = first.bits == 8 and count > 1 and not name.startswith("yuvj")
    return "u1" if first.bits == 8 else "<u2", may_be_limited
