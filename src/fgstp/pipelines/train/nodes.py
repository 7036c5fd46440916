"""Node of train: a thin adapter between the catalog and `fgstp.training`."""

import json
import logging
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from fgstp.core.config import check_seed
from fgstp.core.files import write_text
from fgstp.footage.video_store import VideoStore
from fgstp.models.base import Model
from fgstp.models.checkpoint import BEST, RECORD, record_of, save_checkpoint
from fgstp.models.registry import ModelsSettings, create_model
from fgstp.models.seeds import remove_seeds_after, seed_folder, seed_numbers
from fgstp.pipelines.tracking import log_numbers
from fgstp.pipelines.train.live import live_callbacks
from fgstp.training.fit import fit
from fgstp.training.settings import TrainSettings

logger = logging.getLogger(__name__)


def train_model(
    clips: pd.DataFrame,
    video_store: VideoStore,
    model_folder: Path,
    name: str,
    models: ModelsSettings,
    train: TrainSettings,
    seed: int,
) -> dict[str, Any]:
    """Train the model that is chosen, once for each seed, unless that is finished.

    Args:
        clips: clip table.
        video_store: the videos.
        model_folder: folder of trained models; a training k of the model is written to
            `<model>/seed_<k>/`.
        name: name of the model.
        models: settings of all models.
        train: how it is trained.
        seed: random seed of the project; training k uses `seed + k - 1`.

    Returns:
        The record of the first training, and as `repeats` those of the others; see
        `fgstp.training.fit`.

    Raises:
        UserError: there is nothing to train on, or training failed.
    """
    check_seed(seed)
    folder = model_folder / name
    numbers = [train.seed_index] if train.seed_index else list(range(1, train.seeds + 1))
    for number in numbers:
        torch.manual_seed(seed + number - 1)  # of the initial weights
        model = create_model(name, models.of(name))
        own = seed_folder(folder, number)
        if not isinstance(model, Model):
            logger.info("%s needs no training.", name)
            save_checkpoint(model, own / BEST)
            write_text(own / RECORD, json.dumps(record_of(model, own / BEST), indent=1) + "\n")
            numbers = [1]
            break
        logger.info("Training %d of %s, with the seed %d.", number, name, seed + number - 1)
        live = live_callbacks(clips, video_store) if number == numbers[0] else []
        outcome = fit(model, clips, video_store, own, train, seed=seed + number - 1, callbacks=live)
        logger.info(
            "Best of %d epochs: %d, in %s.", outcome.n_epochs, outcome.epoch, outcome.checkpoint
        )
        prefix = "best" if number == numbers[0] else f"seed_{number}.best"
        log_numbers({prefix: {"epoch": outcome.epoch, **outcome.scores}})
    if train.seed_index is None:
        remove_seeds_after(folder, numbers[-1])
    first, *others = [_record(seed_folder(folder, number)) for number in seed_numbers(folder)]
    return first | ({"repeats": others} if first["trained"] else {})


def _record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / RECORD).read_text("utf-8"))
    return record
