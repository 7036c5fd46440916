"""Head that turns what was read from memory, and finer features, into a map."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.resnet import Levels


class FpnHead(nn.Module):
    """A feature pyramid: from stride 16 over stride 8 to stride 4.

    At each level a linear map of the encoder's features is added, then 3 x 3 convolution, group
    norm and ReLU. Maps are resized with aligned corners: where sides are 16 k + 1 pixels, the
    places of all levels fall on each other.

    Args:
        n_in: channels of the input.
        width: d, channels at stride 16, a multiple of 16; finer levels have half of them.
        encoder_widths: channels of the encoder's f4, f8 and f16.
        n_labels: channels of the output.
    """

    def __init__(self, n_in: int, width: int, encoder_widths: Sequence[int], n_labels: int) -> None:
        super().__init__()
        c4, c8, c16 = encoder_widths
        half = width // 2
        self.enter = _conv_norm(n_in, width, 1)
        self.skip_16 = nn.Conv2d(c16, width, 1)
        self.mix_16 = _conv_norm(width, width, 3)
        self.skip_8 = nn.Conv2d(c8, width, 1)
        self.mix_8 = _conv_norm(width, half, 3)
        self.skip_4 = nn.Conv2d(c4, half, 1)
        self.mix_4 = _conv_norm(half, half, 3)
        self.out = nn.Conv2d(half, n_labels, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)

    def forward(self, x: Tensor, levels: Levels) -> Tensor:
        """(B, n_in, h, w) at stride 16, and the levels -> (B, n_labels, H/4, W/4) logits."""
        x = self.mix_16(self.enter(x) + self.skip_16(levels.f16))
        x = self.mix_8(aligned(x, levels.f8.shape[-2:]) + self.skip_8(levels.f8))
        x = self.mix_4(aligned(x, levels.f4.shape[-2:]) + self.skip_4(levels.f4))
        return self.out(x)


def aligned(maps: Tensor, size: Sequence[int]) -> Tensor:
    """(B, C, h, w) -> (B, C, H, W): bilinear; the corner pixels' centres fall on each other."""
    return functional.interpolate(maps, size=list(size), mode="bilinear", align_corners=True)


def _conv_norm(n_in: int, n_out: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2), nn.GroupNorm(8, n_out), nn.ReLU()
    )
