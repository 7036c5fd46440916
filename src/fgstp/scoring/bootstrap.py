"""Bootstrap over videos or, if there are too few, over the clips within videos."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fgstp.scoring.protocols import Average

FEWEST_VIDEOS = 5
Floats = NDArray[np.float64]
Units = Literal["videos", "clips", "none"]


@dataclass(frozen=True, eq=False)
class Resamples:
    """Weights of V videos and C clips in each of R resamples.

    Attributes:
        over: what was drawn: `videos` with all their clips, `clips` within each video, or `none`
            if every video has one clip, so that nothing varies.
        video_of_clip: (C,) number of the video of each clip.
        video_weight: (R, V) float64.
        clip_weight: (R, C) float64, within the video of the clip.
    """

    over: Units
    video_of_clip: NDArray[np.intp]
    video_weight: Floats
    clip_weight: Floats

    @property
    def total_weight(self) -> Floats:
        """(R, C): weights of the clips in all."""
        return self.clip_weight * self.video_weight[:, self.video_of_clip]


def as_observed(video_of_clip: NDArray[np.intp]) -> Resamples:
    """The sample itself as one resample: all weights are 1."""
    n_videos = int(video_of_clip.max()) + 1
    return Resamples(
        "none", video_of_clip, np.ones((1, n_videos)), np.ones((1, video_of_clip.size))
    )


def draw(video_of_clip: NDArray[np.intp], n_resamples: int, rng: np.random.Generator) -> Resamples:
    """Draw with replacement: videos if there are at least 5, else clips within each video."""
    clips_of_video = np.bincount(video_of_clip)
    n_videos, n_clips = clips_of_video.size, video_of_clip.size
    video_weight = np.ones((n_resamples, n_videos))
    clip_weight = np.ones((n_resamples, n_clips))
    over: Units = "none"
    if n_videos >= FEWEST_VIDEOS:
        over = "videos"
        video_weight[:] = _multiplicities(n_videos, n_resamples, rng)
    elif clips_of_video.max() > 1:
        over = "clips"
        for video, number in enumerate(clips_of_video):
            clip_weight[:, video_of_clip == video] = _multiplicities(number, n_resamples, rng)
    return Resamples(over, video_of_clip, video_weight, clip_weight)


def _multiplicities(number: int, n_resamples: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(R, number): how often each of `number` units is drawn in as many draws."""
    return rng.multinomial(number, np.full(number, 1 / number), size=n_resamples)


def means(sums: Floats, counts: Floats, resamples: Resamples, average: Average) -> Floats:
    """Mean of each metric in each resample.

    Args:
        sums: (C, M) sum of each metric over the frames of each clip that define it.
        counts: (C, M) number of those frames.
        resamples: the R resamples.
        average: `video` for the mean of the means of videos, `frame` for the mean of all frames.

    Returns:
        (R, M) float64; NaN where no frame defines the metric.
    """
    if average == "frame":
        weight = resamples.total_weight
        return _quotient(weight @ sums, weight @ counts)
    shape = (*resamples.video_weight.shape, sums.shape[1])
    video_means = np.empty(shape)
    for video in range(shape[1]):
        clips = resamples.video_of_clip == video
        weight = resamples.clip_weight[:, clips]
        video_means[:, video] = _quotient(weight @ sums[clips], weight @ counts[clips])
    weight = resamples.video_weight[..., None] * ~np.isnan(video_means)
    return _quotient((weight * np.nan_to_num(video_means)).sum(axis=1), weight.sum(axis=1))


def _quotient(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)


def interval(values: Floats, confidence: float) -> tuple[float, float]:
    """Percentile interval of a metric over resamples, (R,); NaN if all values are NaN."""
    found = values[~np.isnan(values)]
    if not found.size:
        return np.nan, np.nan
    tail = (1 - confidence) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    return float(low), float(high)
