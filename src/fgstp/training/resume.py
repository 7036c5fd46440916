"""What a training keeps so that it can continue, in the folder `resume/` beside its results.

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
from pathlib import Path

from fgstp import models, training
from fgstp.core.files import atomic_path, code_digest, write_text
from fgstp.core.fingerprint import changed_facts, is_current, read_stamp, write_stamp
from fgstp.models.checkpoint import BEST, sha256
from fgstp.models.state_dicts import read_object
from fgstp.training.callbacks import RESUME, STATE
from fgstp.training.job import RESUME_FOLDER, Job, Outcome
from fgstp.training.settings import LENGTH

FINISHED, OUTCOME = "finished", "outcome.json"
# A longer training continues a finished one even if the code has changed, as an interrupted one.
EXTENDABLE = {"code", *(f"train.{name}" for name in LENGTH)}

logger = logging.getLogger(__name__)


def is_finished(job: Job) -> bool:
    """Whether this very training is finished; one that cannot be continued is removed."""
    path, asked = job.folder / RESUME_FOLDER / FINISHED, _asked(job)
    if is_current(path, asked):
        return True
    if (stamp := read_stamp(path)) is None:
        return False
    changed = changed_facts(path, asked)
    if EXTENDABLE.issuperset(changed) and _is_longer(asked, stamp.facts):
        logger.info("The finished training in %s continues.", job.folder)
        return False
    logger.warning(
        "The training in %s begins anew because this changed: %s.", job.folder, ", ".join(changed)
    )
    shutil.rmtree(path.parent, ignore_errors=True)
    return False


def finish(job: Job) -> None:
    """Note that the whole training is finished."""
    write_stamp(job.folder / RESUME_FOLDER / FINISHED, _asked(job))


def state_to_resume_from(job: Job) -> Path | None:
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


def finished_stage(job: Job) -> Outcome | None:
    """The result of the present stage if it is finished, its checkpoint the one that is kept."""
    path = job.stage_folder / OUTCOME
    if not is_current(path, job.stage_facts() | _length(job)):
        return None
    kept = Outcome(**json.loads(path.read_text("utf-8")))
    return replace(kept, checkpoint=job.stage_folder / BEST)


def finish_stage(job: Job, outcome: Outcome) -> None:
    """Keep the result of the present stage."""
    path = job.stage_folder / OUTCOME
    write_text(path, json.dumps(asdict(outcome) | {"checkpoint": BEST}))
    facts = job.stage_facts() | _length(job)
    write_stamp(path, facts, files=[path, job.stage_folder / BEST])


def publish(job: Job) -> None:
    """Copy the best weights of the present stage to the results, unless they are there."""
    best, kept = job.folder / BEST, job.stage_folder / BEST
    if not best.is_file() or sha256(best) != sha256(kept):
        with atomic_path(best) as temporary:
            shutil.copyfile(kept, temporary)


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
