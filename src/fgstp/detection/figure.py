"""A figure of a video that was watched: frame scores, states of the picture and events."""

import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from fgstp.core.files import atomic_path
from fgstp.core.wording import clock
from fgstp.detection.report import DetectionReport
from fgstp.detection.states import State
from fgstp.detection.timeline import NAME, STATES
from fgstp.detection.wording import TOLD

SIZE_IN, DPI = (10.0, 2.8), 128
SMALL, NORMAL = 8, 9  # font sizes
SCORE, THRESHOLD, LEAK = "#0072b2", "0.25", "#d55e00"
# Distinct for colour-blind readers.
STATE_COLOURS: dict[State, str] = {
    "watching": "#cfe8d8",
    "warming_up": "#f0e442",
    "rate_too_low": "#e69f00",
    "camera_moving": "#cc79a7",
    "scene_changed": "#56b4e9",
    "too_dark": "#000000",
    "saturated": "#999999",
    "frozen": "#7a5c99",
    "no_signal": "#d62728",
}
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)
MOST_TICKS = 11
DAY_S = 86_400
NARROWEST = 0.002  # of the time, so that what is short can be seen


def timeline_figure(report: DetectionReport) -> Figure:
    """Draw scores with their threshold above, and beneath bands of events and states.

    Scores lie between the lowest and the highest of each stretch, so that the figure is as large
    for ten hours as for ten seconds. Bars of events are links to `#event-<number>`.
    """
    figure = Figure(figsize=SIZE_IN, dpi=DPI, layout="constrained")
    scores, events, states = figure.subplots(3, 1, sharex=True, height_ratios=[10, 1, 1])
    _draw_scores(scores, report)
    least_s = NARROWEST * report.duration_s
    for event in report.events:
        end_s = report.end_s if event.end_s is None else event.end_s
        [bar] = events.barh(0, max(end_s - event.start_s, least_s), 1, event.start_s, color=LEAK)
        bar.set_url(f"#event-{event.number}")
    for state in STATES:
        own = [each for each in report.spans if each.state == state]
        if bars := [(begin_s, max(end_s - begin_s, least_s)) for _, begin_s, end_s in own]:
            colour = STATE_COLOURS[state]
            states.broken_barh(bars, (-0.5, 1), color=colour, linewidth=0, label=TOLD[state])
    for ax, title in ((events, "events"), (states, "picture")):
        ax.set_yticks([0], [title], fontsize=SMALL)
        ax.tick_params(axis="y", length=0)
        ax.set_ylim(-0.5, 0.5)
    _set_times(states, report)
    handles, labels = scores.get_legend_handles_labels()
    more, told = states.get_legend_handles_labels()
    scores.legend(
        handles + more, labels + told, fontsize=SMALL, ncols=10, loc="lower right",
        bbox_to_anchor=(1, 1), borderpad=0.2, handlelength=1.4,
    )  # fmt: skip
    return figure


def _draw_scores(ax: Axes, report: DetectionReport) -> None:
    buckets = report.timeline.buckets
    times_s = np.column_stack([buckets["begin_s"], buckets["end_s"]]).ravel()
    low, high = (np.repeat(buckets[name], 2) for name in ("low", "high"))
    ax.fill_between(times_s, low, high, color=SCORE, alpha=0.5, linewidth=0)
    ax.plot(times_s, high, color=SCORE, linewidth=0.8, label="score")
    ax.axhline(
        report.settings.threshold, color=THRESHOLD, linewidth=0.8, linestyle="--", label="threshold"
    )
    ax.set_ylim(-0.02, 1.02)
    ax.set_ylabel("score", fontsize=SMALL)
    ax.set_title(report.name, fontsize=NORMAL, loc="left", parse_math=False)
    ax.tick_params(axis="y", labelsize=SMALL)
    ax.tick_params(axis="x", length=0)


def _set_times(ax: Axes, report: DetectionReport) -> None:
    end_s = max(report.end_s, report.begin_s + 1e-3)
    shown_s = end_s - report.begin_s
    step_s = next((step for step in STEPS_S if shown_s / step <= MOST_TICKS), DAY_S)
    ax.xaxis.set_major_locator(MultipleLocator(max(step_s, shown_s / 100)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda time_s, _: clock(time_s)))
    ax.set_xlim(report.begin_s, end_s)
    ax.tick_params(axis="x", labelsize=SMALL)


def _boxed_letters() -> "warnings.catch_warnings[None]":
    """Letters of a name that the font lacks become boxes in the picture, without a warning."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)


def write_figure(figure: Figure, folder: Path) -> str:
    """Write `timeline.png` and `timeline.svg`; the text of the latter is returned.

    Raises:
        UserError: a file cannot be written.
    """
    with atomic_path(folder / f"{NAME}.png") as temporary, _boxed_letters():
        figure.savefig(temporary)
    # The same figure gives the same file.
    with (
        atomic_path(folder / f"{NAME}.svg") as temporary,
        mpl.rc_context({"svg.hashsalt": "fgstp", "svg.fonttype": "none"}),
        _boxed_letters(),
    ):
        figure.savefig(temporary, metadata={"Date": None})
        return temporary.read_text("utf-8")
