"""Strips along the time of a video: leaks, frame scores, thresholds and events."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup, escape
from numpy.typing import NDArray

from fgstp.footage.video import AFTER_RELEASE
from fgstp.reporting.chart_svg import group_of, path_of
from fgstp.reporting.charts import Floats, Series
from fgstp.reporting.frame_charts import first_training
from fgstp.reporting.names import ModelRow

WIDTH, SCORES, ROW, GAP = 1000, 90, 7, 4  # height of the scores, of a row of bars, and between
PER_REM = 16  # of the height on the page
N_BUCKETS = 400  # of a line; each shows its highest score
NARROWEST = 3.0  # width of a bar
Places = Callable[[Floats], Floats]  # from seconds to places along the strip


class Strip(NamedTuple):
    """A strip.

    Attributes:
        svg: the drawing.
        begin_s: time at its left end.
        end_s: time at its right end.
    """

    svg: Markup
    begin_s: float
    end_s: float


def strip(
    video: str,
    timelines: Mapping[str, pd.DataFrame],
    events: Mapping[str, pd.DataFrame],
    rows: Sequence[ModelRow],
    gas: pd.DataFrame,
) -> Strip:
    """Draw the strip of a video; texts and the times below it are those of the page.

    Args:
        video: its id.
        timelines: by model: timelines of its trainings; the first is drawn.
        events: by model: its alarms.
        rows: the models in order.
        gas: `time_s` and `gas` of its annotated frames, by time.
    """
    lines = {row.model: _of_video(timelines[row.model], video) for row in rows}
    times_s = np.concatenate([own["time_s"].to_numpy(np.float64) for own in lines.values()])
    begin_s, end_s = float(times_s.min()), max(float(times_s.max()), float(times_s.min()) + 1e-3)

    def right(seconds: Floats) -> Floats:
        return np.clip((seconds - begin_s) / (end_s - begin_s), 0, 1) * WIDTH

    longest = max(lines.values(), key=len)
    height = SCORES + 2 * GAP + ROW * (1 + len(rows))
    told = f"Frame scores, leaks and events of {video} over time; the player shows its frames"
    parts = [
        f'<svg class="strip" viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" '
        f'style="height: {height / PER_REM:.1f}rem" '
        f'role="img" aria-label="{escape(told)}">',
        *_leaks(longest, right),
        *_gas(gas, right, SCORES + GAP),
    ]
    for place, row in enumerate(rows):
        own = lines[row.model]
        if own.empty:
            continue
        found = Series(row.model, row.title(), place, np.zeros(0), np.zeros(0))
        alarms = _of_video(events[row.model], video)
        top = SCORES + 2 * GAP + ROW * (1 + place)
        parts += [
            group_of(found),
            *_scores(own, right),
            *_events(alarms, right, top, end_s),
            "</g>",
        ]
    parts.append(f'<path class="cursor" d="M0,0V{height}"/></svg>')
    return Strip(Markup("".join(parts)), begin_s, end_s)


def _of_video(rows: pd.DataFrame, video: str) -> pd.DataFrame:
    own = first_training(rows)
    own = own[own["video"] == video]
    return own.sort_values("frame") if "frame" in own else own


def _leaks(rows: pd.DataFrame, right: Places) -> Iterator[str]:
    """Shade stretches with a leak by the schedule, the darker the higher its class."""
    classes = rows["leak_class"].astype("float64").fillna(0).to_numpy()
    classes = np.where((classes > 0) & (classes < AFTER_RELEASE), classes, 0)
    for begin, end in _runs(classes):
        if classes[begin]:
            left, width = _bar(right, *_ends(rows, begin, end))
            shade = 0.1 + 0.3 * classes[begin] / (AFTER_RELEASE - 1)
            yield (
                f'<rect class="leak" x="{left:.1f}" y="0" width="{width:.1f}" height="{SCORES}" '
                f'opacity="{shade:.2f}"/>'
            )


def _gas(rows: pd.DataFrame, right: Places, top: int) -> Iterator[str]:
    """Bars where the masks show gas."""
    holds = rows["gas"].to_numpy(bool)
    for begin, end in _runs(holds):
        if holds[begin]:
            left, width = _bar(right, *_ends(rows, begin, end))
            yield (
                f'<rect class="gas" x="{left:.1f}" y="{top}" width="{width:.1f}" '
                f'height="{ROW - 1}"/>'
            )


def _scores(rows: pd.DataFrame, right: Places) -> Iterator[str]:
    times_s, scores = (rows[name].to_numpy(np.float64) for name in ("time_s", "score"))
    gaps = np.flatnonzero(rows["frame"].diff().to_numpy() > 1)  # a line breaks at NaN
    step = max(1, -(-len(rows) // N_BUCKETS))
    starts = np.union1d(np.arange(0, len(rows), step), gaps)
    highest = np.maximum.reduceat(scores, starts)
    places = np.searchsorted(starts, gaps)
    xs, ys = (np.insert(each, places, np.nan) for each in (right(times_s[starts]), highest))
    yield f'<path class="line" d="{path_of(xs, _down(ys))}"/>'
    [level] = _down(rows["threshold"].to_numpy(np.float64)[:1])
    yield f'<path class="threshold" d="M0,{level:.1f}H{WIDTH}"/>'


def _down(scores: Floats) -> Floats:
    """Places of scores, 0 to 1, with room for the width of a line."""
    return 2 + (SCORES - 3) * (1 - np.clip(scores, 0, 1))


def _events(rows: pd.DataFrame, right: Places, top: int, end_s: float) -> Iterator[str]:
    for alarm_s, until_s in zip(rows["alarm_s"], rows["end_s"].fillna(end_s), strict=True):
        left, width = _bar(right, alarm_s, until_s)
        yield (
            f'<rect class="event" x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW - 1}"/>'
        )


def _runs(values: NDArray[np.generic]) -> Iterator[tuple[int, int]]:
    """Begin and end of each stretch of equal values."""
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    yield from pairwise([0, *changes.tolist(), len(values)] if len(values) else [])


def _ends(rows: pd.DataFrame, begin: int, end: int) -> tuple[float, float]:
    times_s = rows["time_s"].to_numpy(np.float64)
    return float(times_s[begin]), float(times_s[min(end, len(times_s) - 1)])


def _bar(right: Places, begin_s: float, end_s: float) -> tuple[float, float]:
    left, stop = right(np.array([begin_s, end_s]))
    return float(left), max(float(stop - left), NARROWEST)
