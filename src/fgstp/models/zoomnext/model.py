"""ZoomNeXt as a model."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.base import Model
from fgstp.models.blocks.encoder_weights import begin_encoder
from fgstp.models.blocks.frames import at_size, grey_levels, probabilities
from fgstp.models.blocks.losses import without_void
from fgstp.models.blocks.steps import Step
from fgstp.models.blocks.windows import WindowSession
from fgstp.models.published import Published, grouped_unit_rules, part_rules, pvt_rules
from fgstp.models.registry import register
from fgstp.models.sampling import Batch, Windows
from fgstp.models.settings import (
    EncoderSettings,
    GradientClip,
    NetworkSettings,
    OptimisationSettings,
)
from fgstp.models.zoomnext.network import ZoomNext


def zoomnext_loss(logits: Tensor, masks: Tensor, progress: float) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy and uncertainty-aware loss (UAL).

    With s = sigmoid(logits), means over all pixels of the batch:

        bce = mean(cross-entropy(s, masks))
        ual = (1 - cos(pi progress)) / 2 mean(1 - (2 s - 1)^2)

    Args:
        logits: (B, 1, H, W), computed with as float32.
        masks: (B, 1, H, W) in [0, 1], may be soft; -1 for void, which has no loss.
        progress: fraction of the training that is done, in [0, 1].

    Returns:
        Both terms, each a scalar; the loss is their sum.
    """
    with torch.autocast(logits.device.type, enabled=False):
        logits, masks = without_void(logits.float(), masks.float())
        bce = functional.binary_cross_entropy_with_logits(logits, masks)
        uncertainty = 1.0 - (2.0 * torch.sigmoid(logits) - 1.0) ** 2
        return bce, (1.0 - math.cos(math.pi * progress)) / 2.0 * uncertainty.mean()


LARGE, SMALL = 1.5, 0.5  # zooms


class ZoomNextSettings(NetworkSettings):
    """Settings of ZoomNeXt.

    Attributes:
        height_px: height of the middle zoom; the small one is half of it.
        width_px: width of the middle zoom.
        n_frames: frames of a clip that are processed together, in training and inference; 1: each
            frame by itself, the image version.
        encoder: the encoder.
        width: channels of all levels after the encoder.
        checkpoint_encoder: save memory in training: compute the encoder's blocks a second time
            instead of keeping their activations. At the paper's size a clip then keeps about
            2.6 GiB instead of 15.
        optimisation: by default at a constant rate, with two clips a step.
    """

    height_px: int = Field(352, ge=64, le=8192)
    width_px: int = Field(352, ge=64, le=8192)
    n_frames: int = Field(5, ge=1, le=100_000)
    encoder: EncoderSettings = EncoderSettings()
    width: int = Field(64, ge=8, le=8192, multiple_of=4)
    checkpoint_encoder: bool = False
    optimisation: OptimisationSettings = OptimisationSettings(
        schedule="constant", targets_per_step=10, gradient_clip=GradientClip(by="none")
    )


