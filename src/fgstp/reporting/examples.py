"""Frames that figures show as examples, chosen from the masks alone."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp.footage.clip_table import ClipRow
from fgstp.footage.video_store import Clip, VideoStore


class Example(NamedTuple):
    """A frame to show.

    Attributes:
        group: what it is an example of, such as a category.
        clip: its clip.
        frame: its number in the clip.
        gas_pixels: pixels with gas in its mask; 0 if no frame of the group has gas.
    """

    group: str
    clip: ClipRow
    frame: int
    gas_pixels: int


def choose_examples(clips: Mapping[str, Sequence[ClipRow]], store: VideoStore) -> list[Example]:
    """Choose from each group the frame with the median gas area.

    Of an even number of frames with gas, it is the lower of the two in the middle; if no frame
    has gas, it is the middle frame of the first clip.

    Args:
        clips: clips that have masks, by group.
        store: the videos.

    Returns:
        An example for each group.
    """
    return [_choose(group, sorted(chosen), store) for group, chosen in clips.items()]


def _choose(group: str, clips: Sequence[ClipRow], store: VideoStore) -> Example:
    areas = sorted(
        (area, clip, frame)
        for clip in clips
        for frame, area in gas_areas(clip.read(store)).items()
        if area > 0
    )
    if areas:
        area, clip, frame = areas[(len(areas) - 1) // 2]
        return Example(group, clip, frame, area)
    annotated = clips[0].read(store).annotated
    return Example(group, clips[0], int(annotated[len(annotated) // 2]), 0)


def gas_areas(clip: Clip) -> dict[int, int]:
    """Pixels with gas in each annotated frame of a clip, by the number of the frame."""
    areas = np.count_nonzero(clip.masks(), axis=(1, 2))
    return dict(zip(clip.annotated.tolist(), areas.tolist(), strict=True))


def frame_and_mask(
    example: Example, store: VideoStore
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The frame of an example and its mask, both (H, W) uint8."""
    clip = example.clip.read(store)
    return np.array(clip.frames[example.frame]), clip.masks(np.array([example.frame]))[0]


def spread(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Select at most `count` rows, evenly from the first to the last."""
    places = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
    return rows.iloc[places]
