"""Loaders that feed samples to training and clips to validation."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from fgstp.footage.masked_clips import MaskedClip
from fgstp.training.processes import Rank
from fgstp.training.samples import WindowOrder


def train_loader(
    samples: Dataset[Any], order: WindowOrder, *, samples_per_step: int, workers: int, cuda: bool
) -> DataLoader[Any]:
    """Batches of samples, the last one of an epoch maybe smaller.

    A last batch of a single sample is left out: if the sample is a single frame, normalisation
    over the batch has nothing to go by.

    Args:
        samples: the samples, by the keys of the order.
        order: which of them, and in what order.
        samples_per_step: samples of a batch.
        workers: processes that prepare them, forked in `one_opencv_thread`; 0 prepares them
            in this one.
        cuda: whether they go to a GPU.
    """
    return DataLoader(
        samples,
        batch_size=samples_per_step,
        sampler=order,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=cuda,
        drop_last=len(order) > 1 and len(order) % samples_per_step == 1,
        # Its own, so that making an iterator draws nothing from the generator of the network.
        generator=torch.Generator(),
    )


def validation_loader(clips: Sequence[MaskedClip], rank: Rank) -> DataLoader[str]:
    """Names of clips, one at a time.

    Args:
        clips: the clips.
        rank: the process that looks at them. Each gets as many as the others; if the clips
            do not suffice for that, some are looked at twice.
    """
    n_each = -(-len(clips) // rank.of)
    names = [clips[(rank.number + i * rank.of) % len(clips)].name for i in range(n_each)]
    return DataLoader(names, batch_size=None, generator=torch.Generator())  # type: ignore[arg-type]
