"""Levels and colours of mask pictures: which cover areas, and which are only edges."""

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import FootageError

HINT = "say which label is gas by ingest.masks.labelmap"
FLAT_RANGE = 8  # levels that differ less are one level, blurred by compression
CLEAR_FRACTION = 0.05  # of the flat pixels; a level that covers less is a fringe
FEW_LEVELS = 8  # a picture with no more was drawn, not compressed: each level means something
RIM_PX = 7  # VOC draws void 5 pixels wide
DARK_FRACTION = 1 / 16  # of the full range; JPEG leaves such levels around what it draws


def one_colour(pixels: NDArray[np.integer]) -> NDArray[np.integer]:
    """A coloured picture as grey, if it shows one colour on black: (H, W, 3) to (H, W)."""
    brightest = pixels.max(axis=2)
    colours = np.unique(pixels.reshape(-1, 3), axis=0)
    if len(colours) <= FEW_LEVELS:  # shades of one colour are its edges
        shades = colours[colours.any(axis=1)].astype(float)
        n_colours = len(np.unique(np.rint(shades * 8 / shades.max(axis=1, keepdims=True)), axis=0))
    else:
        coarse = (pixels >> (8 * pixels.itemsize - 3)).astype(np.int64)
        codes = coarse[..., 0] * 64 + coarse[..., 1] * 8 + coarse[..., 2]
        counts = np.unique(codes[_is_flat(brightest) & (codes > 0)], return_counts=True)[1]
        n_colours = (counts > CLEAR_FRACTION * max(1, counts.sum())).sum()
    if n_colours > 1:
        raise FootageError(f"it shows several colours, which may be labels; {HINT}")
    return np.asarray(brightest)


def clear_levels(grey: NDArray[np.integer]) -> list[int]:
    """Levels that cover areas, not only edges: each the middle of neighbouring levels."""
    full = int(np.iinfo(grey.dtype).max)
    if len(values_in(grey) - {0}) <= FEW_LEVELS:  # an edge lies along the brighter
        square = np.ones((3, 3), np.uint8)
        # Products, since np.where takes ten times as long.
        tops = grey * (cv2.dilate(grey, square) == grey)
        solid = grey * (cv2.erode(grey, square) == grey)
        is_dark = tops <= int(DARK_FRACTION * full)
        clear = (values_in(tops * ~is_dark) | values_in(solid * is_dark)) - {0}
        levels = np.array(sorted(clear), np.int64)
    else:
        inner = grey[_is_flat(grey) & (grey > DARK_FRACTION * full)]
        levels, counts = np.unique(inner, return_counts=True)
        levels = levels[counts > CLEAR_FRACTION * len(inner) / 4].astype(np.int64)
    if not len(levels):
        return []
    groups = np.split(levels, np.flatnonzero(np.diff(levels) > FLAT_RANGE * full // 255) + 1)
    return [int(np.median(group)) for group in groups]


def values_in(pixels: NDArray[np.integer]) -> set[int]:
    """The values that occur. Masks are flat, so that few words of eight bytes differ."""
    flat = np.ascontiguousarray(pixels).reshape(-1)
    n_in_words = len(flat) - len(flat) % (8 // flat.itemsize)
    words = np.sort(flat[:n_in_words].view(np.uint64))
    distinct = words[np.append(True, words[1:] != words[:-1])[: len(words)]]
    return {*np.unique(distinct.view(flat.dtype)).tolist(), *flat[n_in_words:].tolist()}


def is_rim(area: NDArray[np.bool_]) -> bool:
    """Whether an area is nowhere wider than a rim around an object, as void is in VOC."""
    eroded = cv2.erode(area.astype(np.uint8), np.ones((RIM_PX, RIM_PX), np.uint8))
    return not eroded.any()


def _is_flat(grey: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Pixels whose eight neighbours have about the same level: (H, W) bool."""
    square = np.ones((3, 3), np.uint8)
    high, low = cv2.dilate(grey, square), cv2.erode(grey, square)
    return np.asarray(high - low <= FLAT_RANGE * np.iinfo(grey.dtype).max // 255)


def colour_codes(pixels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Red, green and blue in one number: (H, W)."""
    if pixels.dtype == np.uint16:
        pixels = pixels >> 8
    bgr = np.broadcast_to(pixels[..., None], (*pixels.shape, 3)) if pixels.ndim == 2 else pixels
    blue, green, red = (bgr[..., channel].astype(np.int64) for channel in range(3))
    return red << 16 | green << 8 | blue
