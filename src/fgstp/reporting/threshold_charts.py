"""Charts of what the maps give at every threshold of pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fgstp.core.progress import ProgressBar
from fgstp.footage.clip_table import ClipRow
from fgstp.footage.video_store import VideoStore
from fgstp.reporting.charts import Axis, Chart, Floats, Series
from fgstp.reporting.names import ModelRow
from fgstp.reporting.notes import short_title
from fgstp.reporting.results import Predict
from fgstp.scoring.frames import Frames
from fgstp.scoring.ground_truth import N_LEVELS, GroundTruth
from fgstp.scoring.metrics.maps import alignment_curves, overlap_curves
from fgstp.scoring.protocols import ScoringProtocol

MOST_FRAMES = 300  # of a video, evenly spread
N_BINS = 10  # of calibration
LEVELS = np.arange(N_LEVELS) / 255
NOTE = f"First training; up to {MOST_FRAMES} scored frames of a video, evenly spread."
FOUND = ("IoU", "Dice", "E-measure", "share of false-alarm frames")
NAMES = ("iou", "dice", "e_measure", "false_alarm_frames")
GAS, NO_GAS = 1, 0


@dataclass(eq=False)
class Sums:
    """What is summed over frames of one model, by threshold.

    Attributes:
        curves: by protocol and video: (4, 256) sums of `FOUND`, and (4,) numbers of frames.
        levels: (2, 256) pixels without and with gas by their level in the map, as predicted.
    """

    curves: dict[str, dict[str, tuple[Floats, Floats]]] = field(default_factory=dict)
    levels: Floats = field(default_factory=lambda: np.zeros((2, N_LEVELS)))

    def add(self, video: str, frames: Frames) -> None:
        """Add frames of a video under a protocol."""
        iou, dice = overlap_curves(frames)
        is_free = ~frames.gas
        alarms = frames.predicted[:, 0] >= frames.protocol.alarm_px
        scored = np.ones(len(iou), bool) if frames.protocol.empty != "skip" else frames.gas
        e_measure = alignment_curves(frames)[:, :N_LEVELS]
        parts = ((iou, scored), (dice, scored), (e_measure, scored), (alarms, is_free))
        sums = np.array([values[which].sum(axis=0) for values, which in parts])
        counts = np.array([float(which.sum()) for _, which in parts])
        of_protocol = self.curves.setdefault(frames.protocol.name, {})
        before = of_protocol.get(video, (np.zeros_like(sums), np.zeros_like(counts)))
        of_protocol[video] = before[0] + sums, before[1] + counts

    def means(self, protocol: ScoringProtocol) -> Floats:
        """(4, 256): means over frames, then over videos unless the protocol takes all alike."""
        of_videos = zip(*self.curves[protocol.name].values(), strict=True)
        sums, counts = (np.array(each) for each in of_videos)
        if protocol.average == "frame":
            sums, counts = sums.sum(axis=0, keepdims=True), counts.sum(axis=0, keepdims=True)
        with np.errstate(invalid="ignore"):
            return np.nanmean(sums / np.where(counts, counts, np.nan)[..., None], axis=0)


def sum_frames(
    clips: Sequence[ClipRow],
    store: VideoStore,
    scored: Mapping[str, NDArray[np.int64]],
    predictions: Mapping[str, Predict],
    protocols: Sequence[ScoringProtocol],
) -> dict[str, Sums]:
    """Sum frames of each model, in bounded memory.

    Args:
        clips: test clips with masks.
        store: the videos.
        scored: by clip: numbers of its scored frames.
        predictions: by model: a function from a clip to its maps, (T, H, W) uint8.
        protocols: the protocols.
    """
    n_clips: dict[str, int] = {}
    for clip in clips:
        n_clips[clip.video] = n_clips.get(clip.video, 0) + 1
    found = {model: Sums() for model in predictions}
    for clip in ProgressBar(clips, unit=" clips", desc="curves"):
        most = max(1, MOST_FRAMES // n_clips[clip.video])
        numbers = spread_numbers(scored[clip.name], most)
        view = clip.read(store)
        truths = [GroundTruth.from_mask(mask) for mask in view.masks(numbers)]
        void = view.void(numbers)
        for model, predict in predictions.items():
            maps = np.where(void, 0, predict(clip)[numbers]).astype(np.uint8)
            blocks = [Frames(maps, truths, each.at(each.threshold or 0)) for each in protocols]
            for frames in blocks:
                found[model].add(clip.video, frames)
            found[model].levels += blocks[0].by_mask.sum(axis=0)
    return found


def spread_numbers(numbers: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most `most` of the numbers, evenly spread from the first to the last."""
    places = np.linspace(0, len(numbers) - 1, min(most, len(numbers))).round().astype(np.intp)
    return numbers[places]


