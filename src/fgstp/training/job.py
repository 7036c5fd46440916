"""One stage of a training as one process runs it, alone or together with others."""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import Callback, Trainer, seed_everything

from fgstp.core.fingerprint import content_hash, fingerprint
from fgstp.footage.clip_table import ClipRow, digest
from fgstp.footage.video_store import VideoStore
from fgstp.models.base import AnyModel
from fgstp.models.features import FeatureStore
from fgstp.models.machine import explain_out_of_memory
from fgstp.models.training_records import BEST
from fgstp.training.augmentation import prepared
from fgstp.training.callbacks import Bar, EndAtOnce, KeepAverage, Progress, Row, TimeLimit
from fgstp.training.data import (
    SampleOrder,
    Samples,
    n_workers,
    one_opencv_thread,
    plan_of,
    train_loader,
    validation_loader,
)
from fgstp.training.module import DivergenceError, TrainingModule
from fgstp.training.processes import Launched, Rank, quiet
from fgstp.training.settings import TrainSettings

RESUME_FOLDER = "resume"
# Lightning logs through the others where another package, such as MLflow, imported it.
LIGHTNING = ("lightning", "pytorch_lightning", "lightning_fabric")
# A warning of torch in distributed training: gradients are copied once more, which is harmless.
STRIDES = "Grad strides do not match bucket view strides"
End = Literal["epochs", "early stop", "time limit", "divergence"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """Result of a training.

    Attributes:
        checkpoint: the best weights.
        epoch: their epoch, from 1.
        scores: validation scores of that epoch.
        ended_by: why training ended.
        history: a row for each finished epoch, as if there were no interruptions: `epoch` from
            1, `learning_rate`, means of `train_loss` and its parts, and all scores `val_*`.
    """

    checkpoint: Path
    epoch: int
    scores: dict[str, float]
    ended_by: End
    history: list[Row]

    @property
    def n_epochs(self) -> int:
        """Finished epochs."""
        return len(self.history)


@dataclass(frozen=True)
class Job:
    """All that a process needs to train; it can be pickled if the callbacks can.

    Attributes:
        model: the model, trained in place.
        train: clips to train on.
        validation: clips to validate on.
        mask_sources: sources of the masks of the training clips.
        store: the store of the videos.
        features: what the model precomputed of the training clips; None without.
        folder: folder of the results.
        settings: the settings of training.
        seed: random seed.
        callbacks: further callbacks, called in the first process alone.
        cuda: whether training runs on GPUs.
        precision: precision as Lightning names it.
    """

    model: AnyModel
    train: Sequence[ClipRow]
    validation: Sequence[ClipRow]
    mask_sources: Sequence[str]
    store: VideoStore
    features: FeatureStore | None
    folder: Path
    settings: TrainSettings
    seed: int
    callbacks: tuple[Callback, ...]
    cuda: bool
    precision: Literal["bf16-mixed", "32-true"]

    def stage_folder(self, stage: int) -> Path:
        """What a stage keeps to continue; see `fgstp.training.stages`."""
        return self.folder / RESUME_FOLDER / str(stage)

    def samples(self) -> Samples:
        """All samples of the training clips."""
        settings, sampling = self.settings.augmentation, self.model.sampling
        if not self.model.augmented:
            settings = settings.model_copy(update={"enabled": False})
        if not sampling.mask_noise:
            settings = settings.model_copy(update={"mask_noise_fraction": 0.0})
        prepare = partial(prepared, settings=settings, size=self.model.sample_size)
        return Samples(self.store, self.train, sampling, prepare, self.features)

    def order(self, rank: Rank) -> SampleOrder:
        """The samples that a process trains on."""
        plan = plan_of(self.model, self.settings)
        return SampleOrder(
            self.samples().n_targets_of_clips(),
            plan.sample_targets,
            self.seed,
            limit=plan.samples_per_epoch,
            rank=rank,
            epochs=self.settings.epochs,
        )

    def facts(self) -> dict[str, Any]:
        """All on which the trained weights depend, as plain values by name."""
        name, start = self.model.name, self.settings.start_from
        own = self.model.settings.model_dump(mode="json")
        return {
            "model": name,
            **{f"models.{name}.{key}": value for key, value in own.items()},
            **{f"train.{key}": value for key, value in self.settings.decisive().items()},
            "train.start_from": start and content_hash([start]),
            "seed": self.seed,
            "training clips": [clip.name for clip in self.train],
            "validation clips": [clip.name for clip in self.validation],
            "their frames and masks": digest([*self.train, *self.validation]),
        }

    def stage_facts(self) -> dict[str, Any]:
        """All on which the weights of the present stage depend."""
        stage = self.model.stage
        before = content_hash([self.stage_folder(stage - 1) / BEST]) if stage else None
        return self.facts() | {"stage": stage, "weights of the stage before": before}


def run(job: Job, rank: Rank, resume_from: Path | None) -> Outcome:
    """Train one stage, from its beginning or from a state, to its end.

    If there are several processes, all must run the job; the result is the same in all.
    """
    model, settings, best = job.model, job.settings, job.folder / BEST
    folder, order = job.stage_folder(model.stage), job.order(rank)
    facts = {"stage": model.stage, "fingerprint": fingerprint(job.stage_facts())}
    progress = Progress(model, settings, best, folder, order, facts)
    # Each process draws numbers of its own.
    seed_everything((job.seed + 1_000_003 * rank.number) % 2**32, verbose=False)
    with (
        one_opencv_thread(),
        quiet(*LIGHTNING),
        warnings.catch_warnings(),
        explain_out_of_memory(_advice(job)),
    ):
        warnings.filterwarnings("ignore", module="lightning.*")  # of deliberate settings
        warnings.filterwarnings("ignore", message=STRIDES)
        n_parts = rank.of * settings.accumulate_grad_batches
        loader = train_loader(
            job.samples(),
            order,
            batch_size=plan_of(model, settings).samples_per_step // n_parts,
            workers=n_workers(settings.workers, settings.devices, cuda=job.cuda),
            cuda=job.cuda,
        )
        try:
            _trainer(job, rank, progress).fit(
                TrainingModule(model, settings, job.store),
                loader,
                validation_loader(job.validation, rank),
                ckpt_path=resume_from,
                weights_only=True,
            )
            ended_by: End = "early stop" if progress.is_out_of_patience else "time limit"
            if len(progress.rows) >= settings.epochs:
                ended_by = "epochs"
        except DivergenceError as divergence:
            # Several processes would wait for this one.
            if not (model.info.may_diverge and progress.rows and rank.of == 1):
                raise
            logger.warning("%s The training counts as failed.", divergence)
            ended_by = "divergence"
    return Outcome(best, progress.epoch, progress.scores, ended_by, progress.rows)


def _trainer(job: Job, rank: Rank, progress: Progress) -> Trainer:
    settings, own = job.settings, job.model.optimisation
    several, clip = rank.of > 1, own.gradient_clip or settings.gradient_clip
    callbacks = [
        progress,
        *([TimeLimit(settings.time_limit_s)] if settings.time_limit_s else []),
        *([EndAtOnce()] if several else []),
        Bar(),
        *(job.callbacks if rank.number == 0 else ()),
        *([KeepAverage(own.ema_decay)] if own.ema_decay else []),
    ]
    return Trainer(
        accelerator="cuda" if job.cuda else "cpu",
        # Some models do not use all weights in every step.
        strategy="ddp_find_unused_parameters_true" if several else "auto",
        plugins=[Launched()] if several else None,
        devices=settings.devices,
        num_nodes=settings.nodes,
        sync_batchnorm=job.cuda and several,  # torch has none for the CPU
        precision=job.precision,
        max_epochs=settings.epochs,
        accumulate_grad_batches=settings.accumulate_grad_batches,
        gradient_clip_val=None if clip.by == "none" else clip.at,
        gradient_clip_algorithm=None if clip.by == "none" else clip.by,
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
    shared = sampling.targets_per_sample(0) == 0  # it has no number of its own
    height_px, width_px = model.sample_size
    return (
        f"raise train.accumulate_grad_batches, lower {step}.targets_per_step"
        f"{' and train.window_targets' if shared else ''}, or height_px and width_px of {name} "
        f"({height_px} x {width_px} now), or choose a smaller encoder or width"
    )
