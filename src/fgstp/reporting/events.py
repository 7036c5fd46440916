"""Events: the table of the alarms of all models, and a figure of their curves."""

import math
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fgstp.reporting import notes
from fgstp.reporting.names import ModelRow, model_rows
from fgstp.reporting.result_tables import (
    THIS_EVALUATION,
    Block,
    ResultTable,
    ranked,
    written_table,
)
from fgstp.reporting.summaries import Facts, ScoredFootage
from fgstp.reporting.tables import Column
from fgstp.reporting.trainings import COLOURS, DPI, LINES, MARKERS
from fgstp.scoring.bootstrap import FEWEST_VIDEOS, draw
from fgstp.scoring.error_curve import HIGHEST_PER_HOUR, LOWEST_PER_HOUR
from fgstp.scoring.event_metrics import (
    EVENT_METRICS,
    LIKELY,
    detection_error_curve,
    detection_probability,
)
from fgstp.scoring.event_scores import of_trainings
from fgstp.scoring.events import SETTLE_S, Trials

NAME, TITLE, BLOCK = "events", "Events", "events"
COLUMNS = tuple(Column(**vars(metric)) for metric in EVENT_METRICS)
COUNTS = ("n_seeds", "n_videos", "n_leaks", "n_alarms", "n_false_alarms", "leak_free_hours")
LEVELS = (0.025, 0.975)
N_RESAMPLES, N_PLACES = 1000, 60  # of the bands of curves
NORMAL, SMALL = 9, 8  # font sizes
WIDTH_IN, HEIGHT_IN, LONGEST_LINE = 12.0, 4.2, 180
MEANING = (
    "The alarms are those of the detector at its defaults, over the maps of the model. A leak is "
    "consecutive frames of the leak classes 1 to 7, visible or not. An alarm is true if it is "
    f"raised during a leak or within {SETTLE_S:g} s after it, and false if there is none; alarms "
    "after the release count for neither."
)
OF_MEANS = "Where an end of an interval is ∞, that of some resamples is not reached."
NO_INTERVALS = f"No confidence intervals: there are fewer than {FEWEST_VIDEOS} videos."
CAPTION = (
    "First training of each model. Left and middle: probability of detection by the leak rate at "
    "the mean distance, and by the distance at the mean rate; logistic curves, their 95 % bands "
    "over videos, and the shares that were found. Right: share of missed leaks against false "
    "alarms, while the threshold of the evidence varies."
)
FOUND = "probability of detection"
Floats = NDArray[np.float64]


def event_table(facts: Facts, footage: ScoredFootage) -> ResultTable | None:
    """Table of all models with a row each; None if no leak schedule is known.

    Args:
        facts: by model: the file of its scores, with `detection.events`, see `event_scores`.
        footage: the footage that was scored.
    """
    known = dict(_with_events(facts))
    if not known:
        return None
    rows = model_rows(known, {model: facts[model] for model in known})
    tidy = pd.concat([_tidy(row, known[row.model], footage) for row in rows], ignore_index=True)
    saw_all = tidy["n_leaks"] == tidy["n_leaks"].max()  # others are not ranked
    tidy = ranked(tidy, COLUMNS, saw_all)
    most = max(known.values(), key=lambda own: own["n_leaks"])
    intervals = notes.interval_notes(tidy) if most["n_videos"] >= FEWEST_VIDEOS else [NO_INTERVALS]
    intervals += [OF_MEANS] * bool(np.isinf(tidy["high"]).any())
    fewer = tidy.loc[~saw_all, "name"].unique()
    sentences = (
        f"Test footage: {footage.name}; {_seen(most)}.",
        MEANING,
        notes.label_note(COLUMNS),
        *notes.seed_notes(tidy),
        *[f"Not ranked, as they do not predict all clips: {', '.join(fewer)}."] * bool(len(fewer)),
        *notes.mark_notes(row.title() for row in rows),
        *notes.missing_notes(tidy, COLUMNS),
        *intervals,
    )
    written = written_table(f"On {footage.name}", tidy, COLUMNS, sentences)
    return ResultTable(NAME, TITLE, (Block(BLOCK, COLUMNS, tidy, written, tuple(intervals)),), ())


