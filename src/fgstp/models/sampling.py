"""Training samples: each model states which frames of a clip make one."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fgstp.footage.video_store import Clip


class VideoFeatures(Protocol):
    """Computes features of the frames of a clip, which a `FeatureStore` keeps for training.

    Implementations can be pickled.
    """

    @property
    def facts(self) -> Mapping[str, object]:
        """What the features depend on besides the frames, as plain values."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the features of one frame."""

    def compute(
        self, frames: NDArray[np.uint8], numbers: Iterable[int]
    ) -> Iterator[NDArray[np.float16]]:
        """Compute the features of some frames.

        Args:
            frames: (T, H, W), the whole clip, since features may depend on other frames.
            numbers: numbers of the frames to compute, in any order.

        Yields:
            `shape` float16, in the order of `numbers`.
        """


Frames = NDArray[np.uint8]
# Frames (F, H, W) and labels (L, H, W), 0, 1 or 255 -> frames and masks as in a `Batch`.
Prepare = Callable[[Frames, Frames, np.random.Generator], tuple[Tensor, Tensor]]


class Batch(NamedTuple):
    """Samples to train on. A single sample has the same fields without the dimension B.

    A sample is a window of F frames, of which L are targets; each target has N neighbours.
    Frames that several targets need are in it once. Without neighbours the frames are the
    targets.

    Attributes:
        frames: (B, F, 1, H, W) float32 in [0, 1]; for models that work on optical flow
            (B, 2, 2, H, W): two fields of a frame, x and y in pixels.
        masks: (B, L, 1, H, W) float32 in [0, 1]: gas in the target frames; -1 for void, which
            losses leave out.
        targets: (B, L, 1 + N) int64: each target and its neighbours, as numbers in [0, F).
        clips: names of the B clips.
    """

    frames: Tensor
    masks: Tensor
    targets: Tensor
    clips: Sequence[str] = ()

    def flat(self) -> tuple[Tensor, Tensor, Tensor]:
        """Frames (B F, ...), masks (B L, ...) and targets (B L, 1 + N), numbers in [0, B F)."""
        n_windows, n_frames = self.frames.shape[:2]
        starts = n_frames * torch.arange(n_windows, device=self.targets.device).view(-1, 1, 1)
        frames, masks, targets = (
            each.flatten(0, 1) for each in (self.frames, self.masks, self.targets + starts)
        )
        return frames, masks, targets


class SampleKey(NamedTuple):
    """Identifies a training sample.

    Attributes:
        clip: number of the clip.
        targets: positions of its targets among the frames of the clip that can be targets.
        seed: seed of all that is drawn for the sample.
        progress: fraction of the training that was done when the epoch began, in [0, 1).
    """

    clip: int
    targets: range
    seed: tuple[int, ...]
    progress: float = 0.0


class Sampling(ABC):
    """Which frames of a clip make a training sample.

    Attributes:
        mask_noise: whether noise may be added to the masks of a sample.
    """

    mask_noise: ClassVar[bool] = True

    @abstractmethod
    def targets_per_sample(self, default: int) -> int:
        """Target frames of a sample; `default` is `train.window_targets`."""

    def n_targets_of(self, clip: Clip) -> int:
        """Frames of a clip that can be targets: by default those with a mask."""
        return len(clip.annotated)

    @abstractmethod
    def sample(self, clip: Clip, key: SampleKey, prepare: Prepare) -> Batch:
        """Read one sample, without the dimension B.

        Args:
            clip: the clip.
            key: identifies the sample.
            prepare: augments frames and labels and resizes them.
        """


@dataclass(frozen=True)
class Windows(Sampling):
    """Consecutive annotated frames of a clip as targets, each with its neighbours.

    Frames that several targets need are read, and encoded, once: a window of L targets in
    densely annotated footage with two neighbours each has L + 2 frames. A neighbour beyond
    the ends of the clip is replaced by the nearest frame.

    Attributes:
        offsets_frames: positions of the neighbours relative to their target, such as -1 and 1.
        n_targets: targets L of a window; None: `train.window_targets`.
    """

    offsets_frames: tuple[int, ...] = ()
    n_targets: int | None = None

    def targets_per_sample(self, default: int) -> int:
        """Its own number or else the default."""
        return self.n_targets or default

    def sample(self, clip: Clip, key: SampleKey, prepare: Prepare) -> Batch:
        """Read one window; see `Sampling.sample`."""
        targets = clip.annotated[key.targets.start : key.targets.stop]
        wanted = np.add.outer(targets, (0, *self.offsets_frames))  # (L, 1 + N)
        numbers = np.unique(wanted)
        frames = clip.frames[numbers.clip(0, len(clip.frames) - 1)]
        return Batch(
            *prepare(frames, clip.labels(targets), np.random.default_rng(key.seed)),
            torch.from_numpy(np.searchsorted(numbers, wanted)),
        )


