"""Training from clips to the best checkpoint, which can be stopped and goes on."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from lightning.pytorch import Callback, Trainer

from fgstp.footage.clip_store import ClipStore
from fgstp.models.fgstp import FgstpSystem
from fgstp.training.callbacks import Bar, KeepBest, KeepState, TimeLimit
from fgstp.training.loaders import train_loader, validation_loader
from fgstp.training.machine import (
    lightning_precision,
    n_workers,
    one_opencv_thread,
    quiet_lightning,
    told_if_out_of_memory,
    use_cuda,
)
from fgstp.training.module import TrainingModule
from fgstp.training.random_state import seed_everything
from fgstp.training.resume import state_to_go_on_from
from fgstp.training.samples import MaskedClip, WindowOrder, Windows, masked_clips
from fgstp.training.settings import TrainSettings

logger = logging.getLogger(__name__)

End = Literal["epochs", "early stop", "time limit"]
BEST, RESUME_FOLDER = "best.ckpt", "resume"


@dataclass(frozen=True)
class Outcome:
    """What training gave.

    Attributes:
        checkpoint: the best weights.
        epoch: the epoch that they are of, from 1.
        scores: the scores of that epoch on the validation clips.
        n_epochs: finished epochs.
        ended_by: why training ended.
    """

    checkpoint: Path
    epoch: int
    scores: dict[str, float]
    n_epochs: int
    ended_by: End


def fit(
    system: FgstpSystem,
    table: pd.DataFrame,
    store: ClipStore,
    folder: Path,
    settings: TrainSettings,
    *,
    seed: int,
    callbacks: Sequence[Callback] = (),
) -> Outcome:
    """Train a system on the clips of the split `train`.

    Writes the weights that do best on the clips of the split `validation` to `best.ckpt`,
    and after every epoch the state to go on from to `resume/`. Started again after it was
    stopped, it goes on from the last finished epoch as if it had not been stopped. Once it
    is finished, it removes that state, and starts from the beginning when it is called again.

    Args:
        system: the system, untrained; its network is trained in place.
        table: the clip table.
        store: where the clips lie.
        folder: where to write.
        settings: how it is trained.
        seed: of the order of the samples, of their augmentation, and of what is drawn while
            the network trains; its first weights are drawn before, by who builds it.
        callbacks: what else is to happen meanwhile, such as logging: Lightning's callbacks;
            the figures stand in `trainer.callback_metrics`.

    Returns:
        What came out.

    Raises:
        UserError: no clips to train or validate on, no GPU although one is asked for, not
            enough memory, a loss that is not finite, or a folder that cannot be written.
    """
    cuda = use_cuda(settings.accelerator)
    train, validation = (
        masked_clips(table, store, split, allow_pseudo_masks=settings.allow_pseudo_masks)
        for split in ("train", "validation")
    )
    made_with = _made_with(system, settings, seed, train, validation)
    order = WindowOrder(train, settings.targets_per_window, seed, settings.windows_per_epoch)
    best = KeepBest(system, folder / BEST, settings, made_with)
    state = KeepState(folder / RESUME_FOLDER, best, order, made_with)
    others = [TimeLimit(settings.time_limit_s)] if settings.time_limit_s else []
    resume_from = state_to_go_on_from(state.folder, made_with)
    logger.info(
        "Training %s on %d clips, validation on %d; %d windows of %d targets an epoch.",
        system.name,
        len(train),
        len(validation),
        len(order),
        settings.targets_per_window,
    )
    seed_everything(seed)
    with one_opencv_thread(), quiet_lightning(), told_if_out_of_memory(_advice(system, settings)):
        trainer = _trainer(settings, folder, [state, best, *others, Bar(), *callbacks], cuda=cuda)
        trainer.fit(
            TrainingModule(system, settings, store),
            train_loader(
                _windows(system, store, train, settings),
                order,
                windows_per_step=settings.windows_per_step,
                workers=n_workers(settings.workers, cuda=cuda),
                cuda=cuda,
            ),
            validation_loader(validation),
            ckpt_path=resume_from,
            weights_only=True,
        )
    outcome = Outcome(
        best.path, best.epoch, best.scores, state.n_epochs, _ended_by(state, best, settings)
    )
    if outcome.ended_by == "time limit":
        logger.warning(
            "The time limit ended training after %d of %d epochs; started again, it goes on.",
            state.n_epochs,
            settings.epochs,
        )
    else:
        state.remove()
    return outcome


def _trainer(
    settings: TrainSettings, folder: Path, callbacks: list[Callback], *, cuda: bool
) -> Trainer:
    return Trainer(
        accelerator="cuda" if cuda else "cpu",
        devices=1,
        precision=lightning_precision(settings.precision, cuda=cuda),
        max_epochs=settings.epochs,
        gradient_clip_val=settings.clip_gradient_at,
        gradient_clip_algorithm="value",
        callbacks=callbacks,
        default_root_dir=folder,
        benchmark=cuda,  # all steps have the same sizes
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def _windows(
    system: FgstpSystem, store: ClipStore, clips: list[MaskedClip], settings: TrainSettings
) -> Windows:
    return Windows(
        store,
        clips,
        n_targets=settings.targets_per_window,
        mode=system.settings.neighbours,
        size=(system.settings.height_px, system.settings.width_px),
        augmentation=settings.augmentation,
    )


def _made_with(
    system: FgstpSystem,
    settings: TrainSettings,
    seed: int,
    train: list[MaskedClip],
    validation: list[MaskedClip],
) -> dict[str, Any]:
    """All on which the trained weights depend, as plain values by name."""
    own = system.settings.model_dump(mode="json")
    return {
        "system": system.name,
        **{f"{system.name}.{name}": value for name, value in own.items()},
        **{f"train.{name}": value for name, value in settings.decisive().items()},
        "seed": seed,
        "training clips": [clip.name for clip in train],
        "validation clips": [clip.name for clip in validation],
    }


def _advice(system: FgstpSystem, settings: TrainSettings) -> str:
    own = system.settings
    window = " and train.window_targets" if settings.windows else ""
    return (
        f"lower train.targets_per_step{window}, or {system.name}.height_px and width_px "
        f"({own.height_px} x {own.width_px} now), or choose a smaller encoder"
    )


def _ended_by(state: KeepState, best: KeepBest, settings: TrainSettings) -> End:
    if state.n_epochs >= settings.epochs:
        return "epochs"
    return "early stop" if best.patience_lost else "time limit"
