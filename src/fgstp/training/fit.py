"""Training from clips to the best checkpoint; it can be stopped and continues."""

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch import Callback

from fgstp.core.files import write_text
from fgstp.footage.clip_store import ClipStore
from fgstp.footage.masked_clips import masked_clips
from fgstp.models.checkpoint import BEST, load_into
from fgstp.models.machine import use_cuda
from fgstp.models.record import RECORD, record_of
from fgstp.models.registry import AnyModel
from fgstp.training.callbacks import Row
from fgstp.training.job import Job, Outcome, run
from fgstp.training.launch import run_in_processes
from fgstp.training.machine import (
    Rank,
    by_first,
    check_devices,
    join,
    lightning_precision,
    local_world_size,
)
from fgstp.training.resume import (
    finish,
    finish_stage,
    finished_stage,
    is_finished,
    publish,
    state_to_resume_from,
)
from fgstp.training.settings import TrainSettings

__all__ = ["Outcome", "fit"]

logger = logging.getLogger(__name__)


def fit(
    model: AnyModel,
    table: pd.DataFrame,
    store: ClipStore,
    folder: Path,
    settings: TrainSettings,
    *,
    seed: int,
    callbacks: Sequence[Callback] = (),
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
        store: the store of the clips.
        folder: folder of the results.
        settings: how the model is trained.
        seed: random seed of the order of the samples, of their augmentation, and of what is
            drawn while the network trains.
        callbacks: further callbacks of Lightning, such as for logging; the figures are in
            `trainer.callback_metrics`. Of several processes the first one calls them, on copies
            if this function starts the processes: they must be picklable, and their own state
            is lost. They must not wait for the other processes.

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
    job = _job(model, table, store, folder, settings, seed=seed, callbacks=tuple(callbacks))
    _check_stages(job)
    if rank is not None and rank.of > 1:
        join(cuda=job.cuda)
    if settings.start_from is not None:
        load_into(model, settings.start_from)
    if by_first(partial(is_finished, job)):
        logger.info("The training in %s is finished already.", folder)
    outcome = _all_stages(job, rank)
    by_first(partial(_conclude, job, table, outcome))
    return outcome


def _all_stages(job: Job, rank: Rank | None) -> Outcome:
    """Train the stages that are not finished; the model then holds the best weights."""
    rows: list[Row] = []
    for stage in range(job.model.n_stages):
        job.model.begin_stage(stage)
        outcome = by_first(partial(finished_stage, job)) or _one_stage(job, rank)
        n_before = len(rows)
        rows += [{**row, "epoch": row["epoch"] + n_before} for row in outcome.history]
        load_into(job.model, outcome.checkpoint)
        if outcome.ended_by == "time limit":
            break
    else:
        by_first(partial(publish, job))
    return replace(
        outcome,
        checkpoint=job.folder / BEST,
        epoch=outcome.epoch + n_before,
        n_epochs=outcome.n_epochs + n_before,
        history=rows,
    )


def _one_stage(job: Job, rank: Rank | None) -> Outcome:
    settings = job.settings
    resume_from = by_first(partial(state_to_resume_from, job))
    _log_beginning(job)
    if rank is not None or settings.n_processes == 1:
        outcome = run(job, rank or Rank(), resume_from)
    else:
        outcome = run_in_processes(job, resume_from)
    if outcome.ended_by != "time limit":
        by_first(partial(finish_stage, job, outcome))
    elif not outcome.n_epochs:
        logger.warning(
            "The time limit ended training within the first epoch, from which it cannot resume; "
            "raise train.time_limit_s or lower train.steps_per_epoch."
        )
    else:
        logger.warning(
            "The time limit ended training after %d of %d epochs; the next run continues.",
            outcome.n_epochs,
            settings.epochs,
        )
    return outcome


def _conclude(job: Job, table: pd.DataFrame, outcome: Outcome) -> None:
    """Write how the training went, and note whether it is finished."""
    kept = table["dropped"].isna() & (table["split"] == "train")
    record: dict[str, Any] = record_of(job.model, outcome.checkpoint) | {
        "trained": True,
        "seed": job.seed,
        "mask_sources": sorted(table.loc[kept, "mask_source"].unique()),
        "monitor": job.settings.monitor,
        "epoch": outcome.epoch,
        "scores": outcome.scores,
        "n_epochs": outcome.n_epochs,
        "ended_by": outcome.ended_by,
        "epochs": outcome.history,
    }
    write_text(job.folder / RECORD, json.dumps(record, indent=1) + "\n")
    if outcome.ended_by != "time limit":
        finish(job)


def _job(
    model: AnyModel,
    table: pd.DataFrame,
    store: ClipStore,
    folder: Path,
    settings: TrainSettings,
    *,
    seed: int,
    callbacks: tuple[Callback, ...],
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
    return Job(model, train, validation, store, folder, settings, seed, callbacks, cuda, precision)


def _check_stages(job: Job) -> None:
    """Check that every stage can be trained before the first one begins."""
    for stage in reversed(range(job.model.n_stages)):
        job.model.stage = stage
        job.order(job.samples(), Rank(0, job.settings.n_processes))


def _log_beginning(job: Job) -> None:
    n_processes, n_stages = job.settings.n_processes, job.model.n_stages
    samples, n_targets = job.samples(), job.plan.sample_targets
    logger.info(
        "Training %s%s on %d clips, validation on %d; %d samples of %d targets an epoch%s.",
        job.model.name,
        f", stage {job.model.stage + 1} of {n_stages}," if n_stages > 1 else "",
        len(job.train),
        len(job.validation),
        len(job.order(samples, Rank())),
        n_targets,
        f", in {n_processes} processes" if n_processes > 1 else "",
    )
    if n_short := sum(n < n_targets for n in samples.n_targets_of_clips()):
        logger.warning("%d training clips have too few masks for a sample.", n_short)
    data = [job.store.clip(clip.name) for clip in (*job.train, *job.validation)]
    n_frames = sum(len(each.frames) for each in data)
    if n_bare := n_frames - sum(len(each.annotated) for each in data):
        logger.info(
            "%d of the %d frames of these clips have no mask: they are no targets and are not "
            "scored.",
            n_bare,
            n_frames,
        )
