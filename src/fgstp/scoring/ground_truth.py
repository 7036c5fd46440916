"""Ground truth: a mask, and what depends on the mask alone."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError

N_LEVELS = 256
N_BLOCKS = 4
Subject = TypeVar("Subject")
Result = TypeVar("Result")


def once(function: Callable[[Subject], Result]) -> Callable[[Subject], Result]:
    """Decorator that caches the result of a function as long as its argument lives."""
    known: WeakKeyDictionary[Subject, Result] = WeakKeyDictionary()

    @wraps(function)
    def kept(subject: Subject) -> Result:
        if subject not in known:
            known[subject] = function(subject)
        return known[subject]

    return kept


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """A mask, (H, W) bool, with cached properties, to score many predictions against it.

    An object takes about 12 bytes for each pixel, more if much of the frame is gas.
    """

    mask: NDArray[np.bool_]

    @classmethod
    def from_mask(
        cls, mask: "NDArray[np.bool_] | NDArray[np.uint8] | GroundTruth"
    ) -> "GroundTruth":
        """Make it of a mask.

        Args:
            mask: (H, W) bool, uint8 with 0 and 1, or uint8 with 0 and 255; or a ground truth,
                which is returned.

        Raises:
            UserError: shape, dtype or values are invalid.
        """
        if isinstance(mask, GroundTruth):
            return mask
        if mask.ndim != 2 or not mask.size or mask.dtype not in (np.bool_, np.uint8):
            raise UserError(f"A mask is (H, W), bool or uint8, not {mask.shape}, {mask.dtype}.")
        is_gas = np.ascontiguousarray(mask != 0)
        if mask.dtype != np.bool_:
            top = int(mask.max())
            if top not in {0, 1, 255} or np.any(mask[is_gas] != top):
                raise UserError("A mask holds 0 and 1, or 0 and 255, and nothing else.")
        return cls(is_gas)

    @cached_property
    def n_foreground(self) -> int:
        """Number of foreground pixels."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def cut(self) -> tuple[int, int]:
        """Number of rows above, and of columns left of, the cut through the centroid."""
        if not self.n_foreground:
            height, width = self.mask.shape
            return height // 2, width // 2
        rows, columns = self.mask.sum(axis=1), self.mask.sum(axis=0)
        y = rows @ np.arange(rows.size) / self.n_foreground
        x = columns @ np.arange(columns.size) / self.n_foreground
        return round(float(y)) + 1, round(float(x)) + 1

    @cached_property
    def blocks(self) -> tuple[tuple[slice, slice], ...]:
        """The four blocks of the cut: upper left, upper right, lower left, lower right."""
        y, x = self.cut
        upper, lower, left, right = slice(0, y), slice(y, None), slice(0, x), slice(x, None)
        return (upper, left), (upper, right), (lower, left), (lower, right)

    @cached_property
    def _code(self) -> NDArray[np.uint16]:
        """(H, W): 512 times the block plus 256 times the mask."""
        code = self.mask.astype(np.uint16)
        for number, block in enumerate(self.blocks):
            code[block] += 2 * number
        code *= N_LEVELS
        return code

    def count(self, prediction: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Count the pixels of a prediction (H, W) uint8 by block, mask and level, (4, 2, 256)."""
        counts = np.bincount((self._code + prediction).ravel(), minlength=N_BLOCKS * 2 * N_LEVELS)
        return counts.reshape(N_BLOCKS, 2, N_LEVELS)
