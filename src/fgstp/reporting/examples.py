"""Frames that figures show as examples, chosen from the masks alone."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp.footage.clip_store import ClipStore


class Example(NamedTuple):
    """A frame to show.

    Attributes:
        group: what it is an example of, such as a category.
        clip: id of its clip.
        frame: its number in the clip.
        gas_pixels: pixels with gas in its mask; 0 if no frame of the group has gas.
    """

    group: str
    clip: str
    frame: int
    gas_pixels: int


def choose_examples(clips: Mapping[str, Sequence[str]], store: ClipStore) -> list[Example]:
    """Choose from each group the frame with the median gas area.

    Of an even number of frames with gas, it is the lower of the two in the middle; if no frame
    has gas, it is the middle frame of the first clip.

    Args:
        clips: ids of clips that have masks, by group.
        store: the clips.

    Returns:
        An example for each group.
    """
    return [_choose(group, sorted(names), store) for group, names in clips.items()]


def _choose(group: str, clips: Sequence[str], store: ClipStore) -> Example:
    areas = sorted(
        (area, clip, frame)
        for clip in clips
        for frame, area in gas_areas(store, clip).items()
        if area > 0
    )
    if areas:
        area, clip, frame = areas[(len(areas) - 1) // 2]
        return Example(group, clip, frame, area)
    annotated = store.clip(clips[0]).annotated
    return Example(group, clips[0], int(annotated[len(annotated) // 2]), 0)


def gas_areas(store: ClipStore, clip: str) -> dict[int, int]:
    """Pixels with gas in each annotated frame of a clip, by the number of the frame."""
    data = store.clip(clip)
    areas = np.count_nonzero(data.masks(data.annotated), axis=(1, 2))
    return dict(zip(data.annotated.tolist(), areas.tolist(), strict=True))


def frame_and_mask(
    example: Example, store: ClipStore
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The frame of an example and its mask, both (H, W) uint8."""
    data = store.clip(example.clip)
    return np.array(data.frames[example.frame]), data.masks(np.array([example.frame]))[0]


def spread(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Select at most `count` rows, evenly from the first to the last."""
    places = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
    return rows.iloc[places]
