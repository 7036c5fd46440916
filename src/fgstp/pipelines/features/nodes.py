"""Node of features, which connects the catalog to `fgstp.models`."""

import logging
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from fgstp.footage.clip_table import masked_clips
from fgstp.footage.video_store import VideoStore
from fgstp.models.base import Model
from fgstp.models.features import FeatureStore
from fgstp.models.registry import ModelsSettings, create_model
from fgstp.training.settings import TrainSettings

logger = logging.getLogger(__name__)


def compute_features(
    clips: pd.DataFrame,
    video_store: VideoStore,
    name: str,
    models: ModelsSettings,
    train: TrainSettings,
) -> Callable[[Path], None]:
    """Return the function that writes the features of the training clips to their folder.

    For a model that has no features, it leaves the folder empty.

    Raises:
        UserError: there is no clip to train on.
    """
    model = create_model(name, models.of(name))
    features = model.features if isinstance(model, Model) else None

    def work(folder: Path) -> None:
        own = folder / name
        own.mkdir(exist_ok=True)
        if features is None:
            logger.info("%s is trained on frames; it needs no features.", name)
            return
        chosen = masked_clips(
            clips,
            video_store,
            "train",
            allow_pseudo_masks=train.allow_pseudo_masks,
            setting="train.allow_pseudo_masks",
        )
        FeatureStore(own).write(features, chosen, video_store)

    return work
