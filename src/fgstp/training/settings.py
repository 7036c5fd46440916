"""Settings of training, checked before anything runs."""

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from fgstp.core.config import Fraction, Settings
from fgstp.models.machine import Accelerator

Number = TypeVar("Number", int, float)
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Factor = Annotated[float, Field(ge=0, le=10)]
Degrees = Annotated[int, Field(ge=-180, le=180)]
Precision = Literal["auto", "bf16", "32"]
BestBy = Literal["val_miou", "val_miou_gas", "val_iou"]

# What may change between an interrupted run and its continuation.
FREE_TO_CHANGE = frozenset(
    {
        "epochs",
        "seeds",
        "patience",
        "time_limit_s",
        "accelerator",
        "precision",
        "devices",
        "nodes",
        "rendezvous",
        "workers",
    }
)


def _ordered(span: tuple[Number, Number]) -> tuple[Number, Number]:
    if span[0] > span[1]:
        raise ValueError("the low end of a span must not exceed its high end")
    return span


FactorSpan = Annotated[tuple[Factor, Factor], AfterValidator(_ordered)]
DegreeSpan = Annotated[tuple[Degrees, Degrees], AfterValidator(_ordered)]


class AugmentationSettings(Settings):
    """How training samples are varied; the values are those of the published code.

    Saturation, which is varied there too, changes nothing in grey frames.

    Attributes:
        enabled: vary them at all.
        flip_fraction: share of windows that are mirrored.
        rotation_fraction: share of windows that are rotated.
        rotation_degrees: lowest and highest whole angle, counter-clockwise.
        brightness: lowest and highest factor, drawn in steps of 0.1.
        contrast: lowest and highest factor, drawn in steps of 0.1.
        sharpness: lowest and highest factor, drawn in steps of 0.1; 0 blurs, 1 changes nothing.
        mask_noise_fraction: share of a mask's pixels that are set to gas or to none by chance.
        per_frame_colour: draw brightness, contrast and sharpness for every frame, as the
            published code does; else once a window, so that a change between frames is gas.
    """

    enabled: bool = True
    flip_fraction: Fraction = 0.5
    rotation_fraction: Fraction = 0.2
    rotation_degrees: DegreeSpan = (-15, 14)
    brightness: FactorSpan = (0.5, 1.5)
    contrast: FactorSpan = (0.5, 1.5)
    sharpness: FactorSpan = (0.0, 3.0)
    mask_noise_fraction: Fraction = 0.0015
    per_frame_colour: bool = False


class TrainSettings(Settings):
    """How a model is trained. Its size, its neighbours and its loss are settings of its own.

    Attributes:
        epochs: times that the training clips are gone through.
        learning_rate: of Adam.
        drop_every_epochs: the rate is multiplied by 0.1 when epoch 1 x, 2 x, ... this number,
            counted from 1, begins.
        targets_per_step: target frames a step; with windows, to the nearest whole number of
            windows, at least one. Of all devices together, among which the windows must be
            shared out evenly.
        gradient_clip_value: each element of the gradient is cut at this size; None: not cut.
        windows: neighbouring targets share their encoded frames; else independent triples.
        window_targets: targets of a window.
        steps_per_epoch: steps after which an epoch ends early; None: all windows. A model
            whose steps have another size sees as many targets in an epoch as these steps have.
        seeds: trainings of each model, each with the next seed; scores are then means over
            them.
        validation_frames: frames of each validation clip that are looked at, from its middle;
            None: all.
        monitor: which figure of the validation clips chooses the checkpoint: the mean IoU of
            all frames, an empty frame counting 1 if nothing is found in it and else 0; the
            mean IoU of the frames with gas; or one IoU of all pixels of all clips.
        patience: end when so many epochs brought nothing better; None: never.
        time_limit_s: end after this time; started again, the run goes on. None: no limit.
        allow_pseudo_masks: train and validate on masks computed from the footage.
        accelerator: `auto` takes a GPU where there is one.
        precision: `bf16` or `32`; `auto` is `bf16` on CUDA, else `32`.
        devices: processes that train on this machine: one a GPU, or processes on the CPU.
        nodes: machines that train together, each with that many devices; the same command
            has to be run on all of them.
        rendezvous: where they find each other: name and free port of the first machine, such
            as `node1:29400`; needed for more than one.
        workers: processes that prepare samples, for each device; None: none on the CPU, on
            CUDA one a processor, up to 8.
        augmentation: how samples are varied.
    """

    epochs: int = Field(60, ge=1)
    learning_rate: Positive = 1e-4
    drop_every_epochs: int = Field(45, ge=1)
    targets_per_step: int = Field(6, ge=1)
    gradient_clip_value: Positive | None = 0.5
    windows: bool = True
    window_targets: int = Field(4, ge=1)
    steps_per_epoch: int | None = Field(None, ge=1)
    seeds: int = Field(1, ge=1)
    validation_frames: int | None = Field(None, ge=3)
    monitor: BestBy = "val_miou"
    patience: int | None = Field(None, ge=1)
    time_limit_s: Positive | None = None
    allow_pseudo_masks: bool = False
    accelerator: Accelerator = "auto"
    precision: Precision = "auto"
    devices: int = Field(1, ge=1)
    nodes: int = Field(1, ge=1)
    rendezvous: str | None = Field(None, pattern=r"^[^\s:]+:\d+$")
    workers: int | None = Field(None, ge=0)
    augmentation: AugmentationSettings = AugmentationSettings()

    @model_validator(mode="after")
    def _fits_the_processes(self) -> Self:
        if self.nodes > 1 and self.rendezvous is None:
            raise ValueError(
                f"nodes is {self.nodes}, but rendezvous does not say where they find each other; "
                "give name and port of the first machine, such as node1:29400"
            )
        if self.windows_per_step % self.n_processes:
            raise ValueError(
                f"a step of {self.windows_per_step} windows cannot be shared out evenly among "
                f"{self.n_processes} processes (devices times nodes); let targets_per_step be a "
                f"multiple of {self.n_processes * self.targets_per_window}"
            )
        return self

    @property
    def n_processes(self) -> int:
        """Processes that train together, one a device of each machine."""
        return self.devices * self.nodes

    @property
    def targets_per_window(self) -> int:
        """Targets of a sample: an independent triple is a window of one target."""
        return self.window_targets if self.windows else 1

    @property
    def windows_per_step(self) -> int:
        """Windows of a step, a half rounded up."""
        length = self.targets_per_window
        return max(1, (2 * self.targets_per_step + length) // (2 * length))

    @property
    def targets_per_epoch(self) -> int | None:
        """Targets of an epoch at most; None: all."""
        steps = self.steps_per_epoch
        return steps and steps * self.windows_per_step * self.targets_per_window

    def decisive(self) -> dict[str, Any]:
        """Settings on which the trained weights depend, as plain values."""
        return self.model_dump(mode="json", exclude=set(FREE_TO_CHANGE))
