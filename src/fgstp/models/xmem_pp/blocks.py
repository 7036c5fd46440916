"""Blocks of the value encoder, and the decoder. No block normalises; all have biases."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.blocks.encoder import Levels

SQUEEZE = 16  # channels of the channel gate per channel of its hidden layer


class ResBlock(nn.Module):
    """A residual block of two convolutions with pre-activation.

        y = conv2(relu(conv1(relu(x)))) + skip(x)

    The skip is a convolution where the channels change. All kernels are 3 x 3.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1)
        self.skip = nn.Identity() if n_in == n_out else nn.Conv2d(n_in, n_out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, H, W) -> (B, n_out, H, W)."""
        y = self.conv2(functional.relu(self.conv1(functional.relu(x))))
        return y + self.skip(x)


class Attention(nn.Module):
    """Attention over channels, then over positions (CBAM, arXiv 1807.06521).

        y = x * sigmoid(MLP(mean over positions of x) + MLP(maximum over positions of x))
        z = y * sigmoid(conv7([maximum over channels of y, mean over channels of y]))

    It takes at least 16 channels.
    """

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.channels = nn.Sequential(
            nn.Linear(n_channels, n_channels // SQUEEZE),
            nn.ReLU(),
            nn.Linear(n_channels // SQUEEZE, n_channels),
        )
        self.positions = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        gate = self.channels(x.mean((2, 3))) + self.channels(x.amax((2, 3)))
        y = x * torch.sigmoid(gate)[:, :, None, None]
        both = torch.cat([y.amax(1, keepdim=True), y.mean(1, keepdim=True)], dim=1)
        return y * torch.sigmoid(self.positions(both))


class Fuse(nn.Module):
    """Fuses two maps of the same size.

    r = ResBlock([x, g]), y = ResBlock(r + Attention(r))
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.join = ResBlock(n_in, n_out)
        self.attention = Attention(n_out)
        self.refine = ResBlock(n_out, n_out)

    def forward(self, x: Tensor, g: Tensor) -> Tensor:
        """(B, C, H, W) and (B, n_in - C, H, W) -> (B, n_out, H, W)."""
        r = self.join(torch.cat([x, g], dim=1))
        return self.refine(r + self.attention(r))


class GatedUpdate(nn.Module):
    """Gated update of a state by a map.

    With f, u and n the thirds of conv3([z, h]):

        h' = sigmoid(f) h (1 - sigmoid(u)) + sigmoid(u) tanh(n)

    Unlike a GRU it forgets twice; this is the published form. The state stays in (-1, 1).
    """

    def __init__(self, n_in: int, n_state: int) -> None:
        super().__init__()
        self.transform = nn.Conv2d(n_in + n_state, 3 * n_state, 3, padding=1)
        nn.init.xavier_normal_(self.transform.weight)

    def forward(self, z: Tensor, h: Tensor) -> Tensor:
        """(B, n_in, H, W) and (B, n_state, H, W) -> (B, n_state, H, W)."""
        forget, update, new = self.transform(torch.cat([z, h], dim=1)).chunk(3, dim=1)
        u = torch.sigmoid(update)
        return torch.sigmoid(forget) * h * (1.0 - u) + u * torch.tanh(new)


class UpBlock(nn.Module):
    """Upsamples a map by 2 and refines it with features of the frame.

    y = ResBlock(up2(g) + conv3(f))
    """

    def __init__(self, n_skip: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(n_skip, n_in, 3, padding=1)
        self.refine = ResBlock(n_in, n_out)

    def forward(self, features: Tensor, g: Tensor) -> Tensor:
        """(B, n_skip, 2h, 2w) and (B, n_in, h, w) -> (B, n_out, 2h, 2w)."""
        return self.refine(upsampled(g, 2) + self.skip(features))


class SensoryUpdate(nn.Module):
    """Updates the sensory state from the decoder's maps of all levels.

        z = conv1(g16) + conv1(mean of 2 x 2 of g8) + conv1(mean of 4 x 4 of [g4, logit])

    z has the `n_fine` channels of g8 and g4.
    """

    def __init__(self, n_coarse: int, n_fine: int, n_sensory: int) -> None:
        super().__init__()
        self.g16 = nn.Conv2d(n_coarse, n_fine, 1)
        self.g8 = nn.Conv2d(n_fine, n_fine, 1)
        self.g4 = nn.Conv2d(n_fine + 1, n_fine, 1)
        self.update = GatedUpdate(n_fine, n_sensory)

    def forward(self, maps: Levels, logits: Tensor, sensory: Tensor) -> Tensor:
        """The decoder's maps, its logits (B, 1, H/4, W/4) and the state -> the next state."""
        fine = torch.cat([maps.f4, logits], dim=1)
        z = (
            self.g16(maps.f16)
            + self.g8(functional.avg_pool2d(maps.f8, 2))
            + self.g4(functional.avg_pool2d(fine, 4))
        )
        return self.update(z, sensory)


class MaskDecoder(nn.Module):
    """Decodes what was read from memory (arXiv 2207.07115, section 3.5).

        g16 = Fuse(f16, [readout, sensory]), g8 = Up(f8, g16), g4 = Up(f4, g8)
        logit = conv3(relu(g4)), enlarged four times

    Args:
        skips: channels of f4, f8 and f16.
        n_value, n_sensory, n_coarse, n_fine: see `XmemWidthSettings`.
    """

    def __init__(
        self, skips: list[int], n_value: int, n_sensory: int, n_coarse: int, n_fine: int
    ) -> None:
        super().__init__()
        n_f4, n_f8, n_f16 = skips
        self.fuse = Fuse(n_f16 + n_value + n_sensory, n_coarse)
        self.up_8 = UpBlock(n_f8, n_coarse, n_fine)
        self.up_4 = UpBlock(n_f4, n_fine, n_fine)
        self.score = nn.Conv2d(n_fine, 1, 3, padding=1)
        self.sensory = SensoryUpdate(n_coarse, n_fine, n_sensory)

    def forward(
        self, features: Levels, readout: Tensor, sensory: Tensor, *, update: bool
    ) -> tuple[Tensor, Tensor]:
        """Decode a readout (B, n_value, h, w) with the sensory state (B, n_sensory, h, w).

        Returns:
            The state, updated with the decoded maps or not, and logits (B, 1, 16 h, 16 w).
        """
        g16 = self.fuse(features.f16, torch.cat([readout, sensory], dim=1))
        g8 = self.up_8(features.f8, g16)
        g4 = self.up_4(features.f4, g8)
        logits = self.score(functional.relu(g4))
        if update:
            sensory = self.sensory(Levels(g4, g8, g16), logits, sensory)
        return sensory, upsampled(logits, 4)


def upsampled(x: Tensor, factor: int) -> Tensor:
    """A map upsampled bilinearly by a factor."""
    return functional.interpolate(x, scale_factor=factor, mode="bilinear")
