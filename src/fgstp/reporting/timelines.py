"""Pictures of timelines: frame scores of the models over the test videos, and their schedules."""

import textwrap
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fgstp.footage.clip_table import spread
from fgstp.footage.video import AFTER_RELEASE
from fgstp.reporting.chart_figure import COLOURS, DPI
from fgstp.reporting.frame_charts import first_training
from fgstp.reporting.names import model_rows
from fgstp.reporting.summaries import Facts

MOST_VIDEOS = 12
ROW_IN, WIDTH_IN = 1.3, 10.0
LONGEST_LINE = 150  # characters of the caption
SMALL, NORMAL = 8, 9  # font sizes
LINES = ("-", "--", ":")  # for the first, second and third use of the colours
DARKEST = 0.35  # shade of leak class 7
MEANING = (
    "Dashed: the threshold of the checkpoint. Grey: a leak by the schedule, the darker the higher "
    "its class. Gaps: duplicates that ingest dropped, and clips without masks for models that need "
    "them."
)


def timeline_figure(timelines: Mapping[str, pd.DataFrame], facts: Facts) -> Figure:
    """Draw the frame scores of the first training of each model, a row for each video.

    Args:
        timelines: by model: timelines of its trainings, see `fgstp.scoring.timelines`.
        facts: by model: the file of its scores.
    """
    lines = {
        row.title(): first_training(timelines[row.model]).sort_values(["video", "frame"])
        for row in model_rows(facts, facts)
    }
    names = pd.DataFrame(
        {"video": sorted({each for own in lines.values() for each in own["video"]})}
    )
    shown = list(spread(names, MOST_VIDEOS)["video"])
    figure = Figure(figsize=(WIDTH_IN, ROW_IN * len(shown) + 1.2), dpi=DPI, layout="constrained")
    axes = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    for ax, video in zip(axes, shown, strict=True):
        own = {title: rows[rows["video"] == video] for title, rows in lines.items()}
        _shade(ax, max(own.values(), key=len))
        for place, (title, rows) in enumerate(own.items()):
            _draw(ax, rows, title, place)
        ax.set_ylabel(video, fontsize=SMALL, rotation=0, ha="right", va="center")
        ax.set_ylim(-0.02, 1.02)
        ax.margins(x=0)
        ax.tick_params(labelsize=SMALL)
    axes[-1].set_xlabel("time (s)", fontsize=NORMAL)
    axes[0].set_title("Frame scores", fontsize=NORMAL + 2)
    axes[0].legend(fontsize=SMALL, ncols=4, loc="lower right", bbox_to_anchor=(1, 1))
    some = f" {len(shown)} of {len(names)} videos." if len(shown) < len(names) else ""
    caption = textwrap.fill(MEANING + some, LONGEST_LINE)
    figure.supxlabel(caption, fontsize=SMALL, x=0.02, ha="left", color="0.25")
    return figure


def _draw(ax: Axes, rows: pd.DataFrame, title: str, place: int) -> None:
    turn, number = divmod(place, len(COLOURS))
    colour = COLOURS[number]
    gaps = np.flatnonzero(rows["frame"].diff().to_numpy() > 1)  # a line breaks at NaN
    times_s, scores = (
        np.insert(rows[name].to_numpy(np.float64), gaps, np.nan) for name in ("time_s", "score")
    )
    line = LINES[turn % len(LINES)]
    ax.plot(times_s, scores, color=colour, linewidth=0.9, linestyle=line, label=title)
    if len(rows):
        ax.axhline(rows["threshold"].iloc[0], color=colour, linewidth=0.7, linestyle="--")


def _shade(ax: Axes, rows: pd.DataFrame) -> None:
    """Shade stretches with a leak."""
    classes = rows["leak_class"].astype("float64").fillna(0).to_numpy()
    classes = np.where(classes < AFTER_RELEASE, classes, 0)
    changes = np.flatnonzero(np.diff(classes, prepend=np.nan, append=np.nan) != 0)
    times_s = rows["time_s"].to_numpy(float)
    for start, stop in pairwise(changes):
        if classes[start] > 0:
            end_s = times_s[stop - 1] + rows["duration_s"].iloc[0]
            shade = DARKEST * classes[start] / (AFTER_RELEASE - 1)
            ax.axvspan(times_s[start], end_s, color="black", alpha=shade, linewidth=0)
