"""The stages of a training, and what it keeps to continue, in the folder `resume/`.

    finished.stamp.json    what the whole training was asked for, once it is finished
    <stage>/state.ckpt     state after the last finished epoch; its stamp: what it depends on
    <stage>/best.ckpt      best weights up to that epoch
    <stage>/outcome.json   result of the stage, once it is finished; its stamp as well

DVC does not know this folder and leaves it alone when it removes the results before a stage.
"""

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from fgstp import models, training
from fgstp.core.files import atomic_path, code_digest, write_text
from fgstp.core.fingerprint import changed_facts, is_current, read_stamp, write_stamp
from fgstp.models.checkpoint import BEST, load_into, record_of, sha256
from fgstp.models.seeds import write_record
from fgstp.models.state_dicts import read_object
from fgstp.training.callbacks import RESUME, STATE, Row
from fgstp.training.job import RESUME_FOLDER, Job, Outcome, run
from fgstp.training.machine import Rank, by_first
from fgstp.training.settings import LENGTH

FINISHED, OUTCOME = "finished", "outcome.json"
# A longer training continues a finished one even if the code has changed, as an interrupted one.
EXTENDABLE = {"code", *(f"train.{name}" for name in LENGTH)}

logger = logging.getLogger(__name__)


def train_stages(job: Job, rank: Rank) -> Outcome:
    """Train the stages that are not finished. If there are several processes, all must call it.

    Args:
        job: the training.
        rank: rank of this process; the first one writes all files.

    Returns:
        The result of all stages together.

    Raises:
        UserError: as `fgstp.training.fit.fit`.
    """
    by_first(partial(_check_finished, job))
    rows: list[Row] = []
    for stage in range(job.model.n_stages):
        job.model.begin_stage(stage)
        outcome = by_first(partial(_finished_stage, job)) or _train_stage(job, rank)
        n_before = len(rows)
        rows += [{**row, "epoch": row["epoch"] + n_before} for row in outcome.history]
        if outcome.ended_by == "time limit":
            break
        load_into(job.model, outcome.checkpoint)
    outcome = replace(
        outcome,
        checkpoint=job.folder / BEST,
        epoch=outcome.epoch + n_before,
        n_epochs=outcome.n_epochs + n_before,
        history=rows,
    )
    by_first(partial(_publish, job, outcome))
    return outcome


def _train_stage(job: Job, rank: Rank) -> Outcome:
    outcome = run(job, rank, by_first(partial(_state_to_resume_from, job)))
    if outcome.ended_by != "time limit":
        by_first(partial(_finish_stage, job, outcome))
    elif not outcome.n_epochs:
        logger.warning(
            "The time limit ended training within the first epoch, from which it cannot resume; "
            "raise train.time_limit_s or lower train.steps_per_epoch."
        )
    else:
        logger.warning(
            "The time limit ended training after %d of %d epochs; the next run continues.",
            outcome.n_epochs,
            job.settings.epochs,
        )
    return outcome


def _check_finished(job: Job) -> None:
    """Say if this very training is finished, and remove one that cannot be continued."""
    path, asked = job.folder / RESUME_FOLDER / FINISHED, _asked(job)
    if (stamp := read_stamp(path)) is None:
        return
    if is_current(path, asked):
        logger.info("The training in %s is finished already.", job.folder)
        return
    changed = changed_facts(path, asked)
    if EXTENDABLE.issuperset(changed) and _is_longer(asked, stamp.facts):
        logger.info("The finished training in %s continues.", job.folder)
        return
    logger.warning(
        "The training in %s begins anew because this changed: %s.", job.folder, ", ".join(changed)
    )
    shutil.rmtree(path.parent, ignore_errors=True)


def _state_to_resume_from(job: Job) -> Path | None:
    """The state of the present stage; None if there is none, or it depends on something else.

    Raises:
        UserError: the file is damaged.
    """
    path, facts = job.stage_folder / STATE, job.stage_facts()
    if not path.is_file():
        return None
    if not is_current(path, facts):
        logger.warning(
            "The interrupted training in %s begins anew because this changed: %s.",
            job.folder,
            ", ".join(changed_facts(path, facts)),
        )
        return None
    logger.info("Continuing after epoch %d, from %s.", read_object(path)[RESUME]["epochs"], path)
    return path


def _finished_stage(job: Job) -> Outcome | None:
    """The result of the present stage if it is finished, its checkpoint the one that is kept."""
    path = job.stage_folder / OUTCOME
    if not is_current(path, job.stage_facts() | _length(job)):
        return None
    kept = Outcome(**json.loads(path.read_text("utf-8")))
    return replace(kept, checkpoint=job.stage_folder / BEST)


def _finish_stage(job: Job, outcome: Outcome) -> None:
    """Keep the result of the present stage."""
    path = job.stage_folder / OUTCOME
    write_text(path, json.dumps(asdict(outcome) | {"checkpoint": BEST}))
    facts = job.stage_facts() | _length(job)
    write_stamp(path, facts, files=[path, job.stage_folder / BEST])


def _publish(job: Job, outcome: Outcome) -> None:
    """Write checkpoint and record, and note whether the whole training is finished."""
    is_finished = outcome.ended_by != "time limit"
    best, kept = outcome.checkpoint, job.stage_folder / BEST
    # DVC may have removed the checkpoint.
    if is_finished and not (best.is_file() and sha256(best) == sha256(kept)):
        with atomic_path(best) as temporary:
            shutil.copyfile(kept, temporary)
    record = record_of(job.model, best) | {
        "trained": True,
        "seed": job.seed,
        "mask_sources": job.mask_sources,
        "monitor": job.settings.monitor,
        "epoch": outcome.epoch,
        "scores": outcome.scores,
        "n_epochs": outcome.n_epochs,
        "ended_by": outcome.ended_by,
        "epochs": outcome.history,
    }
    write_record(job.folder, record)
    if is_finished:
        write_stamp(job.folder / RESUME_FOLDER / FINISHED, _asked(job))


def _asked(job: Job) -> dict[str, object]:
    """All that a finished training depends on."""
    packages = [Path(package.__file__ or "").parent for package in (models, training)]
    precision = {"train.precision": job.settings.precision}
    return job.facts() | _length(job) | precision | {"code": code_digest(packages)}


def _length(job: Job) -> dict[str, object]:
    return {f"train.{name}": getattr(job.settings, name) for name in sorted(LENGTH)}


def _is_longer(asked: Mapping[str, object], before: Mapping[str, object]) -> bool:
    """Whether more epochs may follow than before."""

    def lengths(facts: Mapping[str, object]) -> tuple[float, float]:
        epochs, patience = facts["train.epochs"], facts["train.patience"]
        assert isinstance(epochs, int)
        return epochs, float("inf") if patience is None else float(str(patience))

    (epochs, patience), (epochs_before, patience_before) = lengths(asked), lengths(before)
    more = epochs > epochs_before or patience > patience_before
    return more and epochs >= epochs_before and patience >= patience_before
