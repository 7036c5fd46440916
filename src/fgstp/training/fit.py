"""Training from clips to the best checkpoint; it can be stopped and continues."""

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch import Callback

from fgstp.core.files import atomic_path, write_text
from fgstp.footage.clip_store import ClipStore
from fgstp.footage.masked_clips import masked_clips
from fgstp.models.checkpoint import BEST, load_into, read_checkpoint
from fgstp.models.machine import use_cuda
from fgstp.models.registry import AnyModel
from fgstp.models.state_dicts import read_object
from fgstp.training.callbacks import RESUME, STATE, Row
from fgstp.training.job import RESUME_FOLDER, Job, Outcome, run
from fgstp.training.launch import run_in_processes
from fgstp.training.machine import (
    Rank,
    by_first,
    check_devices,
    join,
    lightning_precision,
    local_world_size,
)
from fgstp.training.settings import TrainSettings

__all__ = ["Outcome", "fit", "planned"]

logger = logging.getLogger(__name__)

FINISHED, ROWS = "finished_{}.ckpt", "finished_{}.json"  # by number of the stage


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

    Writes the weights that do best on the clips of the split `validation` to `best.ckpt`,
    and after every epoch the state to resume from to `resume/`. Started again after it was
    stopped, it continues from the last finished epoch as if it had not been stopped. Once it
    is finished, it removes that state, and starts from the beginning when it is called again.

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
        model: the model, trained in place; the caller initialises its weights.
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
    return _all_stages(job, rank)


def _all_stages(job: Job, rank: Rank | None) -> Outcome:
    model = job.model
    rows: list[Row] = []
    for stage in range(model.n_stages):
        model.begin_stage(stage)
        last = stage == model.n_stages - 1
        if not last and (before := by_first(partial(_finished_stage, job))) is not None:
            load_into(model, _path(job, FINISHED))
            rows += before
            continue
        outcome = _one_stage(job, rank)
        rows += [{**row, "epoch": row["epoch"] + len(rows)} for row in outcome.history]
        if outcome.ended_by == "time limit":
            break
        if not last:
            by_first(partial(_keep_stage, job, rows))
            load_into(model, _path(job, FINISHED))
    else:
        by_first(partial(shutil.rmtree, job.folder / RESUME_FOLDER, ignore_errors=True))
    n_before = len(rows) - len(outcome.history)
    return replace(
        outcome,
        epoch=outcome.epoch + n_before,
        n_epochs=outcome.n_epochs + n_before,
        history=rows,
    )


def _one_stage(job: Job, rank: Rank | None) -> Outcome:
    settings = job.settings
    resume_from = by_first(partial(_state_to_resume_from, job))
    _log_beginning(job)
    if rank is not None or settings.n_processes == 1:
        outcome = run(job, rank or Rank(), resume_from)
    else:
        outcome = run_in_processes(job, resume_from)
    if outcome.ended_by == "time limit" and not outcome.n_epochs:
        logger.warning(
            "The time limit ended training within the first epoch, from which it cannot resume; "
            "raise train.time_limit_s or lower train.steps_per_epoch."
        )
    elif outcome.ended_by == "time limit":
        logger.warning(
            "The time limit ended training after %d of %d epochs; the next run continues.",
            outcome.n_epochs,
            settings.epochs,
        )
    return outcome


def planned(
    model: AnyModel,
    table: pd.DataFrame,
    store: ClipStore,
    folder: Path,
    settings: TrainSettings,
    *,
    seed: int,
) -> dict[str, Any]:
    """What the weights that `fit` gives will depend on, as their checkpoint records it.

    Arguments and errors as `fit`.

    Returns:
        Plain values by name.
    """
    job = _job(model, table, store, folder, settings, seed=seed)
    return job.made_with() | {"stage": model.n_stages - 1}


def _job(
    model: AnyModel,
    table: pd.DataFrame,
    store: ClipStore,
    folder: Path,
    settings: TrainSettings,
    *,
    seed: int,
    callbacks: tuple[Callback, ...] = (),
) -> Job:
    cuda = use_cuda(settings.accelerator, "train")
    check_devices(settings.devices, cuda=cuda)
    lightning_precision(settings.precision, cuda=cuda)
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
    return Job(model, train, validation, store, folder, settings, seed, callbacks, cuda)


def _check_stages(job: Job) -> None:
    """Check that every stage can be trained before the first one begins."""
    for stage in reversed(range(job.model.n_stages)):
        job.model.stage = stage
        job.order(job.samples(), Rank(0, job.settings.n_processes))


def _log_beginning(job: Job) -> None:
    n_processes, n_stages = job.settings.n_processes, job.model.n_stages
    logger.info(
        "Training %s%s on %d clips, validation on %d; %d samples of %d targets an epoch%s.",
        job.model.name,
        f", stage {job.model.stage + 1} of {n_stages}," if n_stages > 1 else "",
        len(job.train),
        len(job.validation),
        len(job.order(job.samples(), Rank())),
        job.plan.sample_targets,
        f", in {n_processes} processes" if n_processes > 1 else "",
    )


def _state_to_resume_from(job: Job) -> Path | None:
    """The state of an interrupted training; None if there is none, or it is of another one.

    Raises:
        UserError: the file is damaged.
    """
    path, made_with = job.resume_folder / STATE, job.made_with()
    if not path.is_file():
        return None
    content = read_object(path)
    state = content.get(RESUME, {}) if isinstance(content, dict) else {}
    before: dict[str, Any] = state.get("made_with", {})
    changed = [
        name for name in before.keys() | made_with.keys() if before.get(name) != made_with.get(name)
    ]
    if changed:
        logger.warning(
            "The interrupted training in %s cannot be continued because this changed: %s. "
            "Training begins anew.",
            job.resume_folder,
            ", ".join(sorted(changed)),
        )
        return None
    logger.info("Continuing after epoch %d, from %s.", state["epochs"], path)
    return path


def _finished_stage(job: Job) -> list[Row] | None:
    """The figures of a stage that an interrupted training finished; None if it did not.

    Raises:
        UserError: a file is damaged.
    """
    checkpoint, rows = (_path(job, name) for name in (FINISHED, ROWS))
    if not (checkpoint.is_file() and rows.is_file()):
        return None
    if read_checkpoint(checkpoint).facts.get("made_with") != job.made_with():
        return None
    found: list[Row] = json.loads(rows.read_text("utf-8"))
    return found


def _keep_stage(job: Job, rows: Sequence[Row]) -> None:
    """Keep the best weights of a finished stage, and the figures of all epochs so far."""
    with atomic_path(_path(job, FINISHED)) as temporary:
        shutil.copyfile(job.folder / BEST, temporary)
    write_text(_path(job, ROWS), json.dumps(rows))


def _path(job: Job, name: str) -> Path:
    return job.folder / RESUME_FOLDER / name.format(job.model.stage)
