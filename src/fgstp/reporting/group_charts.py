"""Charts by category, leak class and plume area, and of speed against quality."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from fgstp.footage.clip_table import ClipRow
from fgstp.footage.video_store import VideoStore
from fgstp.reporting.charts import Axis, Chart, Series
from fgstp.reporting.frame_charts import first_training
from fgstp.reporting.names import ModelRow, group_title, groups_in_order
from fgstp.reporting.summaries import Facts, scores
from fgstp.reporting.tables import Column, columns
from fgstp.scoring.summary import summarise

BY = {"category": "category", "leak_class": "leak class"}
# Upper ends of the bins of the area of a plume, as fractions of the frame.
AREAS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 1.0)
N_RESAMPLES = 200
INTERVALS = "Bars: 95 % intervals."
IOU_GAS, FALSE_ALARM, IOU = columns("iou_gas", "false_alarm", "iou")


def group_charts(summaries: pd.DataFrame, rows: Sequence[ModelRow], protocol: str) -> list[Chart]:
    """IoU of frames with gas, and false-alarm frames, by category and leak class."""
    return [
        chart
        for by in BY
        for column in (IOU_GAS, FALSE_ALARM)
        if (chart := _by_group(summaries, rows, protocol, by, column))
    ]


def _by_group(
    summaries: pd.DataFrame, rows: Sequence[ModelRow], protocol: str, by: str, column: Column
) -> Chart | None:
    found = scores(summaries, protocol, by)
    found = found[(found["metric"] == column.name) & found["value"].notna()]
    groups = groups_in_order(found["group"].astype(str), by)
    if not groups:
        return None
    series = tuple(_dots(found, rows, groups, column))
    x = Axis.of_groups(BY[by], [group_title(group, by) for group in groups])
    title = f"{column.label} by {BY[by]}"
    y = Axis(column.label, 0.0, 100.0 if column.percent else 1.0)
    meaning = f"{column.meaning[0].upper()}{column.meaning[1:]}. {INTERVALS}"
    return Chart(f"{column.name}_by_{by}", title, x, y, series, meaning)


def _dots(
    found: pd.DataFrame, rows: Sequence[ModelRow], groups: Sequence[str], column: Column
) -> Iterator[Series]:
    scale = 100.0 if column.percent else 1.0
    for place, row in enumerate(rows):
        own = found[found["model"] == row.model].drop_duplicates("group").set_index("group")
        values = own.reindex(list(groups))[["value", "low", "high"]].to_numpy(np.float64)
        y, low, high = values.T * scale
        x = np.arange(len(groups), dtype=np.float64)
        yield Series(row.model, row.title(), place, x, y, low, high, "dots")


def area_chart(
    frames: Mapping[str, pd.DataFrame],
    clips: Sequence[ClipRow],
    store: VideoStore,
    rows: Sequence[ModelRow],
) -> Chart | None:
    """IoU of frames with gas by the area of the plume; None if no frame has gas.

    Args:
        frames: by model: scores of its frames under one protocol, see `score_clips`.
        clips: the scored clips.
        store: the videos.
        rows: the models in order.
    """
    areas = _areas(clips, store)
    parts = []
    for row in rows:
        own = first_training(frames[row.model]).merge(areas, on=["clip", "frame"])
        found = summarise(own[own["gas"]], "area", n_resamples=N_RESAMPLES)
        parts.append(found.assign(model=row.model))
    together = pd.concat(parts, ignore_index=True)
    together = together[together["metric"] == IOU_GAS.name]
    groups = sorted(set(together["group"]), key=int)
    if not groups:
        return None
    lower = (0.0, *AREAS)
    names = [f"{100 * lower[int(each)]:g}–{100 * AREAS[int(each)]:g}" for each in groups]
    x = Axis.of_groups("area of the plume (% of the frame)", names)
    series = tuple(_dots(together, rows, groups, IOU_GAS))
    note = f"First training of each model, IoU at its threshold t. {INTERVALS}"
    y = Axis(IOU_GAS.label)
    return Chart("iou_by_area", "IoU by the area of the plume", x, y, series, note)


def _areas(clips: Sequence[ClipRow], store: VideoStore) -> pd.DataFrame:
    """The number of the bin of the area of each annotated frame: `clip`, `frame`, `area`."""
    parts = []
    for clip in clips:
        view = clip.read(store)
        fractions = np.count_nonzero(view.masks(), axis=(1, 2)) / view.frames[0].size
        area = np.searchsorted(AREAS, fractions)
        parts.append(pd.DataFrame({"clip": clip.name, "frame": view.annotated, "area": area}))
    return pd.concat(parts, ignore_index=True)


def speed_chart(
    summaries: pd.DataFrame, rows: Sequence[ModelRow], facts: Facts, protocol: str
) -> Chart | None:
    """IoU against the time for a frame, as measured when the test clips were predicted.

    None if no model knows its time, or they were measured on different devices.
    """
    known = {
        row.model: float(facts[row.model]["ms_per_frame"])
        for row in rows
        if facts[row.model].get("ms_per_frame")
    }
    devices = {facts[model]["device"] for model in known}
    if len(devices) != 1:
        return None
    found = scores(summaries, protocol)
    found = found[found["metric"] == IOU.name].assign(group="0")
    series = tuple(
        Series(own.model, own.title, own.place, np.array([known[own.model]]), own.y, own.low,
               own.high, "dots")
        for own in _dots(found, rows, ["0"], IOU)
        if own.model in known
    )  # fmt: skip
    x = Axis.around(f"time for a frame on {devices.pop()} (ms)", list(known.values()), is_log=True)
    note = (
        "Time of a frame while the test videos were predicted in this run, reading included; "
        f"score: {IOU.meaning}. {INTERVALS}"
    )
    title = "Speed against quality"
    return Chart("speed", title, x, Axis(IOU.label), series, note)
