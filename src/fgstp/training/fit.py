"""Training from clips to the best checkpoint; it can be stopped and continues."""

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch
from lightning.pytorch import Callback
from pydantic import ValidationError

from fgstp.core.config import faults
from fgstp.core.errors import UserError
from fgstp.core.lock import locked
from fgstp.footage.clip_table import CLIP_COLUMNS, ClipRow, check_rows, masked_clips
from fgstp.footage.video_store import VideoStore
from fgstp.models.base import AnyModel, Model
from fgstp.models.checkpoint import load_into
from fgstp.models.features import FeatureStore
from fgstp.models.machine import use_cuda
from fgstp.models.registry import create_model
from fgstp.training.job import Job, Outcome
from fgstp.training.processes import Launched, Rank, joined, launch, others_expected
from fgstp.training.settings import Precision, TrainSettings
from fgstp.training.stages import train_stages

logger = logging.getLogger(__name__)


def train(
    model: AnyModel | str,
    data: Path | str,
    out: Path | str,
    *,
    seed: int = 1,
    callbacks: Sequence[Callback] = (),
    **settings: Any,  # noqa: ANN401 - see `TrainSettings`
) -> Outcome:
    """Train a model on ingested clips.

    Called again, it continues a training that was stopped, and a finished one that shall have more
    epochs; see `fgstp.training.fit.fit`.

        >>> import fgstp
        >>> small = {"height_px": 32, "width_px": 32, "encoder": {"name": "pvt_v2_b0"}}
        >>> model = fgstp.create_model("fgstp", small)
        >>> outcome = fgstp.train(model, "data/03_primary", "runs/fgstp", epochs=1)
        >>> outcome.n_epochs, outcome.ended_by
        (1, 'epochs')
        >>> model = fgstp.load_model("runs/fgstp/best.ckpt")

    Args:
        model: the model, trained in place, or its name.
        data: the folder `03_primary` that the pipeline `ingest` wrote.
        out: folder of the results: `best.ckpt`, `training.json`, and the state to continue from.
        seed: random seed; of the initial weights too if the model is given by its name.
        callbacks: further callbacks of Lightning.
        **settings: fields of `TrainSettings`, such as `epochs=10` or `learning_rate=1e-3`.

    Returns:
        The path of the best checkpoint and the figures of every epoch.

    Raises:
        UserError: a setting is wrong, there are no clips, another process trains into the same
            folder, or as `fgstp.training.fit.fit`.
    """
    for name in ("seeds", "seed_index"):  # of Kedro's node, which calls `fit` for each
        if name in settings:
            raise UserError(f"train() trains once; call it for each seed instead of giving {name}.")
    try:
        checked = TrainSettings.model_validate(settings)
    except ValidationError as error:
        raise UserError(f"{faults(error, 'train')}; correct the settings.") from error
    path = Path(data) / "clips.csv"
    try:
        table = pd.read_csv(path, dtype=CLIP_COLUMNS, keep_default_na=False, na_values=[""])
        check_rows(table, "clips")
    except (OSError, ValueError, TypeError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise UserError(
            f"{path} cannot be read ({reason}); give the folder 03_primary that "
            "`kedro run --pipelines=ingest` wrote."
        ) from error
    if isinstance(model, str):
        torch.manual_seed(seed)
        created = create_model(model)
        if not isinstance(created, Model):
            raise UserError(f"The model {model} is not trained; it predicts as it is.")
        model = created
    store = VideoStore(Path(data) / "videos")
    is_first = (Rank.from_environment() or Rank()).number == 0
    together = checked.nodes > 1  # each machine comes here, for the same folder
    with locked(Path(out), shared=together) if is_first else nullcontext():
        return fit(model, table, store, Path(out), checked, seed=seed, callbacks=callbacks)


def fit(
    model: AnyModel,
    table: pd.DataFrame,
    store: VideoStore,
    folder: Path,
    settings: TrainSettings,
    *,
    seed: int,
    callbacks: Sequence[Callback] = (),
    features: FeatureStore | None = None,
) -> Outcome:
    """Train a model on the clips of the split `train`.

    Writes to the folder

    - `best.ckpt`: the weights with the best score on the clips of the split `validation`;
    - `training.json`: how the training went;
    - `resume/`: the state after every epoch, to continue from.

    A training that was stopped continues from its last finished epoch as if it had not been
    stopped. A finished one is not trained again; with more epochs or more patience it continues
    where it ended. If anything else changed on which the weights depend, it begins anew and the
    log says why. A model that trains in stages begins each with the best weights of the stage
    before; the last one decides what `best.ckpt` holds.

    With `train.devices` or `train.nodes` above 1 it starts processes, one a device, and waits
    for them. If torchrun or another launcher has started this process together with others
    (`RANK` and `WORLD_SIZE` are set), it joins them instead, and devices and nodes are theirs.
    In several processes

    - each step has the samples that it would have in one process, divided evenly; up to one
      sample less than there are processes is left out at the end of an epoch;
    - batch normalisation sees all samples of a step on GPUs. On the CPU, for which torch has
      none such, it sees those of one process, and the statistics of the first are kept;
    - a resumed run restores the random state of each process if there are as many as before.
      On the CPU two processes end with exactly the weights of a run that was not stopped; more
      of them, or GPUs, add numbers in any order, so that the weights may differ by rounding;
    - on several machines, each runs the same command and sees the same paths;
    - a script that calls this must do so under `if __name__ == "__main__":`.

    Args:
        model: the model, initialised by the caller; afterwards it holds the best weights.
        table: the clip table.
        store: the store of the videos.
        folder: folder of the results.
        settings: the settings of training.
        seed: random seed of samples, augmentation, and what is drawn while the network trains.
        callbacks: further callbacks of Lightning, such as for logging; the figures are in
            `trainer.callback_metrics`. Of several processes the first one calls them, on pickled
            copies if this function starts the processes. They must not wait for the others.
        features: what the model precomputed of the training clips (`FeatureStore.write`); without,
            it is computed for every sample.

    Raises:
        UserError: there are no clips to train or validate on, not enough GPUs or memory, a
            loss is not finite, weights to start from do not fit, the folder cannot be written, or
            another of the processes that a launcher started is lost.
    """
    rank = Rank.from_environment()
    if rank is not None:
        devices = Launched().local_world_size()
        shape = {"devices": devices, "nodes": rank.of // devices, "rendezvous": None}
        settings = settings.model_copy(update=shape)
    cuda = use_cuda(settings.accelerator, "train")
    check_devices(settings.devices, cuda=cuda)
    pseudo = settings.allow_pseudo_masks
    clips, validation = (
        masked_clips(
            table, store, split, allow_pseudo_masks=pseudo, setting="train.allow_pseudo_masks"
        )
        for split in ("train", "validation")
    )
    kept = table["dropped"].isna() & (table["split"] == "train")
    job = Job(
        model=model,
        train=clips,
        validation=validation,
        mask_sources=sorted(table.loc[kept, "mask_source"].unique()),
        store=store,
        features=_usable(features, model, clips),
        folder=folder,
        settings=settings,
        seed=seed,
        callbacks=tuple(callbacks),
        cuda=cuda,
        precision=lightning_precision(settings.precision, cuda=cuda),
    )
    for stage in reversed(range(model.n_stages)):  # each can be trained, or none begins
        model.stage = stage
        job.order(Rank(0, settings.n_processes))
    if settings.start_from is not None:
        if folder.resolve() in settings.start_from.resolve().parents:
            raise UserError(
                f"train.start_from is {settings.start_from}, which this training writes over; "
                "copy it to another place."
            )
        load_into(model, settings.start_from)
    if settings.n_processes == 1:
        outcome = train_stages(job, Rank())
    elif rank is None:
        outcome = launch(partial(_train_together, job), settings)
    else:
        with others_expected():
            outcome = _train_together(job, rank)
    model.begin_stage(load_into(model, outcome.checkpoint).facts["stage"])
    return outcome


def _train_together(job: Job, rank: Rank) -> Outcome:
    with joined(cuda=job.cuda):
        return train_stages(job, rank)


def _usable(
    features: FeatureStore | None, model: AnyModel, clips: Sequence[ClipRow]
) -> FeatureStore | None:
    """The store, if it holds what the model precomputes of these clips."""
    if model.features is None:
        return None
    if features is not None and features.holds(model.features, clips):
        return features
    logger.warning(
        "%s computes its features for every sample, which is slow; compute them once with "
        "`kedro run --pipelines=features --params=model=%s`.",
        model.name,
        model.name,
    )
    return None


def check_devices(wanted: int, *, cuda: bool) -> None:
    """Raise a `UserError` if there are too few GPUs; the CPU takes any number of processes."""
    if cuda and wanted > (found := torch.cuda.device_count()):
        raise UserError(
            f"train.devices is {wanted}, but torch finds {found} CUDA device"
            f"{'s' if found > 1 else ''} here; lower it, or set train.accelerator to cpu."
        )


def lightning_precision(precision: Precision, *, cuda: bool) -> Literal["bf16-mixed", "32-true"]:
    """Precision as Lightning names it; a `UserError` if it is `bf16`, which this GPU lacks."""
    # torch counts chips that emulate bfloat16, slowly, unless asked not to.
    supported = not cuda or torch.cuda.is_bf16_supported(including_emulation=False)
    if precision == "bf16" and not supported:
        raise UserError(
            "train.precision is bf16, which this GPU does not support; set it to auto or 32."
        )
    if precision == "auto" and not supported:
        logger.info("This GPU does not support bf16; training uses 32 bits.")
    half = precision == "bf16" or (precision == "auto" and cuda and supported)
    return "bf16-mixed" if half else "32-true"
