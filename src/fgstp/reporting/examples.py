"""Frames to show as examples, chosen without a look at predictions."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgstp.footage.clip_table import ClipRow
from fgstp.footage.video import AFTER_RELEASE
from fgstp.footage.video_store import VideoStore


class Example(NamedTuple):
    """A frame to show, chosen from the masks alone, or from the leak schedule.

    Attributes:
        group: the group that it represents, such as a category.
        clip: its clip.
        frame: its number in the clip.
        gas_pixels: gas pixels of its mask; 0 if no frame of the group has gas, None if none has
            a mask.
    """

    group: str
    clip: ClipRow
    frame: int
    gas_pixels: int | None

    def read(self, store: VideoStore) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The frame and its mask, both (H, W) uint8; a mask without gas if there is none."""
        clip = self.clip.read(store)
        mask = clip.masks(np.array([self.frame]))[0]
        return np.array(clip.frames[self.frame]), mask * (self.gas_pixels is not None)


def choose_examples(
    clips: Mapping[str, Sequence[ClipRow]], store: VideoStore, *, allow_pseudo_masks: bool = True
) -> list[Example]:
    """Choose the frame with the median gas area of each group.

    For an even number of frames with gas it is the lower median; if no frame has gas, it is the
    middle frame of the first clip. In a group without masks it is the middle one of the frames of
    which the schedule tells of a leak, or of all.

    Args:
        clips: by group: its clips.
        store: the videos.
        allow_pseudo_masks: whether masks that were computed from the footage count.
    """
    examples = []
    for group, rows in clips.items():
        masked = [row for row in rows if row.has_masks(allow_pseudo_masks=allow_pseudo_masks)]
        choose = _median if masked else _middle
        examples.append(choose(group, sorted(masked or rows), store))
    return examples


def _median(group: str, rows: Sequence[ClipRow], store: VideoStore) -> Example:
    areas = []
    for row in rows:
        clip = row.read(store)
        pixels = np.count_nonzero(clip.masks(), axis=(1, 2)).tolist()
        areas += [(*each, row) for each in zip(pixels, clip.annotated.tolist(), strict=True)]
    found = sorted((area, row, number) for area, number, row in areas if area)
    if found:
        area, row, number = found[(len(found) - 1) // 2]
        return Example(group, row, number, area)
    annotated = rows[0].read(store).annotated
    return Example(group, rows[0], int(annotated[len(annotated) // 2]), 0)


def _middle(group: str, rows: Sequence[ClipRow], store: VideoStore) -> Example:
    frames, leaks = [], []
    for row in rows:
        classes = row.read(store).leak_class
        known = np.zeros(row.n_frames) if classes is None else classes
        frames += [(row, number) for number in range(row.n_frames)]
        leaks += ((known > 0) & (known < AFTER_RELEASE)).tolist()
    chosen = [frame for frame, leak in zip(frames, leaks, strict=True) if leak] or frames
    row, number = chosen[len(chosen) // 2]
    return Example(group, row, number, None)
