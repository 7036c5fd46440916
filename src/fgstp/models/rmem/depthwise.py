"""Convolution of each channel by itself, on tokens."""

from torch import Tensor, nn

from fgstp.models.rmem.tokens import as_maps, as_tokens


class DepthwiseConv(nn.Module):
    """A 5 x 5 convolution of each channel without bias, then dropout of whole channels.

    Args:
        n_channels: channels.
        dropout: share of channels that are dropped in training.
    """

    def __init__(self, n_channels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_channels, n_channels, 5, padding=2, groups=n_channels, bias=False)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, h w, C) of maps of a size (h, w) -> the same shape."""
        return as_tokens(self.dropout(self.conv(as_maps(tokens, size))))
