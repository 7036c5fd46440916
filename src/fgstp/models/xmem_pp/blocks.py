"""What the value encoder and the decoder are made of. No block normalises; all have biases."""

import torch
from torch import Tensor, nn
from torch.nn import functional

SQUEEZE = 16  # of the channel gate: its hidden layer has so many times fewer channels


class ResBlock(nn.Module):
    """Two convolutions beside a skip, the activation in front of each.

        y = conv2(relu(conv1(relu(x)))) + skip(x)

    The skip is a convolution where the channels change. All kernels are 3 x 3.

    Args:
        n_in: channels of the input.
        n_out: channels of the output.
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
    """Gates of channels, then of positions (CBAM, arXiv 1807.06521).

        y = x * sigmoid(MLP(mean over positions of x) + MLP(maximum over positions of x))
        z = y * sigmoid(conv7([maximum over channels of y, mean over channels of y]))

    Args:
        n_channels: channels, at least 16.
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
    """Joins two maps of the same size.

        r = ResBlock([x, g]), y = ResBlock(r + Attention(r))

    Args:
        n_in: channels of both inputs together.
        n_out: channels of the output.
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
    """A state that takes in a map.

    With f, u and n the thirds of conv3([z, h]):

        h' = sigmoid(f) h (1 - sigmoid(u)) + sigmoid(u) tanh(n)

    This is no GRU: what is forgotten is forgotten twice. XMem's authors kept it as it was. The
    state stays in (-1, 1).

    Args:
        n_in: channels of the map.
        n_state: channels of the state.
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
