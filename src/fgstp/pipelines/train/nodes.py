"""Node of train: a thin adapter between the catalog and `fgstp.training`."""

import logging
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch

from fgstp.core.config import check_seed
from fgstp.footage.video_store import VideoStore
from fgstp.models.base import AnyPredictor, Model
from fgstp.models.checkpoint import save_checkpoint
from fgstp.models.features import FeatureStore
from fgstp.models.registry import ModelsSettings, create_model
from fgstp.models.training_records import (
    BEST,
    record_of,
    remove_seeds_after,
    seed_folder,
    write_record,
)
from fgstp.pipelines.tracking import log_numbers
from fgstp.pipelines.train.live import live_callbacks
from fgstp.training.fit import fit
from fgstp.training.settings import TrainSettings

logger = logging.getLogger(__name__)


def train_model(
    clips: pd.DataFrame,
    video_store: VideoStore,
    features: Path,
    name: str,
    models: ModelsSettings,
    train: TrainSettings,
    seed: int,
) -> Callable[[Path], None]:
    """Train a model once for each seed, unless that training is finished.

    Args:
        clips: clip table.
        video_store: the videos.
        features: folder of precomputed features of the clips.
        name: name of the model.
        models: settings of all models.
        train: settings of training.
        seed: random seed of the project; training k uses `seed + k - 1`.

    Returns:
        A function that writes training k to `<model>/seed_<k>/` in the folder of trained models.

    Raises:
        UserError: a setting is wrong.
    """
    check_seed(seed)
    settings = models.of(name)
    numbers = [train.seed_index] if train.seed_index else list(range(1, train.seeds + 1))

    def work(folder: Path) -> None:
        for number in numbers:
            torch.manual_seed(seed + number - 1)  # of the initial weights
            model, own = create_model(name, settings), seed_folder(folder / name, number)
            if not isinstance(model, Model):
                _save_untrained(model, own)
                break
            logger.info("Training %d of %s, with the seed %d.", number, name, seed + number - 1)
            outcome = fit(
                model,
                clips,
                video_store,
                own,
                train,
                seed=seed + number - 1,
                callbacks=live_callbacks(clips, video_store) if number == numbers[0] else [],
                features=FeatureStore(features / name),
            )
            logger.info(
                "Best of %d epochs: %d, in %s.", outcome.n_epochs, outcome.epoch, outcome.checkpoint
            )
            prefix = "best" if number == numbers[0] else f"seed_{number}.best"
            log_numbers({prefix: {"epoch": outcome.epoch, **outcome.scores}})
        if train.seed_index is None:
            remove_seeds_after(folder / name, number)

    return work


def _save_untrained(model: AnyPredictor, folder: Path) -> None:
    logger.info("%s needs no training.", model.name)
    save_checkpoint(model, folder / BEST)
    write_record(folder, record_of(model, folder / BEST))
