"""Summaries of frame scores by video, category or leak class, with intervals."""

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.scoring.bootstrap import Resamples, as_observed, draw, interval, means
from fgstp.scoring.metrics import OF_FRAMES, list_metrics
from fgstp.scoring.metrics.detection import rank, ranking_scores
from fgstp.scoring.protocols import PROTOCOL_COLUMNS, Average, ScoringProtocol

ALL = "all"
SEED = "seed"  # column of the training
REQUIRED = (*PROTOCOL_COLUMNS, "video", "clip", "gas", "frame_score")
SUMMARY_COLUMNS = (
    *(*PROTOCOL_COLUMNS, "by", "group", "metric", "value", "low", "high", "spread"),
    *("n_seeds", "threshold_min", "threshold_max", "interval_over"),
    *("n_videos", "n_clips", "n_frames", "note"),
)


def summarise(
    rows: pd.DataFrame,
    by: str | None = None,
    *,
    confidence: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Summarise frame scores.

    Values are averaged as the protocol of the rows says. Average precision and AUROC are computed
    over all frames of a group. Intervals are bootstrapped over videos, or for fewer than 5 videos
    over the clips within each video, so that they do not extend to other videos.

    For several trainings with different seeds, the value is the mean over trainings, and the
    interval, for which all trainings share the resamples, is that of the mean. It covers the
    variation of the footage, and the spread the variation of the trainings.

    Args:
        rows: results of `score_clip`, with columns `video`, `clip`, and the column to group by;
            may hold several protocols. A column `seed` distinguishes trainings, each of which may
            have its own threshold.
        by: `video`, `category`, `leak_class` or any other column; None for all rows.
        confidence: confidence level of the intervals, between 0 and 1.
        n_resamples: number of resamples of the bootstrap.
        seed: random seed; intervals of a group do not depend on other groups.

    Returns:
        A row for each protocol, group and metric: `protocol` and its settings, `by, group, metric,
        value, low, high`, `spread` (standard deviation over trainings, with n - 1; NaN for one),
        `n_seeds` (trainings), `threshold_min` and `threshold_max` (over trainings; `threshold` is
        that of the first), `interval_over` (`videos`, `clips`, or `none` without interval),
        `n_videos, n_clips, n_frames` (of one training), and `note`, why a value or an interval is
        missing. Of no rows it has none.

    Raises:
        UserError: a column is missing, an argument is out of range, or trainings were scored on
            different frames.
    """
    if rows.empty:
        return pd.DataFrame(columns=list(SUMMARY_COLUMNS))
    _check(rows, by, confidence, n_resamples)
    parts = []
    for protocol, group, frames in _groups(rows, by):
        rng = np.random.default_rng([seed, zlib.crc32(group.encode())])
        part = _summarise_group(frames, protocol, confidence, n_resamples, rng)
        labels = protocol.columns | {"by": by or ALL, "group": group}
        parts.append(pd.DataFrame(labels, index=part.index).join(part))
    return pd.concat(parts, ignore_index=True)


def _check(rows: pd.DataFrame, by: str | None, confidence: float, n_resamples: int) -> None:
    scores = (metric.name for metric in list_metrics(*OF_FRAMES))
    needed = [*REQUIRED, *scores, *([by] if by else [])]
    if missing := [name for name in needed if name not in rows]:
        raise UserError(
            f"The frame scores lack the columns {', '.join(missing)}; make them again with "
            "`kedro run --pipelines=evaluate`."
        )
    if rows[["video", "clip"]].isna().any(axis=None):
        raise UserError("Some frame scores do not say of which video and clip they are.")
    if not 0 < confidence < 1 or n_resamples < 1:
        raise UserError(
            "An interval needs a confidence between 0 and 1 and at least one resample, not"
            f" {confidence} and {n_resamples}."
        )


def _groups(
    rows: pd.DataFrame, by: str | None
) -> Iterator[tuple[ScoringProtocol, str, pd.DataFrame]]:
    same = list(PROTOCOL_COLUMNS)
    if SEED in rows and rows[SEED].nunique(dropna=False) > 1:
        same.remove("threshold")  # trainings may have their own
    for _, scored in rows.groupby(same, sort=False):
        protocol = ScoringProtocol.of_row(scored.iloc[0])
        if by is None:
            yield protocol, ALL, scored
            continue
        for value, frames in scored.groupby(by, dropna=False):
            yield protocol, "unknown" if pd.isna(value) else str(value), frames


def _trainings(frames: pd.DataFrame) -> list[NDArray[np.intp]]:
    """Places of the rows of each training, in order of appearance."""
    if SEED not in frames:
        return [np.arange(len(frames))]
    codes, seeds = pd.factorize(frames[SEED], use_na_sentinel=False)
    places = [np.flatnonzero(codes == code) for code in range(len(seeds))]
    if len({each.size for each in places}) > 1:
        raise UserError(
            "The trainings of a model were scored on different frames; evaluate it again."
        )
    return places


def _summarise_group(
    frames: pd.DataFrame,
    protocol: ScoringProtocol,
    confidence: float,
    n_resamples: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    # Sorted, so that the order of rows does not matter.
    names = pd.MultiIndex.from_frame(frames[["video", "clip"]])
    clip_of_frame, clips = pd.factorize(names, sort=True)
    video_of_clip, videos = pd.factorize(clips.get_level_values(0), sort=True)
    drawn = draw(video_of_clip, n_resamples, rng)
    trainings = _trainings(frames)
    statistics = [
        _Statistics(frames.iloc[places], clip_of_frame[places], len(clips), protocol.average)
        for places in trainings
    ]
    by_training = np.array([each(as_observed(video_of_clip))[0] for each in statistics])
    values = by_training.mean(axis=0)
    spread = by_training.std(axis=0, ddof=1) if len(trainings) > 1 else np.nan
    varied = np.full((1, values.size), np.nan)
    if drawn.over != "none":
        varied = np.mean([each(drawn) for each in statistics], axis=0)
    low, high = np.transpose([interval(column, confidence) for column in varied.T])
    metrics = [*list_metrics(*OF_FRAMES), *list_metrics("ranking")]
    no_interval = "no interval: no video has two clips" if drawn.over == "none" else ""
    gas = frames["gas"].to_numpy(bool)
    notes = [
        metric.why_missing(gas) if missing else no_interval
        for metric, missing in zip(metrics, np.isnan(values), strict=True)
    ]
    return pd.DataFrame(
        {
            "metric": [metric.name for metric in metrics],
            "value": values,
            "low": low,
            "high": high,
            "spread": spread,
            "n_seeds": len(trainings),
            "threshold_min": frames["threshold"].min(),
            "threshold_max": frames["threshold"].max(),
            "interval_over": drawn.over,
            "n_videos": len(videos),
            "n_clips": len(clips),
            "n_frames": len(trainings[0]),
            "note": notes,
        }
    )


class _Statistics:
    """All metrics of a group as a function of the weights of its clips."""

    def __init__(
        self, frames: pd.DataFrame, clip_of_frame: NDArray[Any], n_clips: int, average: Average
    ) -> None:
        names = [metric.name for metric in list_metrics(*OF_FRAMES)]
        scores = frames[names].to_numpy(np.float64)
        self._average = average
        self._sums = np.zeros((n_clips, scores.shape[1]))
        self._counts = np.zeros_like(self._sums)
        np.add.at(self._sums, clip_of_frame, np.nan_to_num(scores))
        np.add.at(self._counts, clip_of_frame, ~np.isnan(scores))
        self._ranked = rank(frames["gas"], frames["frame_score"])
        self._clip_by_rank = clip_of_frame[self._ranked.order]
        self._rankings = [metric.function for metric in list_metrics("ranking")]

    def __call__(self, resamples: Resamples) -> NDArray[np.float64]:
        """(R, M): each metric in each resample."""
        rankings = [
            ranking_scores(self._ranked, weight[self._clip_by_rank], self._rankings)
            for weight in resamples.total_weight
        ]
        averages = means(self._sums, self._counts, resamples, self._average)
        return np.hstack([averages, np.array(rankings)])
