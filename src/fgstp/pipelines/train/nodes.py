"""Node of train: a thin adapter between the catalog and `fgstp.training`."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from fgstp.footage.clip_store import ClipStore
from fgstp.footage.settings import check_seed
from fgstp.models.checkpoint import BEST, save_checkpoint
from fgstp.models.record import record_of
from fgstp.models.registry import SystemsSettings, build_system
from fgstp.pipelines.tracking import log_numbers
from fgstp.pipelines.train.live import live_callbacks
from fgstp.training.fit import fit
from fgstp.training.settings import TrainSettings

logger = logging.getLogger(__name__)


def train_system(
    clips: pd.DataFrame,
    clip_files: ClipStore,
    models: Path,
    model: str,
    systems: SystemsSettings,
    train: TrainSettings,
    seed: int,
) -> dict[str, Any]:
    """Train the system that is chosen, or go on with an interrupted training of it.

    Args:
        clips: clip table.
        clip_files: the clips.
        models: folder of trained systems; the checkpoint is written there.
        model: name of the system.
        systems: settings of all systems.
        train: how it is trained.
        seed: of the project.

    Returns:
        How it went: `system`, `trained`, `parameters`, `checkpoint_sha256`, and for systems
        that are trained `mask_sources`, `epoch` and `scores` of the best checkpoint and
        `best_by`, which of them chose it, `n_epochs`, `ended_by`, and `epochs`, a row each.

    Raises:
        UserError: there is nothing to train on, or training failed.
    """
    torch.manual_seed(check_seed(seed))  # of the first weights
    system = build_system(model, systems.of(model))
    folder = models / model
    if not system.trainable:
        logger.info("%s needs no training.", model)
        save_checkpoint(system, folder / BEST)
        return record_of(system, folder / BEST)
    outcome = fit(
        system,
        clips,
        clip_files,
        folder,
        train,
        seed=seed,
        callbacks=live_callbacks(clips, clip_files),
    )
    best = {f"best.{name}": value for name, value in outcome.scores.items()}
    log_numbers({"best.epoch": outcome.epoch, **best})
    logger.info("Best of %d epochs: %d, in %s.", outcome.n_epochs, outcome.epoch, folder / BEST)
    masks = clips.loc[clips["dropped"].isna() & (clips["split"] == "train"), "mask_source"]
    return record_of(system, folder / BEST) | {
        "trained": True,
        "mask_sources": sorted(masks.unique()),
        "best_by": train.best_by,
        "epoch": outcome.epoch,
        "scores": outcome.scores,
        "n_epochs": outcome.n_epochs,
        "ended_by": outcome.ended_by,
        "epochs": outcome.history,
    }
