"""The stages of a training, and what it keeps to continue, in the folder `resume/`.

    <stage>/state.ckpt    state after the last finished epoch; its stamp: what it depends on
    <stage>/best.ckpt     best weights up to that epoch
    finished.json         result of a finished training; its stamp: what was asked for

DVC does not know this folder and leaves it alone when it removes the results before a stage.
"""

import json
import logging
import math
import operator
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from fgstp import models, training
from fgstp.core.errors import UserError
from fgstp.core.files import code_digest, write_text
from fgstp.core.fingerprint import changed_facts, content_hash, is_current, read_stamp, write_stamp
from fgstp.models.base import AnyModel
from fgstp.models.checkpoint import load_into, read_checkpoint
from fgstp.models.state_dicts import check_fit, read_object
from fgstp.models.training_records import BEST, record_of, write_record
from fgstp.training.callbacks import OWN, STATE, Row, copy
from fgstp.training.job import RESUME_FOLDER, Job, Outcome, run
from fgstp.training.processes import Rank, by_first
from fgstp.training.settings import LENGTH

FINISHED = "finished.json"
STATE_KEYS = {"state_dict", "optimizer_states", "lr_schedulers", "loops", "callbacks", OWN}
# A longer training continues a finished one even if the code has changed, as an interrupted one.
EXTENDABLE = {"code", *(f"train.{name}" for name in LENGTH)}
BEGINS_ANEW = "The training in %s begins anew because this changed: %s."

logger = logging.getLogger(__name__)


def train_stages(job: Job, rank: Rank) -> Outcome:
    """Train a model through all of its stages, unless that is finished.

    If there are several processes, all must call it; the first one writes all files.
    """
    outcome = by_first(partial(_finished, job)) or _train(job, rank)
    by_first(partial(_publish, job, outcome))
    return outcome


def _finished(job: Job) -> Outcome | None:
    """The result of this very training if it is finished.

    One that is finished but can neither be used nor continued is removed.
    """
    path, asked = job.folder / RESUME_FOLDER / FINISHED, _asked(job)
    if (stamp := read_stamp(path)) is None:
        return None
    if is_current(path, asked):
        logger.info("The training in %s is finished already.", job.folder)
        kept = Outcome(**json.loads(path.read_text("utf-8")))
        return replace(kept, checkpoint=job.folder / BEST)
    changed = changed_facts(path, asked)
    if not changed or (EXTENDABLE.issuperset(changed) and _is_longer(asked, stamp.facts)):
        logger.info("The finished training in %s continues.", job.folder)
        return None
    logger.warning(BEGINS_ANEW, job.folder, ", ".join(changed))
    shutil.rmtree(path.parent, ignore_errors=True)
    return None


def _train(job: Job, rank: Rank) -> Outcome:
    """Train the stages one after the other; a finished one resumes and ends at once."""
    rows: list[Row] = []
    for stage in range(job.model.n_stages):
        job.model.begin_stage(stage)
        outcome = run(job, rank, by_first(partial(_begin_stage, job)))
        n_before = len(rows)
        rows += [{**row, "epoch": row["epoch"] + n_before} for row in outcome.history]
        if outcome.ended_by == "time limit":
            break
        load_into(job.model, outcome.checkpoint)
    return replace(outcome, epoch=outcome.epoch + n_before, history=rows)


def _begin_stage(job: Job) -> Path | None:
    """The state to resume the present stage from; it is removed if it is of something else.

    Raises:
        UserError: the state cannot be used, or has more epochs than the training shall have.
    """
    _log_beginning(job)
    path, facts = job.stage_folder(job.model.stage) / STATE, job.stage_facts()
    if path.is_file() and is_current(path, facts):
        n_epochs = _n_epochs(path, job.model)
        if n_epochs > job.settings.epochs:
            raise UserError(
                f"The training in {job.folder} has finished {n_epochs} epochs already, and "
                f"train.epochs is {job.settings.epochs}; set it to {n_epochs} or more to keep "
                f"them, or remove {path.parents[1]} to begin anew."
            )
        logger.info("Continuing after epoch %d, from %s.", n_epochs, path)
        return path
    if path.is_file():
        logger.warning(BEGINS_ANEW, job.folder, ", ".join(changed_facts(path, facts)))
    shutil.rmtree(path.parent, ignore_errors=True)
    write_stamp(path, facts)
    return None


