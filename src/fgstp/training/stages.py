"""What is kept of a finished stage while the next one is trained."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from fgstp.core.files import atomic_path, write_text
from fgstp.models.checkpoint import BEST, load_into, read_checkpoint
from fgstp.training.job import RESUME_FOLDER, Job
from fgstp.training.outcome import Row

CHECKPOINT, ROWS = "finished_{}.ckpt", "finished_{}.json"  # by number of the stage


def finished_stage(job: Job) -> list[Row] | None:
    """Load the best weights of a stage that an interrupted training finished.

    Args:
        job: the training, its model in that stage.

    Returns:
        The figures of all epochs up to its end; None if the stage is still to be trained.

    Raises:
        UserError: the file is damaged.
    """
    checkpoint, rows = (_path(job, name) for name in (CHECKPOINT, ROWS))
    if not (checkpoint.is_file() and rows.is_file()):
        return None
    if read_checkpoint(checkpoint).facts.get("made_with") != job.made_with():
        return None
    load_into(job.model, checkpoint)
    found: list[Row] = json.loads(rows.read_text("utf-8"))
    return found


def keep_finished_stage(job: Job, rows: Sequence[Row]) -> None:
    """Load the best weights of a stage that has just ended, and keep them for a continuation.

    Args:
        job: the training, its model in that stage.
        rows: the figures of all epochs so far.

    Raises:
        UserError: they cannot be written.
    """
    best = job.folder / BEST
    load_into(job.model, best)
    with atomic_path(_path(job, CHECKPOINT)) as temporary:
        shutil.copyfile(best, temporary)
    write_text(_path(job, ROWS), json.dumps(rows))


def forget_stages(job: Job) -> None:
    """Remove what was kept: the whole training is finished."""
    shutil.rmtree(job.folder / RESUME_FOLDER, ignore_errors=True)


def continued(rows: Sequence[Row], before: Sequence[Row]) -> list[Row]:
    """Figures of a stage with its epochs counted on from those of the stages before."""
    n_before = len(before)
    return [{**row, "epoch": row["epoch"] + n_before} for row in rows]


def _path(job: Job, name: str) -> Path:
    return job.folder / RESUME_FOLDER / name.format(job.model.stage)
