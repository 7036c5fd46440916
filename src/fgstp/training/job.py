"""One stage of a training as one process runs it, alone or together with others."""

import logging
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch import Callback, Trainer, seed_everything

from fgstp.core.fingerprint import fingerprint, write_stamp
from fgstp.footage.clip_table import ClipRow, digest
from fgstp.footage.video_store import VideoStore
from fgstp.models.base import AnyModel
from fgstp.models.checkpoint import BEST, sha256
from fgstp.models.features import FeatureStore
from fgstp.models.machine import told_if_out_of_memory
from fgstp.training.augmentation import prepared
from fgstp.training.callbacks import STATE, Bar, EndAtOnce, KeepAverage, Progress, Row, TimeLimit
from fgstp.training.data import (
    EpochSize,
    Plan,
    SampleOrder,
    Samples,
    plan_of,
    train_loader,
    validation_loader,
)
from fgstp.training.machine import n_workers, one_opencv_thread
from fgstp.training.module import DivergenceError, TrainingModule
from fgstp.training.processes import Rank, local_rank, local_world_size, quiet
from fgstp.training.settings import TrainSettings

# Lightning logs through the others where another package, such as MLflow, imported it.
LIGHTNING = ("lightning", "pytorch_lightning", "lightning_fabric")
# A warning of torch in distributed training: gradients are copied once more, which is harmless.
STRIDES = "Grad strides do not match bucket view strides"
RESUME_FOLDER = "resume"
End = Literal["epochs", "early stop", "time limit", "divergence"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """Result of a training.

    Attributes:
        checkpoint: the best weights.
        epoch: their epoch, from 1.
        scores: validation scores of that epoch.
        n_epochs: finished epochs.
        ended_by: why training ended.
        history: a row for each finished epoch, including those before an interruption: `epoch`
            from 1, `learning_rate`, `train_loss` and its parts as means over the epoch, and all
            scores `val_*`. Interruptions do not change the rows.
    """

    checkpoint: Path
    epoch: int
    scores: dict[str, float]
    n_epochs: int
    ended_by: End
    history: list[Row]


@dataclass(frozen=True)
class Job:
    """All that a process needs to train; it can be pickled if the callbacks can.

    Attributes:
        model: the model, trained in place.
        train: clips to train on.
        validation: clips to validate on.
        mask_sources: where the masks of the training clips come from.
        store: the store of the videos.
        features: what the model precomputed of the training clips; None without.
        folder: folder of the results.
        settings: how the model is trained.
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

    @property
    def stage_folder(self) -> Path:
        """What the present stage keeps to continue; see `fgstp.training.stages`."""
        return self.folder / RESUME_FOLDER / str(self.model.stage)

    @property
    def last_folder(self) -> Path:
        """The same of the last stage."""
        return self.folder / RESUME_FOLDER / str(self.model.n_stages - 1)

    @property
    def plan(self) -> Plan:
        """Sizes of samples, steps and epochs."""
        return plan_of(self.model, self.settings)

    def samples(self) -> Samples:
        """All samples of the training clips."""
        settings, sampling = self.settings.augmentation, self.model.sampling
        if not self.model.augmented:
            settings = settings.model_copy(update={"enabled": False})
        if not sampling.mask_noise:
            settings = settings.model_copy(update={"mask_noise_fraction": 0.0})
        prepare = partial(prepared, settings=settings, size=self.model.sample_size)
        return Samples(self.store, self.train, sampling, prepare, self.features)

    def order(self, samples: Samples, rank: Rank) -> SampleOrder:
        """The samples that a process trains on."""
        plan = self.plan
        return SampleOrder(
            samples.n_targets_of_clips(),
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
            "train.start_from": start and sha256(start),
            "seed": self.seed,
            "training clips": [clip.name for clip in self.train],
            "validation clips": [clip.name for clip in self.validation],
            "their frames and masks": digest([*self.train, *self.validation]),
        }

    def stage_facts(self) -> dict[str, Any]:
        """All on which the weights of the present stage depend."""
        stage = self.model.stage
        before = self.stage_folder.with_name(str(stage - 1)) / BEST
        return self.facts() | {
            "stage": stage,
            "weights of the stage before": sha256(before) if stage else None,
        }


def run(job: Job, rank: Rank, resume_from: Path | None) -> Outcome:
    """Train one stage, from its beginning or from a state, to its end.

    Args:
        job: the training.
        rank: rank of this process. If there are several, a launcher must have started them, and
            all must run the job.
        resume_from: the state.

    Returns:
        The result: the same in all processes, but written by the first.

    Raises:
        UserError: as `fit`.
    """
    settings, facts, folder = job.settings, job.stage_facts(), job.stage_folder
    samples = job.samples()
    order = job.order(samples, rank)
    if rank.number == 0:
        _log_beginning(job, samples)
        if resume_from is None:  # that of another training goes
            shutil.rmtree(folder, ignore_errors=True)
            write_stamp(folder / STATE, facts)
    best = job.folder / BEST
    progress = Progress(
        job.model, settings, best, folder, order=order, fingerprint=fingerprint(facts)
    )
    seed_everything(_seed_of(job, rank), verbose=False)
    with one_opencv_thread(), _quiet_lightning(), told_if_out_of_memory(_advice(job)):
        trainer = _trainer(job, [progress, *_others(job, rank), *_average(job)])
        loader = train_loader(
            samples,
            order,
            batch_size=job.plan.samples_per_step // rank.of // settings.accumulate_grad_batches,
            workers=n_workers(settings.workers, settings.devices, cuda=job.cuda),
            cuda=job.cuda,
        )
        try:
            trainer.fit(
                TrainingModule(job.model, settings, job.store, EpochSize.of(loader)),
                loader,
                validation_loader(job.validation, rank),
                ckpt_path=resume_from,
                weights_only=True,
            )
            ended_by = _ended_by(progress, settings)
        except DivergenceError as divergence:
            # Several processes would wait for this one.
            if not (job.model.info.may_diverge and progress.rows and rank.of == 1):
                raise
            logger.warning("%s The training counts as failed.", divergence)
            ended_by = "divergence"
    n_epochs = len(progress.rows)
    return Outcome(best, progress.epoch, progress.scores, n_epochs, ended_by, progress.rows)


def _seed_of(job: Job, rank: Rank) -> int:
    """The random seed of a process; each has its own sequence."""
    sequence = np.random.SeedSequence((job.seed, rank.number))
    return int(sequence.generate_state(1)[0]) if rank.number else job.seed


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Suppress what Lightning says about the machine and about deliberate settings."""
    with quiet(*LIGHTNING), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning.*")
        warnings.filterwarnings("ignore", message=STRIDES)
        yield


def _log_beginning(job: Job, samples: Samples) -> None:
    n_processes, n_stages = job.settings.n_processes, job.model.n_stages
    n_targets = job.plan.sample_targets
    logger.info(
        "Training %s%s on %d clips, validation on %d; %d samples of %d targets an epoch%s.",
        job.model.name,
        f", stage {job.model.stage + 1} of {n_stages}," if n_stages > 1 else "",
        len(job.train),
        len(job.validation),
        len(job.order(samples, Rank())),
        n_targets,
        f", in {n_processes} processes" if n_processes > 1 else "",
    )
    if n_short := sum(n < n_targets for n in samples.n_targets_of_clips()):
        logger.warning("%d training clips have too few masks for a sample.", n_short)
    clips = (*job.train, *job.validation)
    n_frames = sum(each.n_frames for each in clips)
    if n_bare := n_frames - sum(each.annotated_frames for each in clips):
        logger.info(
            "%d of the %d frames of these clips have no mask: they are no targets and are not "
            "scored.",
            n_bare,
            n_frames,
        )


def _average(job: Job) -> list[Callback]:
    decay = job.model.optimisation.ema_decay
    return [KeepAverage(decay)] if decay else []


def _others(job: Job, rank: Rank) -> list[Callback]:
    """Callbacks without a state."""
    limit = job.settings.time_limit_s
    return [
        *([TimeLimit(limit)] if limit else []),
        *([EndAtOnce()] if rank.of > 1 else []),
        Bar(),
        *(job.callbacks if rank.number == 0 else ()),
    ]


class _Launched(TorchElasticEnvironment):
    """Ranks as the environment variables say, whichever launcher set them."""

    def local_rank(self) -> int:
        return local_rank()

    def node_rank(self) -> int:
        return self.global_rank() // local_world_size()


def _trainer(job: Job, callbacks: list[Callback]) -> Trainer:
    settings, several = job.settings, job.settings.n_processes > 1
    clip = job.model.optimisation.gradient_clip or settings.gradient_clip
    return Trainer(
        accelerator="cuda" if job.cuda else "cpu",
        # Some models do not use all weights in every step.
        strategy="ddp_find_unused_parameters_true" if several else "auto",
        plugins=[_Launched()] if several else None,
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


def _ended_by(progress: Progress, settings: TrainSettings) -> End:
    """Why a training ended that did not fail."""
    if len(progress.rows) >= settings.epochs:
        return "epochs"
    return "early stop" if progress.is_out_of_patience else "time limit"
