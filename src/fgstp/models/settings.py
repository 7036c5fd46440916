"""Settings that several systems share."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from fgstp.footage.settings import Settings, Share
from fgstp.models.encoder import PvtName

Deviation = Annotated[float, Field(gt=0.0, le=1.0)]


class NormalisationSettings(Settings):
    """How the three equal channels of a frame are normalised: (pixel - mean) / std.

    The defaults are ImageNet's, in RGB, which weights that were trained on it expect. Infrared
    frames are darker and their contrasts fainter: from scratch, values near theirs train faster.

    Attributes:
        mean: of the pixels in [0, 1], a value a channel.
        std: standard deviation of the pixels in [0, 1], a value a channel.
    """

    mean: tuple[Share, Share, Share] = (0.485, 0.456, 0.406)
    std: tuple[Deviation, Deviation, Deviation] = (0.229, 0.224, 0.225)


class NetworkSettings(Settings):
    """Settings of every system with a network.

    Attributes:
        height_px: height at which the network works; frames are resized to it.
        width_px: width at which the network works.
        normalisation: of the frames.
        batch_frames: frames of a clip that are predicted at a time.
    """

    height_px: int = Field(352, ge=1)
    width_px: int = Field(352, ge=1)
    normalisation: NormalisationSettings = NormalisationSettings()
    batch_frames: int = Field(8, ge=1)


class EncoderSettings(Settings):
    """The encoder of a system.

    Attributes:
        name: its size.
        weights: file of weights to start from; None starts from scratch, as the paper does.
        stem_contrast_gain: from scratch, let the kernels of the first layer begin without their
            mean and this many times as large, so that it sees contrast and no level: the
            layer's normalisation would hide faint gas behind the level of the sky. None leaves
            them as they are drawn.
        drop_path: rate of stochastic depth in training.
    """

    name: PvtName = "pvt_v2_b5"
    weights: Path | None = None
    stem_contrast_gain: float | None = Field(None, gt=0.0)
    drop_path: float = Field(0.0, ge=0.0, lt=1.0)

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        if self.weights is not None and self.stem_contrast_gain is not None:
            raise ValueError("stem_contrast_gain is for training from scratch, without weights")
        return self
