"""Training samples of WISP: statistics of target frames, after a sequence of their own."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from fgstp.core.config import Settings
from fgstp.footage.packed_masks import VOID
from fgstp.footage.video_store import Clip
from fgstp.models.blocks.statistics import InnovationStatistics
from fgstp.models.sampling import Batch, Prepare, SampleKey, Sampling
from fgstp.models.wisp.augmentation import SequenceAugmentationSettings, augmented_sequence

Drawn = tuple[NDArray[np.int64], NDArray[np.int64]]
MIXED = 0.02  # share of void in a cell of the grid from which it is void


class SequenceSettings(Settings):
    """A training sequence.

    Attributes:
        n_frames: frames of a sequence at most, up to its last target.
        n_targets: its target frames, drawn from those of the clip.
        slowest_hz: sequences are thinned out to a frame rate between this and the video's own,
            log-uniform.
    """

    n_frames: int = Field(100, ge=2, le=100_000)
    n_targets: int = Field(4, ge=1, le=1000)
    slowest_hz: float = Field(1.0, gt=0, le=1000)


@dataclass(frozen=True)
class Sequences(Sampling):
    """Targets of a clip with the statistics of the sequence that leads to them.

    The sequence may begin before the clip. Its frames are augmented, then run through
    `InnovationStatistics`. The frames of the batch are the channels at the targets, (L, C, h, w).

    Attributes:
        size: height and width of the grid of the statistics.
        sequence: length and targets.
        augmentation: how sequences are changed.
    """

    size: tuple[int, int]
    sequence: SequenceSettings
    augmentation: SequenceAugmentationSettings

    def targets_per_sample(self, default: int) -> int:
        """Its own number."""
        return self.sequence.n_targets

    def sample(self, clip: Clip, key: SampleKey, prepare: Prepare) -> Batch:
        """Read and process one sequence; see `Sampling.sample`."""
        rng = np.random.default_rng(key.seed)
        numbers, targets = self._drawn(clip, key.targets.stop - 1, rng)
        frames = clip.video_frames[numbers]
        labels = clip.labels(numbers[targets] - clip.first_frame)
        frames, labels = augmented_sequence(frames, labels, self.augmentation, rng)
        statistics = InnovationStatistics(*self.size)
        found = {}
        for number, each in enumerate(zip(frames, clip.video_times_s[numbers], strict=True)):
            if number in targets:
                found[number] = statistics.update(*each)
            else:
                statistics.skip(*each)
        return Batch(
            torch.from_numpy(np.stack([found[target] for target in targets])),
            torch.from_numpy(np.stack([on_grid(label, self.size) for label in labels])),
            torch.arange(len(targets)).unsqueeze(1),
        )

    def _drawn(self, clip: Clip, last_target: int, rng: np.random.Generator) -> Drawn:
        """Numbers of the frames of a sequence in the video, rising, and of its targets among them.

        The sequence ends at an annotated frame of the clip, `last_target`, counted from 0.
        """
        settings = self.sequence
        last = int(clip.annotated[last_target])
        steps = np.diff(clip.times_s)
        fps_hz = 1 / max(float(np.median(steps)), 1e-3) if len(steps) else 1.0
        rate_hz = np.exp(rng.uniform(np.log(min(settings.slowest_hz, fps_hz)), np.log(fps_hz)))
        stride = max(1, round(fps_hz / rate_hz))
        # Enough of the frames must be those of the clip that are annotated.
        inside = clip.annotated[clip.annotated <= last]
        while stride > 1 and len(inside[(last - inside) % stride == 0]) < settings.n_targets:
            stride -= 1
        reach = min(settings.n_frames - 1, (clip.first_frame + last) // stride)
        frames = clip.first_frame + last - stride * np.arange(reach, -1, -1)
        usable = np.flatnonzero(np.isin(frames - clip.first_frame, clip.annotated))
        n = settings.n_targets
        targets = rng.choice(usable, n, replace=len(usable) < n)
        return frames, np.sort(targets)


def on_grid(labels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float32]:
    """Share of gas in each cell of a grid.

    Args:
        labels: (H, W) uint8: 0, 1 for gas, 255 for void.
        size: height and width of the grid.

    Returns:
        (1, h, w) float32 in [0, 1], -1 where a cell holds void.
    """
    gas, void = ((labels == value).astype(np.float32) for value in (1, VOID))
    shares = [cv2.resize(each, size[::-1], interpolation=cv2.INTER_AREA) for each in (gas, void)]
    return np.where(shares[1] > MIXED, np.float32(-1), np.asarray(shares[0], np.float32))[None]
