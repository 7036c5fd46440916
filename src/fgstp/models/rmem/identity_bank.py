"""Masks as embeddings of which object lies where (identity bank of AOT)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.rmem.tokens import as_maps, as_tokens

KERNEL_PX = 17
STRIDE_PX = 16


class IdentityBank(nn.Module):
    """A 17 x 17 convolution of stride 16 over one channel an identity.

    The channels are the background, the identities, and one for pixels to ignore, which is
    always 0 here and there for the published weights. The kernels start orthogonal, of
    length 17^-2.

    Args:
        n_identities: objects at most.
        width: channels of the embedding.
        with_norm: with a layer norm after it, as in DeAOT.
    """

    def __init__(self, n_identities: int, width: int, *, with_norm: bool) -> None:
        super().__init__()
        self.n_labels = 1 + n_identities
        self.embed = nn.Conv2d(
            self.n_labels + 1, width, KERNEL_PX, stride=STRIDE_PX, padding=KERNEL_PX // 2
        )
        nn.init.orthogonal_(self.embed.weight, gain=KERNEL_PX**-2)
        self.norm = nn.LayerNorm(width) if with_norm else nn.Identity()

    def forward(self, labels: Tensor) -> Tensor:
        """Embed masks.

        Args:
            labels: (B, H, W) int64: 0 for background, or the number of the identity.

        Returns:
            (B, C, h, w), h and w a sixteenth of H and W, rounded up.
        """
        channels = functional.one_hot(labels, self.n_labels + 1)  # the last is never hit
        maps = self.embed(channels.permute(0, 3, 1, 2).to(self.embed.weight.dtype))
        size = maps.shape[-2:]
        return as_maps(self.norm(as_tokens(maps)), (size[0], size[1]))


def identity_places(n_samples: int, n_identities: int, device: torch.device) -> Tensor:
    """Random identities for the objects of each sample: the network must not know them apart.

    Returns:
        (n_samples, 1 + n_identities) int64: the identity that each label is given in its
        sample; that of background is 0.
    """
    order = torch.rand(n_samples, n_identities, device=device).argsort(dim=1)
    return functional.pad(order + 1, (1, 0))
