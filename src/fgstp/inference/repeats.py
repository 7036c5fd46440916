"""Predictions of a model that was trained several times: a folder a training."""

from pathlib import Path

from fgstp.inference.prediction_store import PredictionStore
from fgstp.models.repeats import repeat_folder


def prediction_stores(folder: Path, n_trainings: int) -> list[PredictionStore]:
    """The folders of a model's predictions, one a training.

    Args:
        folder: of the model; the first training's lie in it, those of repeats below it.
        n_trainings: how often the model was trained.
    """
    return [PredictionStore(repeat_folder(folder, repeat)) for repeat in range(n_trainings)]