def _n_epochs(path: Path, model: AnyModel) -> int:
    """Finished epochs of a state of a model.

    Raises:
        UserError: the state, or the copy of the best checkpoint beside it, cannot be used.
    """
    try:
        state = read_object(path)
        read_checkpoint(path.with_name(BEST))
        if not (isinstance(state, Mapping) and state.keys() >= STATE_KEYS):
            raise UserError(f"{path} is no state of a training.")
        weights = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
        check_fit(state["state_dict"], weights, what=f"{path} does not fit {model.name}")
        return len(state[OWN]["rows"])
    except (UserError, KeyError, TypeError) as error:
        raise UserError(
            f"The training cannot continue, since {str(error).rstrip('.')}; remove "
            f"{path.parents[1]} to begin anew."
        ) from error


def _log_beginning(job: Job) -> None:
    n_processes, n_stages = job.settings.n_processes, job.model.n_stages
    order = job.order(Rank())
    logger.info(
        "Training %s%s on %d clips, validation on %d; %d samples of %d targets an epoch%s.",
        job.model.name,
        f", stage {job.model.stage + 1} of {n_stages}," if n_stages > 1 else "",
        len(job.train),
        len(job.validation),
        len(order),
        order.n_targets,
        f", in {n_processes} processes" if n_processes > 1 else "",
    )
    if n_short := sum(n < order.n_targets for n in order.n_targets_of_clips):
        logger.warning("%d training clips have too few masks for a sample.", n_short)
    clips = (*job.train, *job.validation)
    n_frames = sum(each.n_frames for each in clips)
    if n_bare := n_frames - sum(each.annotated_frames for each in clips):
        logger.info(
            "%d of the %d frames of these clips have no mask: they are no targets and are not "
            "scored.",
            n_bare,
            n_frames,
        )


def _publish(job: Job, outcome: Outcome) -> None:
    """Write the record, and of a finished training what it kept."""
    best, finished = job.folder / BEST, job.folder / RESUME_FOLDER / FINISHED
    kept = job.stage_folder(job.model.n_stages - 1) / BEST
    if outcome.ended_by == "time limit":
        logger.warning(
            "The time limit ended training after %d of %d epochs; %s.",
            outcome.n_epochs,
            job.settings.epochs * job.model.n_stages,
            "the next run continues"
            if outcome.n_epochs
            else "it cannot resume from within the first, so raise train.time_limit_s or lower "
            "train.steps_per_epoch",
        )
    # DVC may have removed the checkpoint.
    elif not (best.is_file() and content_hash([best]) == content_hash([kept])):
        copy(kept, best)
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
    if outcome.ended_by != "time limit":
        write_text(finished, json.dumps(asdict(outcome), default=str))
        write_stamp(finished, _asked(job), files=[finished, kept])


def _asked(job: Job) -> dict[str, object]:
    """All that a finished training depends on."""
    packages = [Path(package.__file__ or "").parent for package in (models, training)]
    now = {f"train.{name}": getattr(job.settings, name) for name in sorted(LENGTH | {"precision"})}
    return job.facts() | now | {"code": code_digest(packages)}


def _is_longer(asked: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether more epochs may follow than before."""
    now, earlier = (
        [math.inf if facts[f"train.{name}"] is None else facts[f"train.{name}"] for name in LENGTH]
        for facts in (asked, before)
    )
    return now != earlier and all(map(operator.ge, now, earlier))