@dataclass(frozen=True)
class SpreadFrames(Sampling):
    """Annotated frames of a clip in order, some left out between them, all of them targets.

    The first attempt starts at the first target of the key, or as far before it as the sample
    needs; further attempts start anywhere.

    Attributes:
        n_frames: frames of a sample.
        largest_step: pairs (progress of the training in [0, 1), distance): from then on,
            neighbouring frames are 1 to `distance` annotated frames apart, drawn for each.
        reverse_fraction: fraction of the samples whose frames run backwards.
        first_gas_px: pixels of gas that the first frame should hold.
        attempts: number of draws until it does; the last one is taken as it is.
    """

    mask_noise = False  # the first mask is an input of the model

    n_frames: int
    largest_step: tuple[tuple[float, int], ...]
    reverse_fraction: float = 0.0
    first_gas_px: int = 1
    attempts: int = 5

    def targets_per_sample(self, default: int) -> int:
        """All frames of the sample."""
        return self.n_frames

    def sample(self, clip: Clip, key: SampleKey, prepare: Prepare) -> Batch:
        """Read spread frames; see `Sampling.sample`."""
        rng = np.random.default_rng(key.seed)
        for attempt in range(self.attempts):
            start = None if attempt else key.targets.start
            numbers = self._numbers(clip.annotated, start, key.progress, rng)
            if np.count_nonzero(clip.masks(numbers[:1])) >= self.first_gas_px:
                break
        return Batch(
            *prepare(clip.frames[numbers], clip.labels(numbers), rng),
            torch.arange(self.n_frames).unsqueeze(1),
        )

    def _numbers(
        self,
        annotated: NDArray[np.int64],
        start: int | None,
        progress: float,
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Numbers of the frames of one attempt; a start of None is drawn."""
        n_steps, last = self.n_frames - 1, len(annotated) - 1
        largest = [step for begin, step in self.largest_step if begin <= progress][-1]
        steps = rng.integers(1, min(largest, last // max(1, n_steps)), n_steps, endpoint=True)
        offsets = np.concatenate([[0], np.cumsum(steps)])
        latest = last - int(offsets[-1])
        first = rng.integers(latest, endpoint=True) if start is None else min(start, latest)
        numbers = annotated[first + offsets]
        return numbers[::-1] if rng.random() < self.reverse_fraction else numbers


@dataclass(frozen=True)
class FlowPairs(Sampling):
    """Two flow fields of one frame, without masks and without augmentation.

    The frames of the sample are the fields: (2, 2, h, w) float32, x and y in pixels.

    Attributes:
        gaps_frames: G gaps to the other frame; two different ones are drawn.
        features: the fields of each frame at all gaps, (G, 2, h, w).
    """

    gaps_frames: tuple[int, ...]
    features: VideoFeatures

    def targets_per_sample(self, default: int) -> int:
        """The two fields are of one frame."""
        return 1

    def n_targets_of(self, clip: Clip) -> int:
        """All frames: no mask is looked at."""
        return len(clip.frames)

    def sample(self, clip: Clip, key: SampleKey, prepare: Prepare) -> Batch:
        """Read two fields; see `Sampling.sample`."""
        gaps = np.random.default_rng(key.seed).choice(self.gaps_frames, size=2, replace=False)
        last = len(clip.frames) - 1
        # Nearer to the ends, opposite gaps give the same field.
        margin = min(max(map(abs, self.gaps_frames)), last // 2)
        number = min(max(key.targets.start, margin), last - margin)
        if clip.features is None:
            (fields,) = self.features.compute(clip.frames, [number])
        else:
            fields = clip.features[number]
        drawn = fields[[self.gaps_frames.index(gap) for gap in gaps]]
        flows = torch.from_numpy(drawn.astype(np.float32))
        return Batch(flows, torch.empty(0), torch.empty(0, dtype=torch.int64))
