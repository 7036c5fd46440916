"""Charts of events: probability of detection, and the detection error curve."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from fgstp.reporting.charts import Axis, Chart, Floats, Series
from fgstp.reporting.names import ModelRow
from fgstp.scoring.bootstrap import draw
from fgstp.scoring.detection_probability import DetectionProbability
from fgstp.scoring.error_curve import HIGHEST_PER_HOUR, LOWEST_PER_HOUR
from fgstp.scoring.event_metrics import detection_error_curve, detection_probability
from fgstp.scoring.event_scores import of_trainings
from fgstp.scoring.events import Trials

LEVELS = (0.025, 0.975)
N_RESAMPLES, N_PLACES = 1000, 60  # of the bands of curves
FOUND = Axis("probability of detection")
CURVE = (
    "Lines and bands: logistic curve at the mean of the other quantity, and its 95 % interval "
    "over videos; dots: shares of the leaks that were found. First training of each model."
)
ERRORS = (
    "Share of the leaks that are missed against false alarms, while the threshold of the evidence "
    "varies. First training of each model."
)


def event_charts(
    timelines: Mapping[str, pd.DataFrame],
    events: Mapping[str, pd.DataFrame],
    rows: Sequence[ModelRow],
) -> list[Chart]:
    """Probability of detection by leak rate and distance, and detection error curves.

    Args:
        timelines: by model: timelines of its trainings, see `fgstp.scoring.timelines`.
        events: by model: its alarms.
        rows: the models in order.

    Returns:
        The charts; none if no leak is known, and none over a quantity that does not vary.
    """
    by_rate: list[Series] = []
    by_distance: list[Series] = []
    errors: list[Series] = []
    for place, row in enumerate(rows):
        own = of_trainings(timelines[row.model], events[row.model])[:1]
        if not own or not len(own[0].leaks):
            continue
        of = partial(Series, row.model, row.title(), place)
        curves = _curves(own[0])
        by_rate += _detection(of, own[0], "rate_g_per_h", curves, curves[0].rates_g_per_h)
        by_distance += _detection(of, own[0], "distance_m", curves, curves[0].distances_m)
        errors.append(of(*_errors(own[0]), kind="steps"))
    rates = Axis.around("leak rate (g/h)", _all_x(by_rate), is_log=True)
    distances = Axis.around("distance (m)", _all_x(by_distance))
    per_hour = Axis("false alarms per hour", LOWEST_PER_HOUR, HIGHEST_PER_HOUR, is_log=True)
    missed = Axis("share of leaks missed")
    charts = (
        Chart("detection_by_rate", "Probability of detection by leak rate", rates, FOUND,
              tuple(by_rate), CURVE),
        Chart("detection_by_distance", "Probability of detection by distance", distances, FOUND,
              tuple(by_distance), CURVE),
        Chart("detection_errors", "Missed leaks against false alarms", per_hour, missed,
              tuple(errors), ERRORS),
    )  # fmt: skip
    return [chart for chart in charts if chart.series]


def _all_x(series: Sequence[Series]) -> Floats:
    return np.concatenate([own.x for own in series]) if series else np.zeros(0)


def _curves(own: Trials) -> tuple[DetectionProbability, DetectionProbability | None]:
    """The curve, and those of resamples of the videos; None if there are too few videos."""
    drawn = draw(np.arange(own.videos.size), N_RESAMPLES, np.random.default_rng(0))
    curve = detection_probability(own, np.ones((1, own.videos.size)))
    return curve, None if drawn.over == "none" else detection_probability(own, drawn.video_weight)


def _detection(
    of: partial[Series],
    own: Trials,
    column: str,
    curves: tuple[DetectionProbability, DetectionProbability | None],
    ends: tuple[float, float],
) -> list[Series]:
    """Observed shares and, if the quantity varies, the curve with its band."""
    shares = own.steps.groupby(column)["found"].mean()
    observed = of(shares.index.to_numpy(np.float64), shares.to_numpy(np.float64), kind="dots")
    if not ends[0] < ends[1]:
        return [observed] if len(shares) else []
    curve, varied = curves
    places = np.geomspace(*ends, N_PLACES)
    at = {
        "rate_g_per_h": np.full(N_PLACES, curve.mean_rate_g_per_h),
        "distance_m": np.full(N_PLACES, curve.mean_distance_m),
    } | {column: places}
    where = at["rate_g_per_h"], at["distance_m"]
    band = () if varied is None else np.quantile(varied.at(*where), LEVELS, axis=0)
    return [of(places, curve.at(*where)[0], *band), observed]


def _errors(own: Trials) -> tuple[Floats, Floats]:
    """Rates of false alarms within the ends of the axis, and the share missed from each on."""
    (rates,), (misses,) = detection_error_curve(own, np.ones((1, own.videos.size)))
    ends = LOWEST_PER_HOUR, HIGHEST_PER_HOUR
    first = max(0, int(np.searchsorted(rates, ends[0], "right")) - 1)
    places = np.append(np.clip(rates[first:], *ends), ends[1])
    return places, np.append(misses[first:], misses[-1])