class ZoomNextSession(WindowSession):
    """Windows of `n_frames` frames."""

    model: "ZoomNextModel"

    def _begin(self) -> None:
        super()._begin()
        self.n_frames = self.model.settings.n_frames

    def windows(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Maps of windows."""
        shown = torch.from_numpy(frames.reshape(-1, *self.size)).to(self.model.device)
        logits = self.model.logits(at_size(grey_levels(shown), *self.model.sample_size))
        return probabilities(logits, *self.size).float().cpu().numpy().reshape(frames.shape)


class LogitsOf(nn.Module):
    """`ZoomNextModel.logits` as a module."""

    def __init__(self, model: "ZoomNextModel") -> None:
        super().__init__()
        self.model = model

    def forward(self, large: Tensor) -> Tensor:
        """Logits of frames of the large zoom."""
        return self.model.logits(large)


CONTEXT_PARTS = {
    **{f"conv3x3_{n + 1}": f"near.{n}" for n in range(3)},
    "conv1x1_1": "split",
    "conv1x1_2": "whole",
    r"fuse\.([01])": r"merge.\1",
}
SCALE_PARTS = {
    "conv_l_pre": "before_pooling",
    "conv_s_pre": "before_resizing",
    "conv_l": "large",
    "conv_m": "middle",
    "conv_s": "small",
    "conv_lms": "compare",
    "initial_merge": "content",
    "trans": "weigh",
}
PERCEPTION_PARTS = {
    r"fuse\.0\.temperal_proj_kv": "operator.to_key_value",
    r"fuse\.0\.temperal_proj\.([02])": r"operator.mix.\1",
    r"fuse\.1": "fuse",
}


def published(settings: Mapping[str, Any]) -> Published:
    """Published checkpoints for clips of `n_frames`; with `n_frames: 1` those for images.

    The latter hold temporal weights too, on which no output depends.
    """
    n_frames = settings.get("n_frames", 5)
    rules = [
        *pvt_rules(r"encoder\.", "encoder."),
        *part_rules(r"tra_5\.", "reduce.3.", CONTEXT_PARTS),
        (r"tra_1\.1\.", "smooth."),
        (r"predictor\.1\.", "predictor.0."),
        (r"predictor\.2\.", "predictor.1."),
    ]
    for number, level in enumerate((2, 3, 4, 5)):
        rules += [(rf"tra_{level}\.", f"reduce.{number}.")]
        rules += part_rules(rf"siu_{level}\.", f"siu.{number}.", SCALE_PARTS)
        unit = rf"hmu_{level}\.", f"rgpu.{number}."
        rules += [*grouped_unit_rules(*unit), *part_rules(*unit, PERCEPTION_PARTS)]
    temporal = (r"hmu_[2-5]\.fuse\.0\..+",) if n_frames == 1 else ()
    return Published(rules, (r"normalizer\.(mean|std)", *temporal), {"n_frames": n_frames})


@register(
    "zoomnext", "ZoomNeXt", paper="TPAMI 2024, arXiv 2310.20208", order=60, published=published
)
class ZoomNextModel(Model[ZoomNextSettings]):
    """ZoomNeXt (arXiv 2310.20208).

    A sample holds frames of the large zoom; the middle and the small zoom are resized from it,
    bilinearly with anti-aliasing. (The published code resizes each zoom from the original.)
    """

    settings_class = ZoomNextSettings
    session_class = ZoomNextSession
    network: ZoomNext

    @property
    def sampling(self) -> Windows:
        """Windows of `n_frames` frames, all of them targets."""
        return Windows(n_targets=self.settings.n_frames)

    @property
    def delay_frames(self) -> int:
        """The rest of a window."""
        return self.settings.n_frames - 1

    @property
    def sample_size(self) -> tuple[int, int]:
        """Size of the large zoom."""
        return self._zoomed(LARGE)

    @property
    def label(self) -> str:
        """`video`, or `image` for single frames."""
        return "image" if self.settings.n_frames == 1 else "video"

    def _build(self) -> None:
        settings = self.settings
        self.network = ZoomNext(
            settings.encoder.name,
            settings.width,
            settings.n_frames,
            mean=settings.normalisation.mean,
            std=settings.normalisation.std,
            drop_path=settings.encoder.drop_path,
            checkpoint_encoder=settings.checkpoint_encoder,
        )

    def _load_initial_weights(self) -> None:
        begin_encoder(self.network.encoder, self.settings.encoder)

    def training_step(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """One step forward on a batch of windows; see `Model.training_step`."""
        frames = batch.frames.flatten(0, 1)
        masks = batch.masks.flatten(0, 1)
        gas, void = (
            at_size(each, *self._zoomed(1.0)) for each in (masks.clamp(min=0), (masks < 0).float())
        )
        masks = gas.masked_fill(void > 0, -1.0)
        bce, ual = zoomnext_loss(self.logits(frames), masks, progress)
        return bce + ual, {"bce": bce.detach(), "ual": ual.detach()}

    def step(self) -> Step:
        """A window: grey frames (T, 1, H_l, W_l) of the large zoom -> logits (T, 1, H, W)."""
        return Step("window", LogitsOf(self), (self.settings.n_frames, 1, *self.sample_size))

    def logits(self, large: Tensor) -> Tensor:
        """Logits (N, 1, H, W) of grey frames (N, 1, H_l, W_l) in [0, 1] of the large zoom."""
        small, middle = (at_size(large, *self._zoomed(zoom)) for zoom in (SMALL, 1.0))
        return self.network(*(zoom.expand(-1, 3, -1, -1) for zoom in (small, middle, large)))

    def _zoomed(self, zoom: float) -> tuple[int, int]:
        return int(zoom * self.settings.height_px), int(zoom * self.settings.width_px)
