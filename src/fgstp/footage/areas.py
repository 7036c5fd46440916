"""Areas that annotations mark: polygons and run lengths, drawn into masks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EDGES_AT_ONCE = 1024  # of a polygon, so that memory has a bound
MAX_COORDINATE_PX = 1e6
MAX_SHIFT = 60  # bits of a run length that are read


@dataclass(frozen=True)
class Polygon:
    """An area within a closed line; where the line crosses itself, by the even-odd rule.

    Attributes:
        points: (N, 2) float64: x and y in pixels; pixel (0, 0) covers [0, 1) x [0, 1).
        relative: x and y are fractions of width and height instead.
    """

    points: NDArray[np.float64]
    relative: bool = False

    @classmethod
    def of(cls, numbers: Sequence[object], relative: bool = False) -> "Polygon":
        """A polygon of x, y, x, y, ... or of pairs (x, y), as numbers or as text.

        Raises:
            ValueError: fewer than three points, or what is no number or too large.
        """
        try:
            points = np.array(numbers, np.float64)
        except (ValueError, TypeError, OverflowError) as error:
            raise ValueError("a polygon has coordinates that are not pairs of numbers") from error
        if points.ndim == 1 and points.size % 2 == 0:
            points = points.reshape(-1, 2)
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
            raise ValueError("a polygon has not the x and y of three points or more")
        if not (np.abs(points) < (2 if relative else MAX_COORDINATE_PX)).all():
            what = "fractions of width and height" if relative else "pixels of a picture"
            raise ValueError(f"a polygon has coordinates that cannot be {what}")
        return cls(points, relative)

    def draw(self, mask: NDArray[np.uint8], value: int) -> None:
        """Set all pixels of a mask (H, W) whose centre is inside; the rest stays as it is."""
        height, width = mask.shape
        points = self.points * (width, height) if self.relative else self.points
        low, high = (
            np.clip(bound, 0, (width, height)).astype(int)
            for bound in (np.floor(points.min(axis=0)), np.ceil(points.max(axis=0)))
        )
        part = mask[low[1] : high[1], low[0] : high[0]]
        part[_inside(points - low, part.shape)] = value


def _inside(points: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels to whose left a row of centres crosses the line an odd number of times: (H, W)."""
    crossings = np.zeros((size[0], size[1] + 1), np.uint8)  # overflows, which keeps odd odd
    edges = np.hstack([points, np.roll(points, -1, axis=0)])
    # Downwards, so that neighbours cut a common edge at the same pixels.
    edges = np.where(edges[:, 1:2] > edges[:, 3:4], edges[:, [2, 3, 0, 1]], edges)
    for first in range(0, len(edges), EDGES_AT_ONCE):
        np.add.at(crossings, _crossings(edges[first : first + EDGES_AT_ONCE], size), 1)
    return np.cumsum(crossings[:, :-1], axis=1, dtype=np.uint8) % 2 == 1


def _crossings(
    edges: NDArray[np.float64], size: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and first column to the right of each place where an edge crosses a row of centres."""
    height, width = size
    x0, y0, x1, y1 = edges.T
    first, end = (np.clip(np.ceil(y - 0.5), 0, height).astype(np.int64) for y in (y0, y1))
    n_rows = end - first
    edge = np.repeat(np.arange(len(edges)), n_rows)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows)
    x = x0[edge] + (row + 0.5 - y0[edge]) * (x1 - x0)[edge] / (y1 - y0)[edge]
    return row, np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)


@dataclass(frozen=True)
class Runs:
    """A box of pixels as run lengths: so many outside the area, so many inside, and so on.

    Attributes:
        left: first column of the box.
        top: first row.
        width: columns of the box.
        height: rows.
        counts: (R,) int64, the run lengths.
        by_columns: the pixels are counted column by column, not row by row.
    """

    left: int
    top: int
    width: int
    height: int
    counts: NDArray[np.int64]
    by_columns: bool = False

    def __post_init__(self) -> None:
        n_pixels = max(0, self.width) * max(0, self.height)
        counts = self.counts
        sound = np.all((counts >= 0) & (counts <= n_pixels)) and counts.sum() == n_pixels
        if not n_pixels or not sound:
            raise ValueError(
                f"a mask of {self.width} x {self.height} has run lengths that do not fill it"
            )

    @classmethod
    def of_mask(cls, inside: NDArray[np.bool_], left: int = 0, top: int = 0) -> "Runs":
        """The area that is true in a box of pixels, (H, W)."""
        height, width = inside.shape
        # Where pixels differ from the one before; the first run is outside, if only of length 0.
        starts = np.flatnonzero(np.diff(inside.ravel(), prepend=False))
        counts = np.diff(starts, prepend=0, append=inside.size)
        return cls(left, top, width, height, counts)

    def draw(self, mask: NDArray[np.uint8], value: int) -> None:
        """Set all pixels of a mask (H, W) that are inside; the rest stays as it is."""
        inside = np.repeat(np.arange(len(self.counts)) % 2 == 1, self.counts)
        lines = (self.width, -1) if self.by_columns else (self.height, -1)
        pixels = inside.reshape(lines).T if self.by_columns else inside.reshape(lines)
        box = mask[self.top : self.top + self.height, self.left : self.left + self.width]
        box[pixels] = value


def run_lengths(numbers: Sequence[int | str]) -> NDArray[np.int64]:
    """Run lengths from numbers or text; a `ValueError` if they are no whole numbers."""
    try:
        return np.array([int(number) for number in numbers], np.int64)
    except (ValueError, OverflowError) as error:
        raise ValueError("a mask has run lengths that are no whole numbers") from error


def decode_counts(text: str) -> list[int]:
    """Run lengths from the compressed text of COCO.

    Each character holds five bits, the lowest first, and whether more follow. From the fourth
    on, a run length is the difference to the one two before it.

    Raises:
        ValueError: the text is no such thing, or breaks off.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > MAX_SHIFT:
            raise ValueError("a mask has compressed run lengths that cannot be read")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:  # negative
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("a mask has compressed run lengths that break off")
    return counts
