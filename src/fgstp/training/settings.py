"""Settings of training, checked before anything runs."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from fgstp.core.config import Fraction, Settings
from fgstp.models.machine import Accelerator
from fgstp.models.settings import GradientClip

Number = TypeVar("Number", int, float)
Positive = Annotated[float, Field(gt=0, le=1e9)]
Factor = Annotated[float, Field(ge=0, le=10)]
Degrees = Annotated[int, Field(ge=-180, le=180)]
Precision = Literal["auto", "bf16", "32"]
Monitor = Literal["val_miou", "val_miou_gas", "val_iou"]

# Settings that do not decide which training it is: an interrupted one continues when they change.
LENGTH = frozenset({"epochs", "patience"})
FREE = LENGTH | {
    "accumulate_grad_batches",
    "time_limit_s",
    "accelerator",
    "precision",
    "devices",
    "nodes",
    "rendezvous",
    "workers",
    "seeds",
    "seed_index",
    "start_from",  # the content of the file counts, not its path
}


def _ordered(span: tuple[Number, Number]) -> tuple[Number, Number]:
    if span[0] > span[1]:
        raise ValueError("the lower end of a range must not exceed its upper end")
    return span


FactorRange = Annotated[tuple[Factor, Factor], AfterValidator(_ordered)]
DegreeRange = Annotated[tuple[Degrees, Degrees], AfterValidator(_ordered)]


class AugmentationSettings(Settings):
    """Augmentation of training samples; the defaults are those of FGSTP's published code.

    Saturation, which the published code varies too, changes nothing in grey frames.

    Attributes:
        enabled: augment samples at all.
        flip_fraction: probability that a sample is mirrored.
        rotation_fraction: probability that a sample is rotated.
        rotation_degrees: range of the whole angle, counter-clockwise.
        brightness: range of the factor, drawn in steps of 0.1.
        contrast: range of the factor, drawn in steps of 0.1.
        sharpness: range of the factor, drawn in steps of 0.1; 0 blurs, 1 changes nothing.
        mask_noise_fraction: fraction of the pixels of a mask that are set to 0 or 1 at random.
        per_frame_colour: draw brightness, contrast and sharpness for every frame, as the
            published code does. By default they are drawn once for each sample, so that
            changes between frames are due to gas.
    """

    enabled: bool = True
    flip_fraction: Fraction = 0.5
    rotation_fraction: Fraction = 0.2
    rotation_degrees: DegreeRange = (-15, 14)
    brightness: FactorRange = (0.5, 1.5)
    contrast: FactorRange = (0.5, 1.5)
    sharpness: FactorRange = (0.0, 3.0)
    mask_noise_fraction: Fraction = 0.0015
    per_frame_colour: bool = False


class TrainSettings(Settings):
    """How a model is trained. Its network, its neighbours and its loss are its own settings.

    Attributes:
        epochs: passes over the training clips.
        learning_rate: learning rate of the optimiser.
        drop_every_epochs: the learning rate is multiplied by 0.1 at the beginning of every epoch
            whose number, counted from 1, is a multiple of this.
        targets_per_step: target frames of an optimiser step, over all processes, rounded to a
            whole number of samples, at least one.
        accumulate_grad_batches: parts of equal size into which each process divides a step, to
            need less memory. The step remains the same, except that batch normalisation sees
            the parts one by one, and that a last part of a single sample is left out.
        gradient_clip: how gradients are clipped.
        window_targets: target frames of a sample, which share their encoded frames; 1:
            independent targets.
        steps_per_epoch: steps after which an epoch ends early; None: all samples. A model whose
            own steps have another size sees as many targets in an epoch as these steps have.
        seeds: trainings of each model, with consecutive random seeds; the scores are averaged.
        seed_index: train only this one of them, counted from 1; None: all.
        start_from: checkpoint whose weights training starts from, one of an earlier training or
            of `fgstp weights import`; it must fit the network exactly.
        validation_frames: annotated frames of each validation clip that are scored, from its
            middle; None: all.
        monitor: the validation score that chooses the checkpoint: `val_miou`, the mean IoU over
            all frames, where a frame without gas counts 1 if nothing is found in it and else 0;
            `val_miou_gas`, the mean IoU over the frames with gas; or `val_iou`, the IoU of all
            pixels of all clips together.
        patience: end after this number of epochs without a better score; None: never.
        time_limit_s: end after this time; the next run continues. None: no limit.
        allow_pseudo_masks: train and validate on masks computed from the footage.
        accelerator: `auto` uses a GPU where there is one.
        precision: `bf16` or `32`; `auto` is `bf16` on GPUs that support it, else `32`.
        devices: processes on this machine: one a GPU, or processes on the CPU.
        nodes: machines that train together with that many devices each; the same command must
            be run on all of them.
        rendezvous: name and free port of the first machine, such as `node1:29400`; needed for
            several machines.
        workers: processes that load samples, for each device; None: none on the CPU, and on
            CUDA one a processor, up to 8.
        augmentation: how samples are augmented.
    """

    epochs: int = Field(60, ge=1, le=1_000_000)
    learning_rate: Positive = 1e-4
    drop_every_epochs: int = Field(45, ge=1, le=1_000_000)
    targets_per_step: int = Field(6, ge=1, le=10_000)
    accumulate_grad_batches: int = Field(1, ge=1, le=10_000)
    gradient_clip: GradientClip = GradientClip()
    window_targets: int = Field(4, ge=1, le=10_000)
    steps_per_epoch: int | None = Field(None, ge=1, le=1_000_000)
    seeds: int = Field(1, ge=1, le=1000)
    seed_index: int | None = Field(None, ge=1, le=1000)
    start_from: Path | None = None
    validation_frames: int | None = Field(None, ge=3, le=100_000)
    monitor: Monitor = "val_miou"
    patience: int | None = Field(None, ge=1, le=1_000_000)
    time_limit_s: Positive | None = None
    allow_pseudo_masks: bool = False
    accelerator: Accelerator = "auto"
    precision: Precision = "auto"
    devices: int = Field(1, ge=1, le=1024)
    nodes: int = Field(1, ge=1, le=1024)
    rendezvous: str | None = Field(None, pattern=r"^[^\s:]+:\d+$")
    workers: int | None = Field(None, ge=0, le=1024)
    augmentation: AugmentationSettings = AugmentationSettings()

    @model_validator(mode="after")
    def _machines_meet(self) -> Self:
        if self.nodes > 1 and self.rendezvous is None:
            raise ValueError(
                f"nodes is {self.nodes}, but rendezvous is not set; give name and port of the "
                "first machine, such as node1:29400"
            )
        return self

    @property
    def n_processes(self) -> int:
        """Processes that train together, one a device of each machine."""
        return self.devices * self.nodes

    def decisive(self) -> dict[str, Any]:
        """The settings on which the trained weights depend, as plain values by name."""
        return self.model_dump(mode="json", exclude=set(FREE))
