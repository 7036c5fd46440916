"""Pictures as masks: which pixels are gas, which are background, and which are void."""

from collections.abc import Mapping
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import FootageError
from fgstp.footage.mask_levels import (
    FLAT_RANGE,
    HINT,
    clear_levels,
    colour_codes,
    is_rim,
    one_colour,
    values_in,
)
from fgstp.footage.packed_masks import GAS, VOID
from fgstp.footage.pictures import Picture

VOC_VOID_BGR = (192, 224, 224)
Meaning = Literal["gas", "background", "void"]
SAME_LEVEL, SAME_COLOUR = 1 / 8, 1 / 4  # of the full range, which compression may change
VALUE: dict[Meaning, int] = {"gas": GAS, "background": 0, "void": VOID}


class MaskReader:
    """Turns the mask pictures of one video into masks, all by the same rule.

    Understood as they are: 0 and 1, 0 and the maximum, a palette whose first colour is the
    background (as DAVIS and VOC have it), one colour on black, a shape in the alpha channel, and
    255 as void beside a palette, or as the rim of 1. What could mean several things is refused;
    `labelmap` names it.

    Attributes:
        labelmap: meaning of each label: a number (`"2"`) or a colour (`"#ff0000"`); empty: guess.
        remarks: what a reader of the video table should know.
    """

    def __init__(self, labelmap: Mapping[str, Meaning]) -> None:
        self.labelmap = labelmap
        self.remarks: dict[str, None] = {}
        self._rule: str | None = None
        self._labels: set[int] = set()
        self._looks: dict[str, NDArray[np.float64]] = {}

    def read(self, picture: Picture) -> NDArray[np.uint8]:
        """The mask that a picture shows: (H, W) uint8: 0, 1, or 255 for void.

        Raises:
            FootageError: the picture could mean several things, or not what the ones before mean.
        """
        if self.labelmap:
            return self._mapped(picture)
        mask = self._guessed(picture)
        if np.count_nonzero(mask == GAS) > mask.size / 2:
            self.remarks[f"gas covers more than half of a mask; if black means gas, {HINT}"] = None
        return mask

    def _guessed(self, picture: Picture) -> NDArray[np.uint8]:
        if picture.pixels.dtype not in (np.uint8, np.uint16):
            raise FootageError(
                f"its pixels are {picture.pixels.dtype}; save masks as pictures of 8 or 16 bits"
            )
        if picture.indices is not None and not _is_grey_palette(picture):
            return self._palette(picture)
        pixels, alpha = picture.pixels, picture.alpha
        if alpha is not None and alpha.min() != alpha.max():
            return self._levels(_shape_in_alpha(pixels, alpha))
        if alpha is not None and not alpha.any():  # a frame without gas, drawn in alpha
            return np.zeros(alpha.shape, np.uint8)
        if pixels.ndim == 2:
            return self._levels(pixels)
        void = (pixels == VOC_VOID_BGR).all(axis=2)
        mask = self._levels(one_colour(np.where(void[..., None], 0, pixels)))
        shades = pixels[(mask == GAS) & ~void]
        if len(shades):
            ratios = np.median(shades / shades.max(axis=1, keepdims=True), axis=0)
            self._keep_look("another colour", ratios, SAME_COLOUR)
        return np.where(void, VOID, mask).astype(np.uint8)

    def _palette(self, picture: Picture) -> NDArray[np.uint8]:
        indices = picture.indices
        assert indices is not None
        if np.any(picture.pixels[indices == 0]):
            raise FootageError(f"the first colour of its palette is not black; {HINT}")
        labels = values_in(indices) - {0, VOID}
        self._labels |= labels
        if len(self._labels) > 1:
            self.remarks[f"masks have several labels, all taken as gas; otherwise {HINT}"] = None
        if labels or (indices == VOID).any():
            self._keep_rule("labels from 1 on")
        return np.where(indices == VOID, VOID, indices > 0).astype(np.uint8)

    def _levels(self, grey: NDArray[np.integer]) -> NDArray[np.uint8]:
        full = int(np.iinfo(grey.dtype).max)
        levels = values_in(grey) - {0}
        if not levels:
            return np.zeros(grey.shape, np.uint8)
        if levels == {GAS} or (levels == {GAS, VOID} and is_rim(grey == VOID)):
            self._keep_rule("labels from 1 on")
            return grey.astype(np.uint8)
        clear = [GAS, VOID] if levels == {GAS, VOID} else clear_levels(grey)
        if len(clear) > 1 or max(levels) <= full // 2 or (clear and clear[0] <= full // 2):
            shown = ", ".join(str(level) for level in clear or sorted(levels)[:5])
            raise FootageError(
                f"it holds the levels {shown} of {full}, which may be labels; {HINT}, or save "
                "masks with 0 and 1, or with 0 and the maximum"
            )
        self._keep_rule("the maximum")
        if clear:
            self._keep_look("another level", np.array([clear[0] / full]), SAME_LEVEL)
        if max(levels) - min(levels) > FLAT_RANGE * full // 255:
            self.remarks["masks have grey edges, which were cut at half of the maximum"] = None
        return (grey > full // 2).astype(np.uint8)

    def _keep_rule(self, rule: str) -> None:
        """See that all masks mean the same: 255 is gas by one rule, and void by the other."""
        if self._rule not in (None, rule):
            raise FootageError(
                f"it marks gas by {rule}, but the masks before it by {self._rule}; {HINT}"
            )
        self._rule = rule

    def _keep_look(self, what: str, look: NDArray[np.float64], tolerance: float) -> None:
        """See that all masks show one label, in fractions of the full range."""
        if np.abs(look - self._looks.setdefault(what, look)).max() > tolerance:
            raise FootageError(
                f"it shows {what} than the masks before it, and each may be a label; {HINT}"
            )

    def _mapped(self, picture: Picture) -> NDArray[np.uint8]:
        """By the labelmap: numbers stand for indices or levels, colours for colours."""
        numbers = picture.indices if picture.indices is not None else picture.pixels
        if numbers.ndim == 3 and (numbers == numbers[..., :1]).all():  # grey, saved as colour
            numbers = numbers[..., 0]
        by_colour = any(label.startswith("#") for label in self.labelmap) or numbers.ndim == 3
        codes = colour_codes(picture.pixels) if by_colour else numbers.astype(np.int64)
        if picture.indices is None and picture.alpha is not None:
            codes = np.where(picture.alpha > 127, codes, 0)  # what is not seen is background
        known = {label.lower(): VALUE[meaning] for label, meaning in self.labelmap.items()}
        mask = np.zeros(codes.shape, np.uint8)
        for code in np.unique(codes):
            label = f"#{code:06x}" if by_colour else str(code)
            value = known.get(label, 0 if code == 0 else None)
            if value is None:
                raise FootageError(
                    f"its label {label} is not in ingest.masks.labelmap, which knows "
                    f"{', '.join(self.labelmap)}; add it"
                )
            mask[codes == code] = value
        return mask


def _is_grey_palette(picture: Picture) -> bool:
    """Whether a palette only holds black and white, in whatever order."""
    used = np.unique(picture.pixels.reshape(-1, 3), axis=0)
    return bool((used.min(axis=1) == used.max(axis=1)).all()) and set(used[:, 0]) <= {0, 255}


def _shape_in_alpha(pixels: NDArray[np.integer], alpha: NDArray[np.uint8]) -> NDArray[np.integer]:
    """Alpha as a mask, where the colours say nothing else."""
    flat = pixels.reshape(*alpha.shape, -1)
    visible = flat[alpha > 127]
    if not len(visible) or (visible == visible[0]).all():
        return alpha
    raise FootageError(
        "it has colours and a shape in its alpha channel, and either could be the mask; save it "
        "without alpha"
    )


def with_void_band(mask: NDArray[np.uint8], radius_px: int) -> NDArray[np.uint8]:
    """Make void what is at most `radius_px` from gas and from background.

    Args:
        mask: (H, W) uint8: 0, 1, or 255 for void.
        radius_px: half the width of the band; 0 changes nothing.
    """
    if not radius_px:
        return mask
    rows, columns = np.mgrid[-radius_px : radius_px + 1, -radius_px : radius_px + 1]
    disc = (rows**2 + columns**2 <= radius_px**2).astype(np.uint8)
    near_gas, near_background = (
        cv2.dilate((mask == value).astype(np.uint8), disc) > 0 for value in (GAS, 0)
    )
    return np.where(near_gas & near_background, VOID, mask).astype(np.uint8)


def fit_mask(mask: NDArray[np.uint8], size: tuple[int, int]) -> tuple[NDArray[np.uint8], str]:
    """Bring a mask to the size (H, W) of its frame: cut or scaled by nearest neighbour.

    Rows and columns that only fill up the last macroblock of 8 or 16 pixels are cut.

    Returns:
        The mask, and a remark; empty if nothing was done.

    Raises:
        FootageError: the mask has other proportions: it cannot be of this frame.
    """
    (height, width), (to_height, to_width) = mask.shape, size
    if mask.shape == size:
        return mask, ""
    if height * to_width == width * to_height:
        scaled = cv2.resize(mask, (to_width, to_height), interpolation=cv2.INTER_NEAREST_EXACT)
        return np.asarray(scaled, np.uint8), (
            f"masks of {width} x {height} were scaled to {to_width} x {to_height}"
        )
    for block in (8, 16):
        if mask.shape == tuple(-(-length // block) * block for length in size):
            return mask[:to_height, :to_width], (
                f"masks of {width} x {height} were cut to {to_width} x {to_height}"
            )
    raise FootageError(
        f"it is {width} x {height}, but its frame is {to_width} x {to_height}; give it the size "
        "of the frame, or a multiple of it"
    )
