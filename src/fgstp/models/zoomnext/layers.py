"""The layer that ZoomNeXt's blocks are made of."""

from torch import Tensor
from torch.nn import functional

from fgstp.models.layers import ConvBn


class ConvBnRelu(ConvBn):
    """Convolution without bias, batch normalisation, ReLU; arguments are those of `ConvBn`."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, H, W) -> (B, n_out, H, W), not negative."""
        return functional.relu(super().forward(x))
