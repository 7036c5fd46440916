"""Settings that several systems share."""

from pathlib import Path

from pydantic import Field

from fgstp.footage.settings import Settings
from fgstp.models.encoder import PvtName


class SystemSettings(Settings):
    """Settings of every system.

    Attributes:
        height_px: height at which the network works; frames are resized to it.
        width_px: width at which the network works.
        batch_frames: frames of a clip that are predicted at a time.
    """

    height_px: int = Field(352, ge=1)
    width_px: int = Field(352, ge=1)
    batch_frames: int = Field(8, ge=1)


class EncoderSettings(Settings):
    """The encoder of a system.

    Attributes:
        name: its size.
        weights: file of weights to start from; None starts from scratch, as the paper does.
        drop_path: rate of stochastic depth in training.
    """

    name: PvtName = "pvt_v2_b5"
    weights: Path | None = None
    drop_path: float = Field(0.0, ge=0.0, lt=1.0)
