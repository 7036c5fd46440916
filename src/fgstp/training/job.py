"""A training as one process runs it, alone or together with others."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer
from torch.utils.data import Dataset

from fgstp.footage.clip_store import ClipStore
from fgstp.footage.masked_clips import MaskedClip, digest
from fgstp.models.checkpoint import BEST
from fgstp.models.machine import told_if_out_of_memory
from fgstp.models.registry import AnyModel
from fgstp.models.sampling import FlowPairs, SpreadFrames, Windows
from fgstp.training.averaging import KeepAverage
from fgstp.training.callbacks import Bar, EndAtOnce, KeepBest, KeepState, TimeLimit
from fgstp.training.divergence import DivergenceError
from fgstp.training.flow_samples import FlowSamples
from fgstp.training.history import KeepHistory
from fgstp.training.loaders import train_loader, validation_loader
from fgstp.training.machine import (
    lightning_precision,
    n_workers,
    one_opencv_thread,
    quiet_lightning,
)
from fgstp.training.module import TrainingModule
from fgstp.training.optimiser import clipping
from fgstp.training.outcome import End, Outcome
from fgstp.training.plan import Plan, plan_of
from fgstp.training.processes import Rank
from fgstp.training.random_state import seed_everything
from fgstp.training.samples import WindowOrder, WindowSamples
from fgstp.training.settings import TrainSettings
from fgstp.training.spread_samples import SpreadSamples

RESUME_FOLDER = "resume"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """All that a process needs to train; it can be pickled if the callbacks can.

    Attributes:
        model: the model, trained in place.
        train: clips to train on.
        validation: clips to validate on.
        store: where they lie.
        folder: where to write.
        settings: how the model is trained.
        seed: of all that is drawn.
        callbacks: what else is to happen, in the first process alone.
        cuda: whether on GPUs.
    """

    model: AnyModel
    train: list[MaskedClip]
    validation: list[MaskedClip]
    store: ClipStore
    folder: Path
    settings: TrainSettings
    seed: int
    callbacks: tuple[Callback, ...]
    cuda: bool

    @property
    def resume_folder(self) -> Path:
        """Where the state to go on from is kept."""
        resume = self.folder / RESUME_FOLDER
        return resume / str(self.model.stage) if self.model.n_stages > 1 else resume

    @property
    def plan(self) -> Plan:
        """Sizes of samples, steps and epochs."""
        return plan_of(self.model, self.settings)

    def order(self, rank: Rank) -> WindowOrder:
        """The samples that a process trains on."""
        plan = self.plan
        return WindowOrder(
            self.train,
            plan.sample_targets,
            self.seed,
            limit=plan.samples_per_epoch,
            rank=rank,
            epochs=self.settings.epochs,
        )

    def samples(self) -> Dataset[Any]:
        """All samples of the training clips."""
        sampling, size = self.model.sampling, self.model.sample_size
        augmentation = self.settings.augmentation
        if not self.model.augmented:
            augmentation = augmentation.model_copy(update={"enabled": False})
        if isinstance(sampling, FlowPairs):
            return FlowSamples(self.store, self.train, sampling)
        if isinstance(sampling, SpreadFrames):
            return SpreadSamples(
                self.store, self.train, sampling=sampling, size=size, augmentation=augmentation
            )
        return WindowSamples(
            self.store,
            self.train,
            n_targets=self.plan.sample_targets,
            offsets=sampling.offsets_frames,
            size=size,
            augmentation=augmentation,
        )

    def made_with(self) -> dict[str, Any]:
        """All on which the trained weights depend, as plain values by name."""
        name = self.model.name
        own = self.model.settings.model_dump(mode="json")
        return {
            "model": name,
            **{f"models.{name}.{key}": value for key, value in own.items()},
            **{f"train.{key}": value for key, value in self.settings.decisive().items()},
            "seed": self.seed,
            "stage": self.model.stage,
            "training clips": [clip.name for clip in self.train],
            "validation clips": [clip.name for clip in self.validation],
            "their frames and masks": digest([*self.train, *self.validation], self.store),
        }


def run(job: Job, rank: Rank, resume_from: Path | None) -> Outcome:
    """Train, from the beginning or from a state, to the end.

    Args:
        job: the training.
        rank: which part of it falls to this process. If there are several, torch's launcher
            must have started them, and all must run the job.
        resume_from: the state.

    Returns:
        What came out: the same in all processes, but written by the first.

    Raises:
        UserError: as `fit`.
    """
    settings, made_with = job.settings, job.made_with()
    order = job.order(rank)
    history = KeepHistory()
    best = KeepBest(job.model, job.folder / BEST, settings, made_with)
    state = KeepState(job.resume_folder, best, order, made_with)
    seed_everything(job.seed, rank.number)
    with one_opencv_thread(), quiet_lightning(), told_if_out_of_memory(_advice(job)):
        trainer = _trainer(job, [history, state, best, *_others(job, rank), *_average(job)])
        loader = train_loader(
            job.samples(),
            order,
            samples_per_step=job.plan.samples_per_step // rank.of,
            workers=n_workers(settings.workers, settings.devices, cuda=job.cuda),
            cuda=job.cuda,
        )
        try:
            trainer.fit(
                TrainingModule(job.model, settings, job.store, len(loader)),
                loader,
                validation_loader(job.validation, rank),
                ckpt_path=resume_from,
                weights_only=True,
            )
            ended_by = _ended_by(state, best, settings)
        except DivergenceError as divergence:
            # Of several processes the others would wait for this one.
            if not (job.model.may_diverge and state.n_epochs and rank.of == 1):
                raise
            logger.warning("%s The training counts as failed.", divergence)
            ended_by = "divergence"
    if rank.number == 0 and ended_by != "time limit":
        state.remove()
    return Outcome(best.path, best.epoch, best.scores, state.n_epochs, ended_by, history.rows)


def _average(job: Job) -> list[Callback]:
    decay = job.model.optimisation.ema_decay
    return [KeepAverage(job.model.network, decay)] if decay else []


def _others(job: Job, rank: Rank) -> list[Callback]:
    """Callbacks that keep nothing."""
    limit = job.settings.time_limit_s
    return [
        *([TimeLimit(limit)] if limit else []),
        *([EndAtOnce()] if rank.of > 1 else []),
        Bar(),
        *(job.callbacks if rank.number == 0 else ()),
    ]


def _trainer(job: Job, callbacks: list[Callback]) -> Trainer:
    settings, several = job.settings, job.settings.n_processes > 1
    clip = clipping(job.model.optimisation, settings)
    return Trainer(
        accelerator="cuda" if job.cuda else "cpu",
        # Some models leave out weights in some of their steps.
        strategy="ddp_find_unused_parameters_true" if several else "auto",
        devices=settings.devices,
        num_nodes=settings.nodes,
        sync_batchnorm=job.cuda and several,  # torch has none for the CPU
        precision=lightning_precision(settings.precision, cuda=job.cuda),
        max_epochs=settings.epochs,
        gradient_clip_val=clip.at,
        gradient_clip_algorithm=clip.by,
        callbacks=callbacks,
        default_root_dir=job.folder,
        benchmark=job.cuda,  # all steps have the same sizes
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


def _advice(job: Job) -> str:
    """The settings that decide how much memory the present stage needs."""
    model, sampling = job.model, job.model.sampling
    name = f"models.{model.name}"
    step = f"{name}.optimisation" if model.optimisation.targets_per_step else "train"
    shared = isinstance(sampling, Windows) and sampling.n_targets is None and job.settings.windows
    height_px, width_px = model.sample_size
    return (
        f"lower {step}.targets_per_step{' and train.window_targets' if shared else ''}, or "
        f"height_px and width_px of {name} ({height_px} x {width_px} now), or choose a smaller "
        "encoder or width"
    )


def _ended_by(state: KeepState, best: KeepBest, settings: TrainSettings) -> End:
    """Why a training ended that did not fail."""
    if state.n_epochs >= settings.epochs:
        return "epochs"
    return "early stop" if best.patience_lost else "time limit"