def _with_events(facts: Facts) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The scores of events of each model that has some."""
    for model, own in facts.items():
        if events := own.get("detection", {}).get("events"):
            yield model, events


def _seen(own: Mapping[str, Any]) -> str:
    counts = (notes.counted(own[f"n_{noun}s"], noun) for noun in ("video", "leak"))
    return f"{', '.join(counts)}, {own['leak_free_hours']:.3g} h leak-free"


def _tidy(row: ModelRow, own: Mapping[str, Any], footage: ScoredFootage) -> pd.DataFrame:
    """A row for each metric of a model, not ranked yet."""
    facts = {"table": NAME, "block": BLOCK, "model": row.model, "name": row.title()}
    facts |= {"data": footage.name, "source": THIS_EVALUATION, "interval_over": "videos"}
    shared = facts | {name: own[name] for name in COUNTS}
    rows = []
    for column in COLUMNS:
        low, high = (_number(own[end][column.name]) for end in ("low", "high"))
        rows.append(
            {
                **shared,
                "metric": column.name,
                "value": _number(own[column.name]),
                "low": low,
                "high": math.inf if math.isnan(high) and not math.isnan(low) else high,
                "spread": _number(own.get("spread", {}).get(column.name)),
                "note": own["notes"].get(column.name, ""),
            }
        )
    return pd.DataFrame(rows)


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def event_figure(
    timelines: Mapping[str, pd.DataFrame], events: Mapping[str, pd.DataFrame], facts: Facts
) -> Figure | None:
    """Draw probability of detection and detection error curve; None if there is no known leak.

    Args:
        timelines: by model: timelines of its trainings, see `fgstp.scoring.timelines`.
        events: by model: its alarms.
        facts: by model: the file of its scores.
    """
    every = {
        row.title(): of_trainings(timelines[row.model], events[row.model])[:1]
        for row in model_rows(facts, facts)
    }
    first = {title: own[0] for title, own in every.items() if own and len(own[0].leaks)}
    if not first:
        return None
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI, layout="constrained")
    by_rate, by_distance, errors = figure.subplots(1, 3)
    for place, (title, own) in enumerate(first.items()):
        turn, number = divmod(place, len(COLOURS))
        style = {"color": COLOURS[number], "linestyle": LINES[turn % len(LINES)]}
        _draw_probability(by_rate, by_distance, own, style | {"marker": MARKERS[number]})
        _draw_errors(errors, own, style | {"label": title})
    _finish(by_rate, by_distance, errors)
    caption = textwrap.fill(CAPTION, LONGEST_LINE)
    figure.supxlabel(caption, fontsize=SMALL, x=0.02, ha="left", color="0.25")
    return figure


def _draw_probability(
    by_rate: Axes, by_distance: Axes, own: Trials, style: Mapping[str, Any]
) -> None:
    """Curve, band and observed shares over the rate, and over the distance if it varies."""
    drawn = draw(np.arange(own.videos.size), N_RESAMPLES, np.random.default_rng(0))
    curve = detection_probability(own, np.ones((1, own.videos.size)))
    varied = None if drawn.over == "none" else detection_probability(own, drawn.video_weight)
    rates = np.geomspace(*curve.rates_g_per_h, N_PLACES)
    distances = np.geomspace(*curve.distances_m, N_PLACES)
    same = np.full(N_PLACES, curve.mean_rate_g_per_h), np.full(N_PLACES, curve.mean_distance_m)
    for ax, places, at, column in (
        (by_rate, rates, (rates, same[1]), "rate_g_per_h"),
        (by_distance, distances, (same[0], distances), "distance_m"),
    ):
        if np.ptp(places) > 0:
            band = None if varied is None else np.quantile(varied.at(*at), LEVELS, axis=0)
            _draw_curve(ax, places, curve.at(*at)[0], band, style)
        found = own.steps.groupby(column)["found"].mean()
        ax.plot(found.index, found, style["marker"], color=style["color"], markersize=4, alpha=0.6)


def _draw_curve(
    ax: Axes, places: Floats, values: Floats, band: Floats | None, style: Mapping[str, Any]
) -> None:
    ax.plot(places, values, color=style["color"], linestyle=style["linestyle"], linewidth=1.2)
    if band is not None:
        ax.fill_between(places, *band, color=style["color"], alpha=0.12, linewidth=0)


def _draw_errors(ax: Axes, own: Trials, style: Mapping[str, Any]) -> None:
    (rates,), (misses,) = detection_error_curve(own, np.ones((1, own.videos.size)))
    ends = LOWEST_PER_HOUR, HIGHEST_PER_HOUR
    first = max(0, int(np.searchsorted(rates, ends[0], "right")) - 1)
    places = np.append(np.clip(rates[first:], *ends), ends[1])
    values = np.append(misses[first:], misses[-1])
    ax.plot(places, values, drawstyle="steps-post", linewidth=1.2, **style)


def _finish(by_rate: Axes, by_distance: Axes, errors: Axes) -> None:
    for ax, xlabel, ylabel in (
        (by_rate, "leak rate (g/h)", FOUND),
        (by_distance, "distance (m)", FOUND),
        (errors, "false alarms an hour", "leaks missed"),
    ):
        ax.set_xlabel(xlabel, fontsize=NORMAL)
        ax.set_ylabel(ylabel, fontsize=NORMAL)
        ax.set_ylim(-0.02, 1.02)
        ax.tick_params(labelsize=SMALL)
    for ax in (by_rate, by_distance):
        ax.axhline(LIKELY, color="0.5", linewidth=0.7, linestyle="--")
    errors.set_xscale("log")
    errors.xaxis.set_major_formatter("{x:g}")
    errors.legend(fontsize=SMALL)