def threshold_charts(
    sums: Mapping[str, Sums], rows: Sequence[ModelRow], protocols: Sequence[ScoringProtocol]
) -> list[Chart]:
    """IoU, Dice, E-measure and false-alarm frames against the threshold, under each protocol.

    False-alarm frames are left out where maps are stretched, so that every frame has predictions.
    """
    charts = []
    for protocol in protocols:
        means = {row.model: sums[row.model].means(protocol) for row in rows}
        kept = len(FOUND) if protocol.norm == "none" else len(FOUND) - 1
        for number, (label, name) in enumerate(zip(FOUND[:kept], NAMES[:kept], strict=True)):
            series = tuple(
                Series(row.model, row.title(), place, LEVELS, means[row.model][number])
                for place, row in enumerate(rows)
            )
            if all(np.isnan(own.y).all() for own in series):
                continue
            title = f"{label[0].upper()}{label[1:]} against threshold, {short_title(protocol)}"
            axes = Axis("threshold"), Axis(label, 0.0, 1.0)
            charts.append(Chart(f"{name}_{protocol.name}", title, *axes, series, NOTE))
    return charts


def pixel_charts(sums: Mapping[str, Sums], rows: Sequence[ModelRow]) -> list[Chart]:
    """Precision and recall of pixels, and the calibration of their probabilities."""
    share = Axis("share of pixels with gas")
    curves, calibrations = [], []
    for place, row in enumerate(rows):
        levels = sums[row.model].levels
        of = partial(Series, row.model, row.title(), place)
        if levels[GAS].any():
            curves.append(of(*_precision_recall(levels)))
        calibrations.append(of(*_calibration(levels), kind="dots"))
    note = f"{NOTE} All pixels of these frames alike, as predicted."
    told = f"{note} On the dotted line, of pixels with a probability of 0.7 seven tenths are gas."
    charts = [
        Chart("pixel_calibration", "Calibration of pixels", Axis("predicted probability"), share,
              tuple(calibrations), told, ((0.0, 0.0), (1.0, 1.0)))
    ]  # fmt: skip
    if curves:
        axes = Axis("recall"), Axis("precision")
        title = "Precision and recall by pixel"
        charts.insert(0, Chart("pixel_precision_recall", title, *axes, tuple(curves), note))
    return charts


def _precision_recall(levels: Floats) -> tuple[Floats, Floats]:
    """Recall and precision from the highest level down to 1; 0 predicts every pixel."""
    reached = levels[:, :0:-1].cumsum(axis=1)
    predicted = reached.sum(axis=0)
    kept = predicted > 0
    return reached[GAS, kept] / levels[GAS].sum(), reached[GAS, kept] / predicted[kept]


def _calibration(levels: Floats) -> tuple[Floats, Floats]:
    """Mean probability and share of gas in tenths of the probability that have pixels."""
    tenth = np.minimum((LEVELS * N_BINS).astype(np.intp), N_BINS - 1)
    pixels = levels.sum(axis=0)
    sums = [np.bincount(tenth, each, N_BINS) for each in (pixels, pixels * LEVELS, levels[GAS])]
    kept = sums[0] > 0
    return sums[1][kept] / sums[0][kept], sums[2][kept] / sums[0][kept]
