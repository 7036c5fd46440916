"""The network that turns WISP's statistics into a map of gas."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.blocks.layers import ConvBn

MOMENTUM = 0.03  # of batch normalisation: targets of a sequence are alike, batches differ


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions and a skip: `relu(skip(x) + conv(relu(conv(x))))`.

    Args:
        n_in: channels of the input.
        n_out: channels of the output.
        stride: of the first convolution and of the skip, 1 or 2.
    """

    def __init__(self, n_in: int, n_out: int, stride: int = 1) -> None:
        super().__init__()
        self.first = ConvBn(n_in, n_out, 3, stride=stride)
        self.second = ConvBn(n_out, n_out, 3)
        is_same = stride == 1 and n_in == n_out
        self.skip = nn.Identity() if is_same else ConvBn(n_in, n_out, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, H, W) -> (B, n_out, H / stride, W / stride), rounded up; not negative."""
        return functional.relu(self.skip(x) + self.second(functional.relu(self.first(x))))


class OneChannelConv(nn.Conv2d):
    """A 3 x 3 convolution to one channel, computed as a transposed one by the turned kernel.

    It is the same sum. Runtimes compute the channels of a convolution in blocks, all but one of
    which would be empty, and ONNX Runtime takes an eighth less time for the whole network.

    Args:
        n_in: channels of the input.
    """

    def __init__(self, n_in: int) -> None:
        super().__init__(n_in, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, H, W) -> (B, 1, H, W)."""
        turned = self.weight.flip(2, 3).transpose(0, 1)
        return functional.conv_transpose2d(x, turned, self.bias, padding=1)


class WispNetwork(nn.Module):
    """A small U-Net.

    Stem of `width` channels; residual blocks of 2, 3 and 4 times as many at 1/2, 1/4 and 1/8, two
    each at the coarser ones; on the way back each level is projected to 2 `width` channels and
    added to the enlarged coarser one. 0.27 M parameters at a width of 16.

    Args:
        n_in: channels of the statistics.
        width: channels of the stem.
    """

    def __init__(self, n_in: int, width: int = 16) -> None:
        super().__init__()
        half, quarter, eighth, back = 2 * width, 3 * width, 4 * width, 2 * width
        self.stem = ConvBn(n_in, width, 3)
        self.down = nn.ModuleList(
            [
                ResidualBlock(width, half, stride=2),
                nn.Sequential(ResidualBlock(half, quarter, 2), ResidualBlock(quarter, quarter)),
                nn.Sequential(ResidualBlock(quarter, eighth, 2), ResidualBlock(eighth, eighth)),
            ]
        )
        self.project = nn.ModuleList([ConvBn(n, back, 1) for n in (width, half, quarter, eighth)])
        self.merge = nn.ModuleList([ConvBn(back, back, 3) for _ in range(3)])
        self.head = OneChannelConv(back)
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = MOMENTUM

    def forward(self, channels: Tensor) -> Tensor:
        """Statistics (B, n_in, h, w) -> logits of gas (B, 1, h, w), of any size."""
        levels = [functional.relu(self.stem(channels))]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = functional.relu(self.project[-1](levels[-1]))
        for number in reversed(range(3)):
            finer = levels[number]
            x = functional.interpolate(x, size=finer.shape[-2:], mode="bilinear")
            x = functional.relu(x + self.project[number](finer))
            x = functional.relu(self.merge[number](x))
        logits: Tensor = self.head(x)
        return logits


def wisp_loss(
    logits: Tensor, masks: Tensor, *, gas_weight: float, frame_weight: float, top_fraction: float
) -> dict[str, Tensor]:
    """The terms of WISP's loss, each a scalar, already weighted.

    With p the probability and G the mask, over the pixels that are not void:

        bce = mean of -(g G log p + (1 - G) log(1 - p))
        dice = 1 - (2 sum p G + 1) / (sum p + sum G + 1), mean over the frames with gas
        frame = cross-entropy between the mean logit of the highest pixels and whether there is gas

    A frame whose mask holds void but no gas has no frame term.

    Args:
        logits: (B, 1, h, w), computed with as float32.
        masks: (B, 1, h, w) in [0, 1], may be soft; -1 for void.
        gas_weight: weight g of gas in the cross-entropy.
        frame_weight: weight of the frame term.
        top_fraction: fraction of the pixels that decide the frame's logit, at least one pixel.
    """
    with torch.autocast(logits.device.type, enabled=False):
        logits, known = logits.float(), (masks >= 0).float()
        gas = masks.float().clamp(min=0.0)
        entropy = functional.binary_cross_entropy_with_logits(
            logits, gas, pos_weight=logits.new_tensor(gas_weight), reduction="none"
        )
        found = torch.sigmoid(logits) * known
        has_gas = gas.amax(dim=(1, 2, 3)) >= 0.5
        both, either = (found * gas).sum((1, 2, 3)), (found + gas * known).sum((1, 2, 3))
        dice = 1 - (2 * both + 1) / (either + 1)
        n_top = max(1, round(top_fraction * logits[0].numel()))
        hidden = logits.masked_fill(masks < 0, -30.0)
        top = hidden.flatten(1).topk(n_top, dim=1, sorted=False).values.mean(dim=1)
        is_told = (has_gas | (masks >= 0).all(dim=3).all(dim=2).all(dim=1)).float()
        frame = functional.binary_cross_entropy_with_logits(
            top, has_gas.float(), weight=is_told, reduction="sum"
        )
        return {
            "bce": (entropy * known).sum() / known.sum().clamp(min=1.0),
            "dice": (dice * has_gas).sum() / has_gas.sum().clamp(min=1),
            "frame": frame_weight * frame / is_told.sum().clamp(min=1.0),
        }
