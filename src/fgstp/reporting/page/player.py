"""What the player of the page shows of a video: frames, and masks of the truth and the models."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp.footage.clip_table import ClipRow
from fgstp.footage.video_store import VideoStore
from fgstp.reporting.frame_charts import first_training
from fgstp.reporting.page.pictures import frame_url, mask_url
from fgstp.reporting.results import Results
from fgstp.reporting.threshold_charts import spread_numbers

MOST_FRAMES = 120  # of a video, evenly spread; picked frames come on top
MOST_VIDEOS = 60


class Place(NamedTuple):
    """A frame of a clip: its number in the clip and its time."""

    clip: ClipRow
    number: int
    time_s: float


def places(
    clips: Sequence[ClipRow], store: VideoStore, picked: Mapping[str, set[int]]
) -> list[Place]:
    """The frames of a video that are shown, by time: some evenly spread, and the picked ones.

    Args:
        clips: the clips of the video, by first frame.
        store: the videos.
        picked: by clip: numbers of picked frames.
    """
    every = np.arange(sum(clip.n_frames for clip in clips))
    chosen = set(spread_numbers(every, MOST_FRAMES).tolist())
    found, before = [], 0
    for clip in clips:
        times_s = clip.read(store).times_s
        own = picked.get(clip.name, set())
        found += [
            Place(clip, number, float(times_s[number]))
            for number in range(clip.n_frames)
            if before + number in chosen or number in own
        ]
        before += clip.n_frames
    return sorted(found, key=lambda place: place.time_s)


def video_data(title: str, shown: Sequence[Place], results: Results) -> str:
    """The frames and masks of a video as JSON that may stand in a page.

    Args:
        title: title of the video.
        shown: its frames, see `places`.
        results: what was scored and predicted.

    Returns:
        An object with `title`; `time_s` and `number` (in the video) of each frame; `frames`, their
        pictures; `truth`, their masks, null where a frame has none and empty where it has no gas;
        and by model `masks` and `scores`, null where it was not predicted.
    """
    rows = results.rows
    data: dict[str, Any] = {"title": title, "time_s": [], "number": [], "frames": [], "truth": []}
    data |= {name: {row.model: [] for row in rows} for name in ("masks", "scores")}
    for clip in dict.fromkeys(place.clip for place in shown):
        own = [place for place in shown if place.clip is clip]
        numbers = np.array([place.number for place in own])
        view = clip.read(results.store)
        has_masks = clip.has_masks(allow_pseudo_masks=results.allow_pseudo_masks)
        known = np.isin(numbers, view.annotated) & has_masks
        in_video = (clip.first_frame + numbers).tolist()
        data["time_s"] += [round(place.time_s, 3) for place in own]
        data["number"] += in_video
        data["frames"] += [frame_url(frame) for frame in np.array(view.frames[numbers])]
        data["truth"] += _masks(view.masks(numbers) > 0, known)
        for row in rows:
            timeline = results.timelines[row.model]
            scores = _scores(timeline[timeline["clip"] == clip.name])
            data["scores"][row.model] += [scores.get(number) for number in in_video]
            if row.prompt != "none" and not has_masks:  # it was not predicted
                data["masks"][row.model] += [None] * len(own)
            else:
                found = results.predictions[row.model](clip)[numbers] >= results.level(row.model)
                data["masks"][row.model] += _masks(found, np.ones(len(own), bool))
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _masks(masks: NDArray[np.bool_], known: NDArray[np.bool_]) -> list[str | None]:
    """Pictures of masks, (N, H, W); None where a mask is not known."""
    pairs = zip(masks, known, strict=True)
    return [mask_url(mask) if is_known else None for mask, is_known in pairs]


def _scores(rows: pd.DataFrame) -> dict[int, float]:
    """Frame scores of the first training of a clip, by the number of the frame in the video."""
    own = first_training(rows)
    return dict(zip(own["frame"].tolist(), own["score"].round(3).tolist(), strict=True))
