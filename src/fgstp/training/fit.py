"""Training from clips to the best checkpoint; it can be stopped and continues."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd
from lightning.pytorch import Callback

from fgstp.footage.clip_table import ClipRow, masked_clips
from fgstp.footage.video_store import VideoStore
from fgstp.models.base import AnyModel
from fgstp.models.checkpoint import load_into
from fgstp.models.features import FeatureStore
from fgstp.models.machine import use_cuda
from fgstp.training.job import Job, Outcome
from fgstp.training.machine import check_devices, lightning_precision
from fgstp.training.processes import Rank, joined, launch, local_world_size
from fgstp.training.settings import TrainSettings
from fgstp.training.stages import train_stages

__all__ = ["Outcome", "fit"]

logger = logging.getLogger(__name__)


def fit(
    model: AnyModel,
    table: pd.DataFrame,
    store: VideoStore,
    folder: Path,
    settings: TrainSettings,
    *,
    seed: int,
    callbacks: Sequence[Callback] = (),
    features: FeatureStore | None = None,
) -> Outcome:
    """Train a model on the clips of the split `train`.

    Writes to the folder

    - `best.ckpt`: the weights with the best score on the clips of the split `validation`;
    - `training.json`: how the training went;
    - `resume/`: the state after every epoch, to continue from.

    Started again after it was stopped, a training continues from the last finished epoch as if
    it had not been stopped. A finished one is not trained again; with more epochs or more
    patience it continues where it ended. If anything else changed on which the weights depend,
    it begins anew and the log says why.

    A model that trains in stages goes through them one after the other, each beginning with
    the best weights of the stage before; the last one decides what `best.ckpt` holds.

    With `train.devices` or `train.nodes` above 1 it starts processes, one a device, and waits
    for them. If torchrun or another launcher has started this process together with others
    (`RANK` and `WORLD_SIZE` are set), it joins them instead, and devices and nodes are theirs.
    In several processes

    - each step has the samples that it would have in one process, divided evenly; up to one
      sample less than there are processes is left out at the end of an epoch;
    - batch normalisation sees all samples of a step on GPUs. On the CPU, for which torch has
      no such normalisation, it sees those of one process, and the statistics of the first are
      kept;
    - a resumed run restores the random state of each process if there are as many as before.
      On the CPU two processes end with exactly the weights of a run that was not stopped; more
      of them, or GPUs, add numbers in an order that may change, so that the weights may differ
      by rounding;
    - on several machines, each has to run the same command, and all have to see the folder
      and the clips under the same paths;
    - a script that calls this must do so under `if __name__ == "__main__":`.

    Args:
        model: the model, initialised by the caller; afterwards it holds the best weights.
        table: the clip table.
        store: the store of the videos.
        folder: folder of the results.
        settings: how the model is trained.
        seed: random seed of the order of the samples, of their augmentation, and of what is
            drawn while the network trains.
        callbacks: further callbacks of Lightning, such as for logging; the figures are in
            `trainer.callback_metrics`. Of several processes the first one calls them, on copies
            if this function starts the processes: they must be picklable, and their own state
            is lost. They must not wait for the other processes.
        features: what the model precomputed of the training clips (`FeatureStore.write`); without,
            it is computed for every sample.

    Returns:
        The result.

    Raises:
        UserError: there are no clips to train or validate on, not enough GPUs or memory, a
            loss is not finite, weights to start from do not fit, or the folder cannot be
            written.
    """
    rank = Rank.from_environment()
    if rank is not None:
        devices = local_world_size()
        shape = {"devices": devices, "nodes": rank.of // devices, "rendezvous": None}
        settings = settings.model_copy(update=shape)
    job = _job(
        model,
        table,
        store,
        folder,
        settings,
        seed=seed,
        callbacks=tuple(callbacks),
        features=features,
    )
    _check_stages(job)
    if settings.start_from is not None:
        load_into(model, settings.start_from)
    if settings.n_processes == 1:
        outcome = train_stages(job, Rank())
    elif rank is None:
        outcome = launch(partial(_train_together, job), settings)
    else:
        outcome = _train_together(job, rank)
    model.begin_stage(load_into(model, outcome.checkpoint).facts["stage"])
    return outcome


def _train_together(job: Job, rank: Rank) -> Outcome:
    with joined(cuda=job.cuda):
        return train_stages(job, rank)


def _job(
    model: AnyModel,
    table: pd.DataFrame,
    store: VideoStore,
    folder: Path,
    settings: TrainSettings,
    *,
    seed: int,
    callbacks: tuple[Callback, ...],
    features: FeatureStore | None,
) -> Job:
    cuda = use_cuda(settings.accelerator, "train")
    check_devices(settings.devices, cuda=cuda)
    precision = lightning_precision(settings.precision, cuda=cuda)
    train, validation = (
        masked_clips(
            table,
            store,
            split,
            allow_pseudo_masks=settings.allow_pseudo_masks,
            setting="train.allow_pseudo_masks",
        )
        for split in ("train", "validation")
    )
    kept = table["dropped"].isna() & (table["split"] == "train")
    return Job(
        model,
        train,
        validation,
        sorted(table.loc[kept, "mask_source"].unique()),
        store,
        _usable(features, model, train),
        folder,
        settings,
        seed,
        callbacks,
        cuda,
        precision,
    )


def _usable(
    features: FeatureStore | None, model: AnyModel, clips: Sequence[ClipRow]
) -> FeatureStore | None:
    """The store, if it holds what the model precomputes of these clips."""
    if model.features is None:
        return None
    if features is not None and features.holds(model.features, clips):
        return features
    logger.warning(
        "%s computes its features for every sample, which is slow; `kedro run --pipelines=features "
        "--params=model=%s` computes them once.",
        model.name,
        model.name,
    )
    return None


def _check_stages(job: Job) -> None:
    """Check that every stage can be trained before the first one begins."""
    for stage in reversed(range(job.model.n_stages)):
        job.model.stage = stage
        job.order(job.samples(), Rank(0, job.settings.n_processes))
