"""Pseudo masks: masks computed from the footage, for footage without annotations."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.footage.cutting import Stretch
from fgstp.footage.settings import PseudoMaskSettings

SAMPLES_PER_SECOND_HZ = 1.0


def add_pseudo_masks(
    clips: Iterator[Stretch], settings: PseudoMaskSettings, fps_hz: float
) -> Iterator[Stretch]:
    """Add pseudo masks to the clips that have no masks.

    The background of a clip is a percentile over time of the footage around it, sampled at one
    frame per second. So some clips are held back until those after them are known; their number
    depends only on the window.

    A leak schedule is known better than any difference of grey levels: frames of a leak class of 0
    or less, while no gas is released, have no gas.

    Args:
        clips: clips of one video in the order of time, which stays.
        settings: see `PseudoMaskSettings`.
        fps_hz: true frame rate.
    """
    for clip, surroundings in _with_surroundings(clips, settings.window_s, fps_hz):
        if not len(clip.annotated):
            masks = segment(clip.frames, surroundings, settings)
            if clip.leak_class is not None:
                masks[clip.leak_class <= 0] = 0
            every = np.arange(len(masks))
            yield replace(clip, annotated=every, masks=masks, mask_source="pseudo")
        else:
            yield clip


def _with_surroundings(
    clips: Iterator[Stretch], window_s: float, fps_hz: float
) -> Iterator[tuple[Stretch, NDArray[np.uint8]]]:
    """Yield each clip with samples of the footage before, in and after it."""
    waiting: deque[Stretch] = deque()
    samples: dict[int, NDArray[np.uint8]] = {}
    reach = 0
    for clip in clips:
        reach = clips_around(window_s, len(clip.frames), fps_hz)
        samples[clip.index] = clip.frames[:: max(1, round(fps_hz / SAMPLES_PER_SECOND_HZ))].copy()
        waiting.append(clip)
        if len(waiting) > reach:
            yield waiting[0], _gather(samples, waiting[0].index - reach)
            waiting.popleft()
    for clip in waiting:
        yield clip, _gather(samples, clip.index - reach)


def _gather(samples: dict[int, NDArray[np.uint8]], first: int) -> NDArray[np.uint8]:
    """Join the samples from clip `first` on, and remove those before it."""
    for index in [index for index in samples if index < first]:
        del samples[index]
    return np.concatenate(list(samples.values()))


def clips_around(window_s: float, clip_length: int, fps_hz: float) -> int:
    """Compute how many clips on each side of a clip its background is taken from, at least 1."""
    clip_s = clip_length / fps_hz
    return max(1, round((window_s / clip_s - 1) / 2))


def segment(
    frames: NDArray[np.uint8], surroundings: NDArray[np.uint8], settings: PseudoMaskSettings
) -> NDArray[np.uint8]:
    """Segment what differs from the background: (T, H, W) uint8, 0/1.

    Args:
        frames: (T, H, W) uint8.
        surroundings: (N, H, W) uint8, samples of the footage around them.
        settings: polarity, percentile, threshold and clean-up.
    """
    masks = np.zeros(frames.shape, np.uint8)
    for sign, percentile in _polarities(settings):
        background = np.percentile(surroundings, percentile, axis=0).astype(np.float32)
        for frame, mask in zip(frames, masks, strict=True):
            difference = sign * (frame - background)
            # Most of a frame is no gas: a difference of all pixels is the camera's gain.
            difference -= np.median(difference[::4, ::4])
            np.maximum(mask, _clean(difference > settings.threshold_levels, settings), out=mask)
    return masks


def _polarities(settings: PseudoMaskSettings) -> list[tuple[int, float]]:
    bright, dark = (1, settings.percentile), (-1, 100 - settings.percentile)
    return {"bright": [bright], "dark": [dark], "both": [bright, dark]}[settings.polarity]


def _clean(mask: NDArray[np.bool_], settings: PseudoMaskSettings) -> NDArray[np.uint8]:
    """Open the mask and remove small components: (H, W) bool to (H, W) uint8."""
    side = settings.opening_px
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc)
    _, labels, facts, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    large = facts[:, cv2.CC_STAT_AREA] >= settings.min_area_px
    large[0] = False  # the background
    return large[labels].astype(np.uint8)
