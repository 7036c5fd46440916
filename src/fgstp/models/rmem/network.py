"""The network of RMem (CVPR 2024) on AOT-L or DeAOT-L."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.blocks.encoder import ResNetEncoder, ResNetSettings
from fgstp.models.rmem.aot import AotPropagation, FrameMemory, Propagation, Seen
from fgstp.models.rmem.attention import as_maps, as_tokens
from fgstp.models.rmem.deaot import DeAotPropagation

Base = Literal["aotl", "deaotl"]
N_LABELS = 2  # background and gas: the other identities are not used
N_HEADS = 8  # of AOT; DeAOT has one
KERNEL_PX, STRIDE_PX = 17, 16  # of the identity bank


class Encoded(NamedTuple):
    """Features of B frames, none of which depends on another frame.

    Attributes:
        f4: (B, C, H/4, W/4) of the encoder.
        f8: (B, 2 C, H/8, W/8).
        f16: (B, 4 C, H/16, W/16).
        projected: (B, d, H/16, W/16): f16 in the width of the tokens.
    """

    f4: Tensor
    f8: Tensor
    f16: Tensor
    projected: Tensor

    def part(self, start: int, stop: int) -> "Encoded":
        """Features of some of the frames."""
        return Encoded(*(maps[start:stop] for maps in self))


class Segmented(NamedTuple):
    """Output of the network for B frames.

    Attributes:
        logits: (B, 1 + n_identities, H/4, W/4): background, then the identities.
        seen: what each block keeps until the masks are known; see `Rmem.write`.
        weights: (B, N, T N): weights of the first block's attention of N tokens to those of
            the T frames of the bank, if requested.
    """

    logits: Tensor
    seen: tuple[Seen, ...]
    weights: Tensor | None


class IdentityBank(nn.Module):
    """Embeds masks: a 17 x 17 convolution of stride 16 over one channel per identity.

    The channels are the background, the identities, and one for pixels to ignore, which is
    always 0 here and exists for the published weights. The kernels start orthogonal, of
    length 17^-2. DeAOT applies a layer norm to the embedding.
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
        """(B, H, W) int64, 0 or the number of an identity -> (B, C, H/16, W/16), rounded up."""
        channels = functional.one_hot(labels, self.n_labels + 1)  # the last is never hit
        maps = self.embed(channels.permute(0, 3, 1, 2).to(self.embed.weight.dtype))
        return as_maps(self.norm(as_tokens(maps)), maps.shape[-2:])


class FpnHead(nn.Module):
    """A feature pyramid from stride 16 over stride 8 to stride 4.

    At each level a linear map of the encoder's features is added, then 3 x 3 convolution, group
    norm and ReLU follow. Maps are resized with aligned corners: where sides are 16 k + 1 pixels,
    the pixel centres of all levels coincide. Stride 16 has `width` channels, a multiple of 16,
    and finer levels have half of them; `encoder_widths` are the channels of f4, f8 and f16.
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

    def forward(self, x: Tensor, f4: Tensor, f8: Tensor, f16: Tensor) -> Tensor:
        """(B, n_in, h, w) at stride 16, and features -> logits (B, n_labels, H/4, W/4)."""
        x = self.mix_16(self.enter(x) + self.skip_16(f16))
        x = self.mix_8(aligned(x, f8.shape[-2:]) + self.skip_8(f8))
        x = self.mix_4(aligned(x, f4.shape[-2:]) + self.skip_4(f4))
        return self.out(x)


class Rmem(nn.Module):
    """Segments objects in a frame from a memory of earlier frames.

    Frames may have any size; the sides of the maps are those of the frame over 16, 8 and 4,
    rounded up. Maps are resized with aligned corners, which is exact for sides of 16 k + 1
    pixels. The caller holds the memory: the network keeps no state.

    Args:
        encoder, base, width, n_layers, n_identities: see `RmemSettings`; d is the width.
        drop_path, dropout: see `RmemTrainingSettings`.
    """

    def __init__(
        self,
        encoder: ResNetSettings,
        base: Base,
        width: int,
        *,
        n_layers: int,
        n_identities: int,
        drop_path: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.encoder = ResNetEncoder(encoder)
        self.project = nn.Conv2d(self.encoder.widths[-1], width, 1)
        nn.init.xavier_uniform_(self.project.weight)
        self.identities = IdentityBank(n_identities, width, with_norm=base == "deaotl")
        self.propagation: Propagation = (
            AotPropagation(width, N_HEADS, n_layers, drop_path)
            if base == "aotl"
            else DeAotPropagation(width, n_layers, drop_path, dropout)
        )
        self.head = FpnHead(
            self.propagation.n_out, width, self.encoder.widths, self.identities.n_labels
        )

    def encode(self, frames: Tensor) -> Encoded:
        """Features of normalised frames (B, 3, H, W)."""
        levels = self.encoder(frames)
        return Encoded(levels.f4, levels.f8, levels.f16, self.project(levels.f16))

    def identify(self, labels: Tensor) -> Tensor:
        """Embedding (B, d, H/16, W/16) of label maps (B, H, W) int64."""
        return self.identities(labels)

    def reference(self, encoded: Encoded, embedding: Tensor) -> Segmented:
        """Segment frames by the embedding (B, d, H/16, W/16) of their own masks."""
        return self._segment(encoded, embedding)

    def propagate(
        self,
        encoded: Encoded,
        bank: Sequence[FrameMemory],
        previous: FrameMemory,
        *,
        with_weights: bool = False,
    ) -> Segmented:
        """Segment frames, each of another clip, by the memory of earlier ones.

        Args:
            encoded: features of B frames.
            bank: long-term memory: earlier frames of these clips, oldest first.
            previous: short-term memory: the previous frame.
            with_weights: return the weights of attention to the bank.
        """
        return self._segment(encoded, (bank, previous), with_weights=with_weights)

    def write(self, seen: Sequence[Seen], embedding: Tensor) -> tuple[FrameMemory, FrameMemory]:
        """See `Propagation.write`."""
        return self.propagation.write(seen, embedding)

    def _segment(
        self,
        encoded: Encoded,
        memory: tuple[Sequence[FrameMemory], FrameMemory] | Tensor,
        *,
        with_weights: bool = False,
    ) -> Segmented:
        *features, projected = encoded
        maps, seen, weights = self.propagation(projected, memory, with_weights=with_weights)
        return Segmented(self.head(maps, *features), seen, weights)


def identity_places(n_samples: int, n_identities: int, device: torch.device) -> Tensor:
    """Random identities for the objects of each sample, so that all identities are trained alike.

    Returns:
        (n_samples, 1 + n_identities) int64: the identity of each label in its sample; that of
        background is 0.
    """
    order = torch.rand(n_samples, n_identities, device=device).argsort(dim=1)
    return functional.pad(order + 1, (1, 0))


def aligned(maps: Tensor, size: Sequence[int]) -> Tensor:
    """(B, C, h, w) -> (B, C, H, W), bilinear with aligned corners."""
    return functional.interpolate(maps, size=list(size), mode="bilinear", align_corners=True)


def _conv_norm(n_in: int, n_out: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2), nn.GroupNorm(8, n_out), nn.ReLU()
    )
