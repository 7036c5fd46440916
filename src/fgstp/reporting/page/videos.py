"""Videos and picked frames on the page."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from fgstp.core.progress import ProgressBar
from fgstp.footage.clip_table import ClipRow, by_video, spread
from fgstp.reporting.names import ModelRow, group_title
from fgstp.reporting.page.page import Gallery, PickedPicture, ShownVideo
from fgstp.reporting.page.picks import Pick, pick_by_masks, pick_by_schedule
from fgstp.reporting.page.pictures import overlay_url
from fgstp.reporting.page.player import MOST_VIDEOS, places, video_data
from fgstp.reporting.page.strips import strip
from fgstp.reporting.results import Results


def galleries(results: Results) -> list[Gallery]:
    """Pictures of picked frames of each model: by masks, and by the leak schedule without."""
    clips = {clip.name: clip for clip in results.clips}
    bare = {
        name: clip.first_frame
        for name, clip in clips.items()
        if not clip.has_masks(allow_pseudo_masks=results.allow_pseudo_masks)
    }
    made = []
    for row in ProgressBar(results.rows, unit=" models", desc="pictures"):
        pictures = {
            kind: [_picture(results, row, kind, clips[each.clip], each) for each in of_kind]
            for kind, of_kind in _picks(results, row.model, bare).items()
        }
        if any(pictures.values()):
            made.append(Gallery(row, pictures))
    return made


def _picks(results: Results, model: str, bare: Mapping[str, int]) -> dict[str, list[Pick]]:
    """Picked frames of a model by heading; `bare`: first frames of the clips without masks."""
    picks: dict[str, list[Pick]] = {}
    if results.plain:
        picks |= pick_by_masks(results.plain_frames(model), len(results.rows))
    timeline = results.timelines[model]
    timeline = timeline[timeline["clip"].isin(list(bare))]
    if len(timeline):
        in_clip = timeline["frame"] - timeline["clip"].map(bare)
        found = pick_by_schedule(timeline.assign(frame=in_clip), len(results.rows))
        picks |= {f"{kind}, without masks": of_kind for kind, of_kind in found.items()}
    return picks


def _picture(
    results: Results, row: ModelRow, kind: str, clip: ClipRow, pick: Pick
) -> PickedPicture:
    view = clip.read(results.store)
    [mask] = view.masks(np.array([pick.frame]))
    found = results.predictions[row.model](clip)[pick.frame] >= results.level(row.model)
    in_video = clip.first_frame + pick.frame
    where = f"{clip.video}, frame {in_video}"
    return PickedPicture(
        overlay_url(np.array(view.frames[pick.frame]), mask > 0, found),
        f"{kind} of {row.title()}: {where}",
        f"{where}: {pick.told}",
        clip.video,
        in_video,
    )


def shown_videos(results: Results, pictures: Sequence[Gallery]) -> list[ShownVideo]:
    """Strips and frames of the test videos, of at most `MOST_VIDEOS` evenly spread ones.

    Args:
        results: what was scored and predicted.
        pictures: what was picked, which the player holds too.
    """
    every = by_video(results.clips)
    names = spread(pd.DataFrame({"video": sorted(every)}), MOST_VIDEOS)["video"]
    facts = results.videos.set_index("video")
    made = []
    for name in ProgressBar(list(names), unit=" videos", desc="player"):
        own = every[name]
        shown = places(own, results.store, _picked(pictures, own))
        drawn = strip(name, results.timelines, results.events, results.rows, _gas(own, results))
        n_frames = len(shown), sum(clip.n_frames for clip in own)
        title = _title(name, facts.loc[name])
        made.append(ShownVideo(name, title, drawn, n_frames, video_data(title, shown, results)))
    return made


def _picked(pictures: Sequence[Gallery], clips: Sequence[ClipRow]) -> dict[str, set[int]]:
    """By clip of a video: the numbers of its picked frames in the clip."""
    numbers = {
        each.number
        for gallery in pictures
        for of_kind in gallery.pictures.values()
        for each in of_kind
        if each.video == clips[0].video
    }
    return {
        clip.name: {
            number - clip.first_frame
            for number in numbers
            if 0 <= number - clip.first_frame < clip.n_frames
        }
        for clip in clips
    }


def _title(name: str, facts: pd.Series) -> str:
    parts = [name]
    if not pd.isna(facts["category"]):
        parts.append(group_title(str(facts["category"]), "category"))
    if not pd.isna(facts["distance_m"]):
        parts.append(f"{facts['distance_m']:g} m")
    return ", ".join(parts)


def _gas(clips: Sequence[ClipRow], results: Results) -> pd.DataFrame:
    """`time_s` and `gas` of the annotated frames of a video."""
    parts = [pd.DataFrame({"time_s": np.zeros(0), "gas": np.zeros(0, bool)})]
    for clip in clips:
        if clip.has_masks(allow_pseudo_masks=results.allow_pseudo_masks):
            view = clip.read(results.store)
            gas = view.masks().any(axis=(1, 2))
            parts.append(pd.DataFrame({"time_s": view.times_s[view.annotated], "gas": gas}))
    return pd.concat(parts[1:] or parts, ignore_index=True)
