"""Training from Python, without Kedro."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch
from lightning.pytorch import Callback
from pydantic import ValidationError

from fgstp.core.config import faults
from fgstp.core.errors import UserError
from fgstp.footage.clip_table import CLIP_COLUMNS
from fgstp.footage.video_store import VideoStore
from fgstp.models.base import AnyModel, Model
from fgstp.models.registry import create_model
from fgstp.training.fit import fit
from fgstp.training.job import Outcome
from fgstp.training.settings import TrainSettings


class Clips(NamedTuple):
    """Clips to train on.

    Attributes:
        table: the clip table.
        store: the store of the videos.
    """

    table: pd.DataFrame
    store: VideoStore

    @classmethod
    def read(cls, folder: Path | str) -> "Clips":
        """Read what the pipeline `ingest` wrote.

        Args:
            folder: the folder `03_primary` of the data.

        Raises:
            UserError: there is no clip table.
        """
        path = Path(folder) / "clips.csv"
        try:
            table = pd.read_csv(path, dtype=CLIP_COLUMNS, keep_default_na=False, na_values=[""])
        except OSError as error:
            raise UserError(
                f"{path} cannot be read ({error.strerror}); give the folder 03_primary that "
                "`kedro run --pipelines=ingest` wrote."
            ) from error
        return cls(table, VideoStore(Path(folder) / "videos"))


def train(
    model: AnyModel | str,
    clips: Clips | Path | str,
    out: Path | str,
    *,
    seed: int = 1,
    callbacks: Sequence[Callback] = (),
    **settings: Any,  # noqa: ANN401 - see `TrainSettings`
) -> Outcome:
    """Train a model on ingested clips.

    A training that was stopped continues when it is called again; a finished one is not
    repeated, and with more epochs it continues where it ended. See `fgstp.training.fit`.

        >>> import fgstp
        >>> small = {"height_px": 32, "width_px": 32, "encoder": {"name": "pvt_v2_b0"}}
        >>> model = fgstp.create_model("fgstp", small)
        >>> outcome = fgstp.train(model, "data/03_primary", "runs/fgstp", epochs=1)
        >>> outcome.n_epochs, outcome.ended_by
        (1, 'epochs')
        >>> model = fgstp.load_model("runs/fgstp/best.ckpt")

    Args:
        model: the model, trained in place, or its name.
        clips: the folder `03_primary` of the data, or clip table and store.
        out: folder of the results: `best.ckpt`, `training.json`, and the state to continue from.
        seed: random seed; of the initial weights too if the model is given by its name.
        callbacks: further callbacks of Lightning.
        **settings: fields of `TrainSettings`, such as `epochs=10` or `learning_rate=1e-3`.

    Returns:
        The result, with the path of the best checkpoint and the figures of every epoch.

    Raises:
        UserError: a setting is wrong, or as `fgstp.training.fit.fit`.
    """
    checked = _checked(settings)
    if isinstance(model, str):
        torch.manual_seed(seed)
        model = _created(model)
    if not isinstance(clips, Clips):
        clips = Clips.read(clips)
    return fit(model, clips.table, clips.store, Path(out), checked, seed=seed, callbacks=callbacks)


def _created(name: str) -> AnyModel:
    model = create_model(name)
    if not isinstance(model, Model):
        raise UserError(f"The model {name} is not trained; it predicts as it is.")
    return model


def _checked(settings: dict[str, Any]) -> TrainSettings:
    """Settings from keyword arguments."""
    for name in ("seeds", "seed_index"):  # of Kedro's node, which calls `fit` for each
        if name in settings:
            raise UserError(f"train() trains once; call it for each seed instead of giving {name}.")
    try:
        return TrainSettings.model_validate(settings)
    except ValidationError as error:
        raise UserError(f"{faults(error, 'train')}; correct the settings.") from error
