"""Settings of XMem++."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from fgstp.core.config import Fraction, Settings
from fgstp.models.resnet import ResNetSettings
from fgstp.models.settings import GradientClip, NetworkSettings, OptimisationSettings
from fgstp.models.xmem_pp.blocks import SQUEEZE

LargestStep = tuple[Annotated[float, Field(ge=0.0, lt=1.0)], Annotated[int, Field(ge=1)]]


class WidthSettings(Settings):
    """Channels of the network's parts.

    Attributes:
        key: of keys.
        value: of values.
        sensory: of the sensory state.
        coarse: of the decoder at 1/16.
        fine: of the decoder at 1/8 and 1/4.
    """

    key: int = Field(64, ge=1)
    value: int = Field(512, ge=SQUEEZE)
    sensory: int = Field(64, ge=1)
    coarse: int = Field(512, ge=SQUEEZE)
    fine: int = Field(256, ge=1)


class MemorySettings(Settings):
    """What is remembered of a clip.

    Attributes:
        memory_every_frames: distance of the frames that are remembered.
        t_max_frames: T_max, remembered frames at which the older ones are merged; the given
            frame does not count.
        t_min_frames: T_min, remembered frames, the newest, that stay as they are.
        n_prototypes: elements that frames are merged into.
        long_term_limit_elements: such elements that are kept at most.
        top_k: elements of memory that count for a position of a frame.
    """

    memory_every_frames: int = Field(5, ge=1)
    t_max_frames: int = Field(10, ge=1)
    t_min_frames: int = Field(5, ge=0)
    n_prototypes: int = Field(128, ge=1)
    long_term_limit_elements: int = Field(10_000, ge=1)
    top_k: int = Field(30, ge=1)

    @model_validator(mode="after")
    def _something_is_merged_and_fits(self) -> Self:
        if self.t_min_frames >= self.t_max_frames:
            raise ValueError("t_min_frames must be smaller than t_max_frames")
        if self.n_prototypes > self.long_term_limit_elements:
            raise ValueError("n_prototypes must be at most long_term_limit_elements")
        return self


class TrainingSettings(Settings):
    """What a sample of the training is, and what is minimised.

    Attributes:
        n_frames: frames of a sample; the mask of the first is given.
        n_reference: earlier frames that a frame is segmented from at most.
        deep_update_fraction: share of frames after which the value updates the sensory state.
        bootstrap_start: share of the training until which all pixels count for the
            cross-entropy.
        bootstrap_end: share of the training from which the fewest do.
        bootstrap_fraction: the fewest, as a share of a frame: the hardest.
        max_frame_gap: pairs (share of the training, frames): how far apart neighbouring
            frames of a sample are at most, from then on.
    """

    n_frames: int = Field(8, ge=2)
    n_reference: int = Field(3, ge=1)
    deep_update_fraction: Fraction = 0.2
    bootstrap_start: Fraction = 0.18
    bootstrap_end: Fraction = 0.64
    bootstrap_fraction: float = Field(0.15, gt=0.0, le=1.0)
    max_frame_gap: Annotated[tuple[LargestStep, ...], Field(min_length=1)] = (
        (0.0, 5),
        (0.1, 10),
        (0.3, 15),
        (0.9, 5),
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.bootstrap_start >= self.bootstrap_end:
            raise ValueError("bootstrap_start must come before bootstrap_end")
        starts = [start for start, _ in self.max_frame_gap]
        if starts[0] != 0.0 or starts != sorted(set(starts)):
            raise ValueError("max_frame_gap must start at 0 and rise from pair to pair")
        return self


class XmemSettings(NetworkSettings):
    """Settings of XMem++.

    Attributes:
        key_encoder: the encoder of frames.
        value_encoder: the encoder of frames with masks.
        widths: channels of the network's parts.
        memory: what is remembered of a clip.
        training: what is trained on.
        output: `label`: maps are 0 or 1, as the published models write them, or `soft`:
            probabilities.
    """

    key_encoder: ResNetSettings = ResNetSettings(name="resnet50")
    value_encoder: ResNetSettings = ResNetSettings(name="resnet18")
    widths: WidthSettings = WidthSettings()
    memory: MemorySettings = MemorySettings()
    training: TrainingSettings = TrainingSettings()
    output: Literal["label", "soft"] = "label"
    optimisation: OptimisationSettings = OptimisationSettings(
        optimiser="adamw",
        weight_decay=0.05,
        targets_per_step=32,
        gradient_clip=GradientClip(by="norm", at=3.0),
    )

    @model_validator(mode="after")
    def _masks_are_seen(self) -> Self:
        if self.value_encoder.weights is not None and self.value_encoder.frozen_stages:
            raise ValueError(
                "value_encoder: with weights, the stem's kernels for masks start at zero and "
                "must be trained; set frozen_stages to 0"
            )
        return self
