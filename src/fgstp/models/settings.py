"""Settings that several models share."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from fgstp.core.config import Fraction, Settings
from fgstp.models.blocks.encoder import EncoderName, PvtName
from fgstp.models.blocks.losses import BceMode

Positive = Annotated[float, Field(gt=0.0, le=1e6)]
Deviation = Annotated[float, Field(gt=0.0, le=1.0)]
InputKind = Literal["frames", "residuals"]
HALVED_AT = (8 / 30, 16 / 30, 24 / 30)  # shares of the training at which `halving` halves


class NormalisationSettings(Settings):
    """How the three equal channels of a frame are normalised: (pixel - mean) / std.

    The defaults are ImageNet's, in RGB, which weights that were trained on it expect. Infrared
    frames are darker and their contrasts fainter: from scratch, values near theirs train faster.

    Attributes:
        mean: of the pixels in [0, 1], for each channel.
        std: standard deviation of the pixels in [0, 1], for each channel.
    """

    mean: tuple[Fraction, Fraction, Fraction] = (0.485, 0.456, 0.406)
    std: tuple[Deviation, Deviation, Deviation] = (0.229, 0.224, 0.225)


class GradientClip(Settings):
    """How gradients are clipped before each step.

    Attributes:
        by: `value` limits each element to [-at, at]; `norm` scales the whole gradient to a
            2-norm of at most `at`; `none` leaves it as it is.
        at: the limit; without effect for `none`.
    """

    by: Literal["value", "norm", "none"] = "value"
    at: Positive = 0.5


class OptimisationSettings(Settings):
    """How the weights of a model are optimised, where it differs from the block `train`.

    Attributes:
        optimiser: `adam`, or `adamw` with decoupled weight decay.
        learning_rate: None: `train.learning_rate`.
        encoder_lr_scale: factor of the learning rate for the encoders.
        weight_decay: of `adamw`; biases and the weights of normalisations do not decay.
        schedule: `drop`: every `train.drop_every_epochs`; `constant`; `polynomial`: down to a
            twentieth with power 0.9; `halving`: at 8/30, 16/30 and 24/30 of the training; or
            `cosine_restarts`: down to a hundredth, in 5 steps at first and then in 1.2 times as
            many each time.
        warm_up_fraction: fraction of the training in which the rate rises linearly from 0.
        targets_per_step: None: `train.targets_per_step`.
        gradient_clip: None: `train.gradient_clip`.
        ema_decay: decay of an exponential moving average of the weights, which is validated,
            saved and evaluated instead of them; it warms up to this value. None: no average.
    """

    optimiser: Literal["adam", "adamw"] = "adam"
    learning_rate: Positive | None = None
    encoder_lr_scale: float = Field(1.0, gt=0.0, le=1.0)
    weight_decay: float = Field(0.0, ge=0.0, lt=1.0)
    schedule: Literal["drop", "constant", "polynomial", "halving", "cosine_restarts"] = "drop"
    warm_up_fraction: Fraction = 0.0
    targets_per_step: int | None = Field(None, ge=1, le=10_000)
    gradient_clip: GradientClip | None = None
    ema_decay: float | None = Field(None, gt=0.0, lt=1.0)

    @model_validator(mode="after")
    def _decay_is_of_adamw(self) -> Self:
        if self.weight_decay and self.optimiser == "adam":
            raise ValueError("weight_decay is for adamw")
        return self


class NetworkSettings(Settings):
    """Settings of every model with a network.

    Attributes:
        height_px: height at which the network works; frames are resized to it.
        width_px: width at which the network works.
        normalisation: of the frames.
        batch_frames: frames of a clip that are predicted at a time.
        optimisation: how the weights are optimised.
    """

    height_px: int = Field(352, ge=1, le=8192)
    width_px: int = Field(352, ge=1, le=8192)
    normalisation: NormalisationSettings = NormalisationSettings()
    batch_frames: int = Field(8, ge=1, le=100_000)
    optimisation: OptimisationSettings = OptimisationSettings()


class BackboneSettings(Settings):
    """The backbone of an encoder.

    Attributes:
        name: which, a name of timm.
        weights: file of weights to start from; None starts from scratch, as the paper does.
        stem_contrast_gain: from scratch, let the kernels of the first layer begin without their
            mean and this many times as large, so that it responds to contrast but not to level: the
            layer's normalisation would hide faint gas behind the level of the sky. None leaves
            them as they are drawn.
    """

    name: EncoderName = "res2net50d"
    weights: Path | None = None
    stem_contrast_gain: float | None = Field(None, gt=0.0, le=1000)

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        if self.weights is not None and self.stem_contrast_gain is not None:
            raise ValueError("stem_contrast_gain is for training from scratch, without weights")
        return self


class EncoderSettings(BackboneSettings):
    """An encoder that is a transformer.

    Attributes:
        name: its size.
        drop_path: rate of stochastic depth in training.
    """

    name: PvtName = "pvt_v2_b5"
    drop_path: float = Field(0.0, ge=0.0, lt=1.0)


class LossSettings(Settings):
    """The hybrid loss.

    Attributes:
        bce: `weighted` as in the paper, or `mean` as in the released code.
    """

    bce: BceMode = "weighted"
