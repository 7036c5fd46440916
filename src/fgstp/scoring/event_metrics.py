"""Metrics of events: what an operator asks of a detector.

Each is a function of the `Trials` of one training and of the weights of its videos, (R, V): how
often each counts in R resamples; it gives R values.
"""

from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp.core.rates import poisson_upper_bound
from fgstp.scoring.detection_probability import DetectionProbability, fit
from fgstp.scoring.error_curve import HIGHEST_PER_HOUR, LOWEST_PER_HOUR, area, error_curve
from fgstp.scoring.events import FALSE, TRUE, Trials
from fgstp.scoring.metrics import Metric

Floats = NDArray[np.float64]
LIKELY = 0.9  # probability of detection of which the rate is told


def recall(own: Trials, weights: Floats) -> Floats:
    """Share of the leaks during which a true alarm was on, (R,)."""
    return _share(own.leaks["found"], own.leaks["video"], weights)


def precision(own: Trials, weights: Floats) -> Floats:
    """Share of the alarms that are true, (R,); those that nobody can judge do not count."""
    judged = own.alarms[own.alarms["verdict"].isin([TRUE, FALSE])]
    return _share(judged["verdict"] == TRUE, judged["video"], weights)


def detection_time_s(own: Trials, weights: Floats, share: float) -> Floats:
    """Time after its beginning within which a share of the leaks was found, (R,).

    Infinite if fewer were found, NaN without leaks whose beginning is known.
    """
    delays = own.leaks.dropna(subset="delay_s").sort_values("delay_s")
    if delays.empty:
        return np.full(len(weights), np.nan)
    sums = weights[:, delays["video"]].cumsum(axis=1)
    reached = sums >= share * sums[:, -1:] - 1e-9
    times_s = delays["delay_s"].to_numpy()[reached.argmax(axis=1)]
    return np.where(sums[:, -1] > 0, times_s, np.nan)


def false_alarms_per_hour(own: Trials, weights: Floats) -> Floats:
    """False alarms in an hour without a leak, (R,)."""
    return _quotient(weights @ n_false_alarms(own), weights @ leak_free_hours(own))


def false_alarms_per_hour_bound(own: Trials, weights: Floats) -> Floats:
    """Upper 95 % confidence bound of that rate, (R,), see `poisson_upper_bound`."""
    counts, hours = weights @ n_false_alarms(own), weights @ leak_free_hours(own)
    bounds = [poisson_upper_bound(n, h) for n, h in zip(counts, hours, strict=True)]
    return np.array(bounds)


def rate_at_90_g_per_h(own: Trials, weights: Floats) -> Floats:
    """Leak rate that is found with a probability of 90 % at the mean distance, (R,)."""
    if own.steps.empty:
        return np.full(len(weights), np.nan)
    return detection_probability(own, weights).rate_g_per_h(LIKELY)


def error_curve_area(own: Trials, weights: Floats) -> Floats:
    """Area under the detection error curve, (R,)."""
    return area(*detection_error_curve(own, weights))


def detection_probability(own: Trials, weights: Floats) -> DetectionProbability:
    """Curves of the probability of detection, one for each weighting of the videos, (R, V)."""
    steps = own.steps
    rates, distances = (steps[name].to_numpy(np.float64) for name in ("rate_g_per_h", "distance_m"))
    return fit(steps["found"].to_numpy(bool), rates, distances, weights[:, steps["video"]])


def detection_error_curve(own: Trials, weights: Floats) -> tuple[Floats, Floats]:
    """False alarms an hour and share of missed leaks, see `error_curve`, of weights (R, V)."""
    return error_curve(
        own.leaks["evidence"].to_numpy(np.float64),
        own.free["evidence"].to_numpy(np.float64),
        weights[:, own.leaks["video"]],
        weights[:, own.free["video"]],
        weights @ leak_free_hours(own),
    )


def leak_free_hours(own: Trials) -> Floats:
    """Hours without a leak of each video, (V,)."""
    return _sums(own, own.free["video"], own.free["hours"])


def n_false_alarms(own: Trials) -> Floats:
    """Number of false alarms in each video, (V,)."""
    return _sums(own, own.alarms["video"], own.alarms["verdict"] == FALSE)


def _sums(own: Trials, video: pd.Series, values: pd.Series) -> Floats:
    sums = np.bincount(video.to_numpy(np.intp), values.to_numpy(np.float64), own.videos.size)
    return sums.astype(np.float64)  # of nothing they are whole numbers


def _share(holds: pd.Series, video: pd.Series, weights: Floats) -> Floats:
    own = weights[:, video]
    return _quotient(own @ holds.to_numpy(np.float64), own.sum(axis=1))


def _quotient(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)


_of_events = partial(Metric, over="events")
# In the order of columns.
EVENT_METRICS = (
    _of_events(
        "event_recall",
        "recall (%)",
        "leaks during which a true alarm was on, in percent",
        recall,
        percent=True,
        decimals=0,
    ),
    _of_events(
        "event_precision",
        "precision (%)",
        "true alarms, in percent of the true and the false ones",
        precision,
        percent=True,
        decimals=0,
    ),
    _of_events(
        "detection_time_s",
        "delay (s)",
        "time after its beginning within which half of all leaks were found",
        partial(detection_time_s, share=0.5),
        lower_is_better=True,
        decimals=1,
    ),
    _of_events(
        "detection_time_90_s",
        "delay, 90 % (s)",
        "the same of 90 % of all leaks",
        partial(detection_time_s, share=0.9),
        lower_is_better=True,
        decimals=1,
    ),
    _of_events(
        "false_alarms_per_hour",
        "FA/h",
        "false alarms per leak-free hour",
        false_alarms_per_hour,
        lower_is_better=True,
        decimals=1,
    ),
    _of_events(
        "false_alarms_per_hour_bound",
        "FA/h, 95 %",
        "upper 95 % confidence bound of FA/h, if false alarms come independently (Poisson)",
        false_alarms_per_hour_bound,
        lower_is_better=True,
        decimals=1,
    ),
    _of_events(
        "rate_at_90_g_per_h",
        "rate at 90 % (g/h)",
        "lowest leak rate that is found with a probability of 90 % at the mean distance",
        rate_at_90_g_per_h,
        lower_is_better=True,
        decimals=0,
    ),
    _of_events(
        "error_curve_area",
        "DEC area",
        "area under the detection error curve: the share of missed leaks, averaged over "
        f"{LOWEST_PER_HOUR:g} to {HIGHEST_PER_HOUR:g} false alarms an hour on a logarithmic scale",
        error_curve_area,
        lower_is_better=True,
    ),
)
