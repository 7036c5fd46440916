"""The network of ZoomNeXt (arXiv 2310.20208)."""

import torch
from timm.models.pvt_v2 import PyramidVisionTransformerStage
from torch import Tensor, nn

from fgstp.models.blocks.decoder import resized
from fgstp.models.blocks.encoder import PvtName, pvt, widths
from fgstp.models.blocks.grouped_unit import GroupedUnit
from fgstp.models.zoomnext.parts import (
    AtrousPyramid,
    ConvBnRelu,
    ScaleIntegration,
    TemporalDifference,
)

Channels = tuple[float, float, float]


class ZoomNext(nn.Module):
    """Segments what hides in clips by looking at each frame at three zooms.

    One encoder sees all zooms. At each of its levels i, finest 2 and coarsest 5:

        f_i = MHSIU_i(large_i, middle_i, small_i)
        x_5 = RGPU_5(f_5), x_i = RGPU_i(f_i + resized(x_{i+1}))

    and the logits come of x_2 in two steps that double its size. The frames of a clip meet in
    the operator of the RGPU, `TemporalDifference`, alone; with one frame it is left out.

    Frames may have any size of which the small zoom has 29 pixels a side. Nothing is padded:
    odd maps are rounded up by the encoder, and maps are resized to each other's size.

    Module lists hold the levels finest first.

    Args:
        encoder: size of the encoder, a name of timm.
        n_channels: channels of all levels after the encoder, a multiple of 4.
        n_frames: frames of a clip; 1: single frames.
        mean: of the pixels in [0, 1], a value a channel.
        std: standard deviation of the pixels, a value a channel.
        drop_path: rate of stochastic depth of the encoder.
        checkpoint_encoder: compute each block of the encoder once more for its gradient
            instead of keeping what is inside it; the result is the same.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        encoder: PvtName = "pvt_v2_b5",
        n_channels: int = 64,
        n_frames: int = 5,
        *,
        mean: Channels = (0.485, 0.456, 0.406),
        std: Channels = (0.229, 0.224, 0.225),
        drop_path: float = 0.0,
        checkpoint_encoder: bool = False,
    ) -> None:
        super().__init__()
        n = n_channels
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)
        self.encoder = pvt(encoder, (2, 3, 4, 5), drop_path)
        for stage in self.encoder.children():
            if isinstance(stage, PyramidVisionTransformerStage):
                stage.grad_checkpointing = checkpoint_encoder
        *finer, coarsest = widths(self.encoder)
        self.reduce = nn.ModuleList(
            [*(ConvBnRelu(width, n, 3) for width in finer), AtrousPyramid(coarsest, n)]
        )
        self.siu = nn.ModuleList([ScaleIntegration(n) for _ in self.reduce])
        self.rgpu = nn.ModuleList(
            [
                GroupedUnit(n, operator=TemporalDifference(n_frames) if n_frames > 1 else None)
                for _ in self.reduce
            ]
        )
        self.smooth = ConvBnRelu(n, n, 3)
        self.predictor = nn.Sequential(ConvBnRelu(n, n // 2, 3), nn.Conv2d(n // 2, 1, 1))

    def forward(self, image_s: Tensor, image_m: Tensor, image_l: Tensor) -> Tensor:
        """Segment clips.

        Args:
            image_s: (B T, 3, H_s, W_s) float32 in [0, 1]: the small zoom of the frames, clip
                by clip.
            image_m: (B T, 3, H, W): the middle zoom.
            image_l: (B T, 3, H_l, W_l): the large zoom.

        Returns:
            Logits (B T, 1, H, W).
        """
        zooms = [self.levels(image) for image in (image_l, image_m, image_s)]
        fused = [unit(*level) for unit, *level in zip(self.siu, *zooms, strict=True)]
        return self.segment(self.refine(fused), image_m.shape[-2:])

    def levels(self, image: Tensor) -> list[Tensor]:
        """Maps (N, n_channels, h, w) of one zoom (N, 3, H, W) in [0, 1], finest first."""
        encoded = self.encoder((image - self.mean) / self.std)
        return [reduce(level) for reduce, level in zip(self.reduce, encoded, strict=True)]

    def refine(self, fused: list[Tensor]) -> Tensor:
        """The levels f_i, finest first, made into x_2, of the size of the finest."""
        *finer, refined = fused
        refined = self.rgpu[-1](refined)
        for unit, level in zip(reversed(self.rgpu[:-1]), reversed(finer), strict=True):
            refined = unit(level + resized(refined, level.shape[-2:]))
        return refined

    def segment(self, finest: Tensor, size: tuple[int, ...]) -> Tensor:
        """Logits (N, 1, H, W) of some size from x_2."""
        half_size = tuple((side + 1) // 2 for side in size)
        return self.predictor(resized(self.smooth(resized(finest, half_size)), size))
