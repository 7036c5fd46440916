"""From clips to batches: how many samples make a step, in which order, and the loaders."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

from fgstp.core.errors import UserError
from fgstp.footage.clip_table import ClipRow
from fgstp.footage.video_store import VideoStore
from fgstp.models.base import AnyModel
from fgstp.models.features import FeatureStore
from fgstp.models.sampling import Batch, Prepare, SampleKey, Sampling
from fgstp.training.processes import Rank
from fgstp.training.settings import TrainSettings

MAX_WORKERS = 8


class Plan(NamedTuple):
    """Sizes of sample, step and epoch, over all processes.

    Attributes:
        sample_targets: target frames of a sample.
        samples_per_step: samples of an optimiser step.
        samples_per_epoch: samples of an epoch at most; None: all.
    """

    sample_targets: int
    samples_per_step: int
    samples_per_epoch: int | None


def plan_of(model: AnyModel, settings: TrainSettings) -> Plan:
    """Sizes for a model in its present stage.

    Every model sees the same number of target frames in an epoch. A step has the target frames
    of the model's own settings, or else of `train.targets_per_step`, rounded to a whole number
    of samples. An epoch limited by `train.steps_per_epoch` has the target frames of that many
    steps of the block `train`.

    Raises:
        UserError: a step cannot be divided among the processes and their parts of a step.
    """
    window = settings.window_targets
    n_targets = model.sampling.targets_per_sample(window)
    own = model.optimisation.targets_per_step
    n_samples = _nearest(own or settings.targets_per_step, n_targets)
    n_parts = settings.n_processes * settings.accumulate_grad_batches
    if n_samples % n_parts:
        raise UserError(
            f"A step of {model.name} has {n_samples} samples of {n_targets} frames, which cannot "
            f"be divided into {n_parts} equal parts (devices times nodes times "
            "accumulate_grad_batches); set targets_per_step to a multiple of "
            f"{n_parts * n_targets}."
        )
    if settings.steps_per_epoch is None:
        return Plan(n_targets, n_samples, None)
    per_epoch = settings.steps_per_epoch * _nearest(settings.targets_per_step, window) * window
    return Plan(n_targets, n_samples, _nearest(per_epoch, n_samples * n_targets) * n_samples)


def _nearest(total: int, part: int) -> int:
    """`total / part` rounded to a whole number, a half rounded up, at least 1."""
    return max(1, (2 * total + part) // (2 * part))


@dataclass(eq=False)
class SampleOrder(Sampler[SampleKey]):
    """In every epoch, clips cut into windows of targets at a new offset and in a new order.

    Rank r of N takes samples r, r + N, r + 2 N, ..., so that a step of all processes has the
    samples of a step of one. What cannot be divided evenly is left out at the end.

    The order and the seeds of the samples depend only on the seed and the epoch, so that
    nothing else needs to be saved and worker processes share no state. A clip whose number of
    targets is no multiple of a window's leaves out frames at its ends, other ones each epoch.

    Args:
        n_targets_of_clips: frames of each clip that can be targets.
        n_targets: targets of a sample.
        seed: random seed.
        limit: maximum number of samples of an epoch, over all processes; None: all.
        rank: the process that takes them.
        epochs: epochs of the whole training, for the progress that is passed to samples.

    Raises:
        UserError: no clip is long enough, or there are fewer samples than processes.
    """

    n_targets_of_clips: Sequence[int]
    n_targets: int
    seed: int
    _: KW_ONLY
    limit: int | None = None
    rank: Rank = Rank()  # noqa: RUF009 - it never changes
    epochs: int = 1

    def __post_init__(self) -> None:
        self.epoch = 0
        n_samples = sum(n // self.n_targets for n in self.n_targets_of_clips)
        if not n_samples:
            raise UserError(
                f"A sample takes {self.n_targets} frames with masks, but no training clip has more "
                f"than {max(self.n_targets_of_clips)}; lower train.window_targets, or the model's "
                "own number of frames."
            )
        taken = n_samples if self.limit is None else min(self.limit, n_samples)
        if taken < self.rank.of:
            raise UserError(
                f"An epoch has {taken} samples, too few for {self.rank.of} processes; lower "
                "train.devices, or train on more clips."
            )
        self._length = taken // self.rank.of

    def __len__(self) -> int:
        """Samples of an epoch in this process."""
        return self._length

    def __iter__(self) -> Iterator[SampleKey]:
        """The samples of the present epoch."""
        rng = np.random.default_rng((self.seed, self.epoch))
        places = []
        for clip, n in enumerate(self.n_targets_of_clips):
            offset = rng.integers(n % self.n_targets, endpoint=True)
            starts = range(offset, n - self.n_targets + 1, self.n_targets)
            places += [(clip, start) for start in starts]
        order = rng.permutation(len(places))
        for number in range(self.rank.number, self._length * self.rank.of, self.rank.of):
            clip, start = places[order[number]]
            # Counted from 1, because NumPy takes (a, b) and (a, b, 0) for the same seed.
            seed = self.seed, self.epoch, number + 1
            targets = range(start, start + self.n_targets)
            yield SampleKey(clip, targets, seed, self.epoch / self.epochs)

    def set_epoch(self, epoch: int) -> None:
        """Set the number of the next epoch, from 0. Lightning calls this."""
        self.epoch = epoch


@dataclass(frozen=True)
class Samples(Dataset[Batch]):
    """Samples of some clips, read from the disk, augmented and resized by `prepare`."""

    store: VideoStore
    clips: Sequence[ClipRow]
    sampling: Sampling
    prepare: Prepare
    features: FeatureStore | None = None

    def n_targets_of_clips(self) -> list[int]:
        """Frames of each clip that can be targets."""
        return [self.sampling.n_targets_of(clip.read(self.store)) for clip in self.clips]

    def __getitem__(self, key: SampleKey) -> Batch:
        """Read one sample."""
        row = self.clips[key.clip]
        clip = row.read(self.store)
        if self.features is not None:
            clip = replace(clip, features=self.features.read(row))
        return self.sampling.sample(clip, key, self.prepare)._replace(clips=row.name)


def collated(samples: Sequence[Batch]) -> Batch:
    """Stack samples; those with fewer frames are filled up with copies of their last frame.

    Only windows of sparsely annotated footage differ in their number of frames.
    """
    numbers = torch.arange(max(len(sample.frames) for sample in samples))
    filled = [
        sample._replace(frames=sample.frames[numbers.clamp(max=len(sample.frames) - 1)])
        for sample in samples
    ]
    return Batch(*default_collate(filled))


def train_loader(
    samples: Samples, order: SampleOrder, *, batch_size: int, workers: int, cuda: bool
) -> DataLoader[Batch]:
    """Batches of samples; the last one of an epoch may be smaller.

    A last batch of a single sample is left out: if the sample is a single frame, batch
    normalisation has nothing to normalise over.

    Args:
        samples: the samples.
        order: which of them, and in what order.
        batch_size: samples of a batch.
        workers: processes that load them, forked in `one_opencv_thread`; 0 loads them in this one.
        cuda: whether they are moved to a GPU.
    """
    return DataLoader(
        samples,
        batch_size=batch_size,
        sampler=order,
        collate_fn=collated,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=cuda,
        drop_last=len(order) > 1 and len(order) % batch_size == 1,
        # A generator of its own, so that making an iterator draws nothing from the network's.
        generator=torch.Generator(),
    )


def n_workers(wanted: int | None, devices: int, *, cuda: bool) -> int:
    """Number of processes that load samples for each device; see `TrainSettings.workers`."""
    if wanted is not None:
        return wanted
    return max(1, min(MAX_WORKERS, (os.cpu_count() or 1) // devices)) if cuda else 0


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Let OpenCV work without threads, so that processes can be forked.

    A forked process has none of the threads of OpenCV's pool but waits for them, so the pool
    has to be given up before the fork.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def validation_loader(clips: Sequence[ClipRow], rank: Rank) -> DataLoader[ClipRow]:
    """The clips that a process validates, one at a time.

    All processes get the same number; if they cannot be divided evenly, some come twice.
    """
    n_each = -(-len(clips) // rank.of)
    own = [clips[(rank.number + i * rank.of) % len(clips)] for i in range(n_each)]
    return DataLoader(own, batch_size=None, generator=torch.Generator())  # type: ignore[arg-type]
