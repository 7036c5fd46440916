"""Node of train: a thin adapter between the catalog and `fgstp.training`."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from fgstp.core.config import check_seed
from fgstp.footage.clip_store import ClipStore
from fgstp.models.checkpoint import BEST, save_checkpoint
from fgstp.models.record import record_of
from fgstp.models.registry import AnyModel, ModelsSettings, create_model
from fgstp.models.repeats import remove_repeats_from, repeat_folder
from fgstp.pipelines.tracking import log_numbers
from fgstp.pipelines.train.live import live_callbacks
from fgstp.training.fit import Outcome, fit, planned
from fgstp.training.repeats import (
    asked_for,
    finished_repeat,
    forget_repeats,
    keep_repeat,
)
from fgstp.training.settings import TrainSettings

logger = logging.getLogger(__name__)


def train_model(
    clips: pd.DataFrame,
    clip_files: ClipStore,
    model_folder: Path,
    name: str,
    models: ModelsSettings,
    train: TrainSettings,
    seed: int,
) -> dict[str, Any]:
    """Train the model that is chosen, or go on with an interrupted training of it.

    With `train.seeds` above 1 it is trained as often, each time with the next seed.

    Args:
        clips: clip table.
        clip_files: the clips.
        model_folder: folder of trained models; the checkpoint is written there.
        name: name of the model.
        models: settings of all models.
        train: how it is trained.
        seed: of the project.

    Returns:
        How it went: `model`, `trained`, `parameters`, `checkpoint_sha256`, and for models
        that are trained `mask_sources`, `epoch` and `scores` of the best checkpoint and
        `monitor`, which of them chose it, `n_epochs`, `ended_by`, and `epochs`, a row each; of
        the first training, and as `repeats` the same of those with other seeds.

    Raises:
        UserError: there is nothing to train on, or training failed.
    """
    check_seed(seed)
    model = _new(name, models, seed)
    folder = model_folder / name
    if not model.trainable:
        logger.info("%s needs no training.", name)
        save_checkpoint(model, folder / BEST)
        _keep_only(folder, 0)
        return record_of(model, folder / BEST)
    # The first training comes last: until it ends, its files are those of an earlier command.
    repeats = [
        _repeat(clips, clip_files, folder, name, models, train, seed, number)
        for number in range(1, train.seeds)
    ]
    live = live_callbacks(clips, clip_files)
    outcome = fit(model, clips, clip_files, folder, train, seed=seed, callbacks=live)
    _keep_only(folder, train.seeds - 1)
    if outcome.ended_by != "time limit":
        forget_repeats(folder)
    best = {f"best.{name}": value for name, value in outcome.scores.items()}
    log_numbers({"best.epoch": outcome.epoch, **best})
    logger.info("Best of %d epochs: %d, in %s.", outcome.n_epochs, outcome.epoch, folder / BEST)
    return _record(model, folder, clips, train, seed, outcome) | {"repeats": repeats}


def _keep_only(model_folder: Path, n_repeats: int) -> None:
    """Remove other repeats. Their folder is there without any too: DVC asks for it."""
    remove_repeats_from(model_folder, 1 + n_repeats)
    repeat_folder(model_folder, 1).parent.mkdir(parents=True, exist_ok=True)


def _new(name: str, models: ModelsSettings, seed: int) -> AnyModel:
    torch.manual_seed(seed)  # of the first weights
    return create_model(name, models.of(name))


def _repeat(
    clips: pd.DataFrame,
    clip_files: ClipStore,
    model_folder: Path,
    name: str,
    models: ModelsSettings,
    train: TrainSettings,
    seed: int,
    number: int,
) -> dict[str, Any]:
    """Train once more with another seed, unless an interrupted command has done so."""
    folder = repeat_folder(model_folder, number)
    seed += number
    model = _new(name, models, seed)
    asked = asked_for(planned(model, clips, clip_files, folder, train, seed=seed), train)
    if (found := finished_repeat(folder, asked)) is not None:
        logger.info("Training %d with the seed %d is finished already.", number + 1, seed)
        return found
    logger.info("Training %d of %d, with the seed %d.", number + 1, train.seeds, seed)
    outcome = fit(model, clips, clip_files, folder, train, seed=seed)
    log_numbers({f"repeat_{number}.best.{name}": each for name, each in outcome.scores.items()})
    record = _record(model, folder, clips, train, seed, outcome)
    if outcome.ended_by != "time limit":
        keep_repeat(folder, asked, record)
    return record


def _record(
    model: AnyModel,
    folder: Path,
    clips: pd.DataFrame,
    train: TrainSettings,
    seed: int,
    outcome: Outcome,
) -> dict[str, Any]:
    masks = clips.loc[clips["dropped"].isna() & (clips["split"] == "train"), "mask_source"]
    return record_of(model, folder / BEST) | {
        "trained": True,
        "seed": seed,
        "mask_sources": sorted(masks.unique()),
        "monitor": train.monitor,
        "epoch": outcome.epoch,
        "scores": outcome.scores,
        "n_epochs": outcome.n_epochs,
        "ended_by": outcome.ended_by,
        "epochs": outcome.history,
    }
