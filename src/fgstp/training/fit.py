"""Training from clips to the best checkpoint, which can be stopped and goes on."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch import Callback

from fgstp.footage.clip_store import ClipStore
from fgstp.footage.masked_clips import masked_clips
from fgstp.models.machine import use_cuda
from fgstp.models.registry import AnyModel
from fgstp.training.job import Job, run
from fgstp.training.launch import run_in_processes
from fgstp.training.machine import check_devices
from fgstp.training.outcome import Outcome, Row
from fgstp.training.processes import Rank
from fgstp.training.resume import state_to_go_on_from
from fgstp.training.settings import TrainSettings
from fgstp.training.stages import (
    continued,
    finished_stage,
    forget_stages,
    keep_finished_stage,
)

__all__ = ["Outcome", "fit", "planned"]

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

    Writes the weights that do best on the clips of the split `validation` to `best.ckpt`,
    and after every epoch the state to go on from to `resume/`. Started again after it was
    stopped, it goes on from the last finished epoch as if it had not been stopped. Once it
    is finished, it removes that state, and starts from the beginning when it is called again.

    A model that trains in stages goes through them one after the other, each beginning with
    the best weights of the stage before; of these the last decides what `best.ckpt` holds.

    With `train.devices` or `train.nodes` above 1 it trains in processes of its own, one a
    device, while this one waits; see `TrainSettings`. Then

    - each step has the windows that it would have in one process, shared out evenly; up to
      one window less than there are processes is left out at the end of an epoch;
    - batch normalisation sees all windows of a step on GPUs, but on the CPU, for which torch
      has no such normalisation, those of one process, and keeps the first one's statistics;
    - a run that goes on has the random state of each process put back if there are as many
      of them as before. On the CPU two processes end with exactly the weights of a run that
      was not stopped; more of them, or GPUs, add numbers in an order that may change, so
      that the weights may differ by rounding;
    - on several machines, each has to run the same command, and all have to see the folder
      and the clips under the same paths;
    - a script that calls this must do so under `if __name__ == "__main__":`.

    Args:
        model: the model, untrained; its network is trained in place.
        table: the clip table.
        store: where the clips lie.
        folder: where to write.
        settings: how it is trained.
        seed: of the order of the samples, of their augmentation, and of what is drawn while
            the network trains; its first weights are drawn before, by who builds it.
        callbacks: what else is to happen meanwhile, such as logging: Lightning's callbacks;
            the figures stand in `trainer.callback_metrics`. Of several processes the first
            one calls them, on copies: they must be picklable, and nothing that they keep
            comes back. They must not wait for the other processes.

    Returns:
        What came out.

    Raises:
        UserError: no clips to train or validate on, not as many GPUs as are asked for, not
            enough memory, a loss that is not finite, or a folder that cannot be written.
    """
    job = _job(model, table, store, folder, settings, seed=seed, callbacks=tuple(callbacks))
    _check_plans(job)
    rows: list[Row] = []
    for stage in range(model.n_stages):
        model.begin_stage(stage)
        last = stage == model.n_stages - 1
        if not last and (before := finished_stage(job)) is not None:
            rows += before
            continue
        outcome = _one_stage(job)
        rows += continued(outcome.history, rows)
        if outcome.ended_by == "time limit":
            break
        if not last:
            keep_finished_stage(job, rows)
    else:
        forget_stages(job)
    n_before = len(rows) - len(outcome.history)
    return replace(
        outcome,
        epoch=outcome.epoch + n_before,
        n_epochs=outcome.n_epochs + n_before,
        history=rows,
    )


def _check_plans(job: Job) -> None:
    """See that every stage can be trained, before the first one begins."""
    for stage in reversed(range(job.model.n_stages)):
        job.model.stage = stage
        job.order(Rank(0, job.settings.n_processes))


def planned(
    model: AnyModel,
    table: pd.DataFrame,
    store: ClipStore,
    folder: Path,
    settings: TrainSettings,
    *,
    seed: int,
) -> dict[str, Any]:
    """On what the weights will depend that `fit` gives: what their checkpoint says they do.

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


def _one_stage(job: Job) -> Outcome:
    settings = job.settings
    resume_from = state_to_go_on_from(job.resume_folder, job.made_with())
    _say_what_begins(job)
    if settings.n_processes == 1:
        outcome = run(job, Rank(), resume_from)
    else:
        outcome = run_in_processes(job, resume_from)
    if outcome.ended_by == "time limit" and not outcome.n_epochs:
        logger.warning(
            "The time limit ended training within the first epoch, from which it cannot go on; "
            "raise train.time_limit_s or lower train.steps_per_epoch."
        )
    elif outcome.ended_by == "time limit":
        logger.warning(
            "The time limit ended training after %d of %d epochs; started again, it goes on.",
            outcome.n_epochs,
            settings.epochs,
        )
    return outcome


def _say_what_begins(job: Job) -> None:
    n_processes, n_stages = job.settings.n_processes, job.model.n_stages
    logger.info(
        "Training %s%s on %d clips, validation on %d; %d samples of %d targets an epoch%s.",
        job.model.name,
        f", stage {job.model.stage + 1} of {n_stages}," if n_stages > 1 else "",
        len(job.train),
        len(job.validation),
        len(job.order(Rank())),
        job.plan.sample_targets,
        f", in {n_processes} processes" if n_processes > 1 else "",
    )
