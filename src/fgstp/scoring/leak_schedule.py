"""Frame scores against a leak schedule: what can be told of footage without masks.

A frame is an alarm if its score reaches the threshold of the checkpoint. Frames of a leak class of
0 or less, before gas is released, are leak-free; those of classes 1 to 7 have gas somewhere, if
not visibly so. Frames after the release (class 8), when gas may linger, count for neither.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp.core.rates import poisson_upper_bound
from fgstp.footage.video import AFTER_RELEASE
from fgstp.scoring.metrics import Metric
from fgstp.scoring.metrics.detection import auroc

Floats = NDArray[np.float64]
WEAK, STRONG = (1, 2), (3, 7)  # groups of leak classes, first and last
DEFAULT_THRESHOLD = 0.5  # where no validation clips chose one


@dataclass(frozen=True, eq=False)
class ScheduledFrames:
    """Frames of known leak class, as one training scored them, sorted by video and number.

    Attributes:
        video: (N,) str, name of the video of each frame.
        number: (N,) int64, number of each frame in its video.
        time_s: (N,) float64, seconds since the beginning of its video.
        duration_s: (N,) float64, how long it lasts.
        leak_class: (N,) int64, -1 before the release, 0 to 7, 8 after it.
        release_s: (N,) float64, time at which the release that it shows began, see `releases_s`.
        score: (N,) float64, confidence of the model that it holds gas.
        threshold: score from which it is an alarm.
    """

    video: NDArray[np.str_]
    number: NDArray[np.int64]
    time_s: Floats
    duration_s: Floats
    leak_class: NDArray[np.int64]
    release_s: Floats
    score: Floats
    threshold: float

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "ScheduledFrames":
        """Make it of rows of one training, see `fgstp.scoring.timelines`; some class is known."""
        known = rows[rows["leak_class"].notna()].sort_values(["video", "frame"])
        time_s, duration_s, release_s, score, threshold = (
            known[name].to_numpy(np.float64)
            for name in ("time_s", "duration_s", "release_s", "score", "threshold")
        )
        return cls(
            known["video"].to_numpy(np.str_),
            known["frame"].to_numpy(np.int64),
            time_s,
            duration_s,
            known["leak_class"].to_numpy(np.int64),
            release_s,
            score,
            float(threshold[0]),
        )

    @property
    def is_leak_free(self) -> NDArray[np.bool_]:
        """(N,): whether no gas has been released yet."""
        return self.leak_class <= 0

    @property
    def is_alarm(self) -> NDArray[np.bool_]:
        """(N,): whether the score reaches the threshold."""
        return self.score >= self.threshold

    @property
    def leak_free_hours(self) -> float:
        """Footage without a leak, in hours."""
        return float(self.duration_s[self.is_leak_free].sum()) / 3600


def releases_s(leak_class: NDArray[np.integer], times_s: Floats) -> Floats:
    """Time at which the release that each frame of a video shows began.

    A release is consecutive frames of the classes 1 to 7.

    Args:
        leak_class: (T,) leak classes of all frames of the video.
        times_s: (T,) their times in seconds.

    Returns:
        (T,) float64; NaN for other frames, and for a release that was on when the video began.
    """
    shows = (leak_class > 0) & (leak_class < AFTER_RELEASE)
    begins = shows & ~np.concatenate([[True], shows[:-1]])
    starts = np.concatenate([[np.nan], np.asarray(times_s, np.float64)[begins]])
    return np.where(shows, starts[begins.cumsum()], np.nan)


def leak_auroc(frames: ScheduledFrames, first: int = WEAK[0], last: int = STRONG[1]) -> float:
    """Fraction of pairs of a frame with a leak and a leak-free one that the scores put in order.

    Args:
        frames: the frames.
        first: lowest leak class of the frames with a leak.
        last: their highest leak class.

    Returns:
        0 to 1, equal scores count half; NaN without frames of one kind.
    """
    shows = (frames.leak_class >= first) & (frames.leak_class <= last)
    used = shows | frames.is_leak_free
    return auroc(shows[used], frames.score[used]) if used.any() else np.nan


def detection_delays_s(frames: ScheduledFrames) -> Floats:
    """Seconds from the beginning of each of R releases to its first alarm.

    Only releases count of which the beginning is known and at least one frame was scored.

    Returns:
        (R,) float64; NaN for a release without an alarm.
    """
    table = pd.DataFrame({"video": frames.video, "release_s": frames.release_s})
    table["delay_s"] = np.where(frames.is_alarm, frames.time_s - frames.release_s, np.nan)
    # pandas leaves rows out whose release is NaN, and takes the minimum of the rest.
    return table.groupby(["video", "release_s"])["delay_s"].min().to_numpy(np.float64)


def found_fraction(frames: ScheduledFrames) -> float:
    """Share of the releases that have an alarm, 0 to 1; NaN without releases."""
    delays_s = detection_delays_s(frames)
    return float(np.isfinite(delays_s).mean()) if delays_s.size else np.nan


def time_to_detection_s(frames: ScheduledFrames) -> float:
    """Median of the seconds to the first alarm, over the releases found; NaN if none was."""
    delays_s = detection_delays_s(frames)
    found = delays_s[np.isfinite(delays_s)]
    return float(np.median(found)) if found.size else np.nan


def false_alarm_fraction(frames: ScheduledFrames) -> float:
    """Share of the leak-free frames that are alarms, 0 to 1; NaN without such frames."""
    alarms = frames.is_alarm[frames.is_leak_free]
    return float(alarms.mean()) if alarms.size else np.nan


def n_false_alarms(frames: ScheduledFrames) -> int:
    """Number of leak-free frames at which the score rises to the threshold.

    The frame before is no alarm, or is not there: the video begins, or that frame was not scored.
    An alarm that outlasts its release, as gas lingers, is none of them.
    """
    alarm = frames.is_alarm
    follows = (frames.video[1:] == frames.video[:-1]) & (np.diff(frames.number) == 1)
    continues = np.concatenate([[False], alarm[:-1] & follows])[: alarm.size]
    return int(np.count_nonzero(alarm & ~continues & frames.is_leak_free))


def false_alarms_per_hour(frames: ScheduledFrames) -> float:
    """Rising edges per hour of leak-free footage; NaN without any."""
    hours = frames.leak_free_hours
    return n_false_alarms(frames) / hours if hours else np.nan


def false_alarms_per_hour_bound(frames: ScheduledFrames) -> float:
    """Upper 95 % confidence bound of the rate of false alarms, see `poisson_upper_bound`."""
    return poisson_upper_bound(n_false_alarms(frames), frames.leak_free_hours)


_of_schedule = partial(Metric, over="schedule")
# In the order of columns.
SCHEDULE_METRICS = (
    _of_schedule(
        "leak_auroc",
        "AUROC",
        "area under the ROC curve of frame scores, frames with a leak against leak-free ones",
        leak_auroc,
    ),
    _of_schedule(
        "leak_auroc_weak",
        "AUROC 1–2",
        "the same of leak classes 1 and 2 alone",
        lambda frames: leak_auroc(frames, *WEAK),
        tex="AUROC 1--2",
    ),
    _of_schedule(
        "leak_auroc_strong",
        "AUROC 3–7",
        "the same of leak classes 3 to 7 alone",
        lambda frames: leak_auroc(frames, *STRONG),
        tex="AUROC 3--7",
    ),
    _of_schedule(
        "found_fraction",
        "found (%)",
        "releases that have an alarm, a frame whose score reaches t, in percent",
        found_fraction,
        percent=True,
        decimals=0,
    ),
    _of_schedule(
        "time_to_detection_s",
        "delay (s)",
        "median time from the beginning of a release to its first alarm, of the releases found",
        time_to_detection_s,
        lower_is_better=True,
        decimals=1,
    ),
    _of_schedule(
        "false_alarm_fraction",
        "FA frames (%)",
        "false alarms, in percent of the leak-free frames",
        false_alarm_fraction,
        lower_is_better=True,
        percent=True,
        decimals=1,
    ),
    _of_schedule(
        "false_alarms_per_hour",
        "FA/h",
        "times per leak-free hour that the score rises to t",
        false_alarms_per_hour,
        lower_is_better=True,
        decimals=1,
    ),
    _of_schedule(
        "false_alarms_per_hour_bound",
        "FA/h, 95 %",
        "upper 95 % confidence bound of FA/h, if false alarms come independently (Poisson)",
        false_alarms_per_hour_bound,
        lower_is_better=True,
        decimals=1,
    ),
)
