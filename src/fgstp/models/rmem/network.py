"""The network of RMem (CVPR 2024) on AOT-L or DeAOT-L."""

from typing import Literal, NamedTuple

from torch import Tensor, nn

from fgstp.models.resnet import Levels, ResNetEncoder, ResNetSettings
from fgstp.models.rmem.entries import Memory, Seen
from fgstp.models.rmem.fpn import FpnHead
from fgstp.models.rmem.identity_bank import IdentityBank
from fgstp.models.rmem.propagation import (
    AotPropagation,
    DeAotPropagation,
    LongShort,
    Propagation,
)

Base = Literal["aotl", "deaotl"]


class Encoded(NamedTuple):
    """Features of frames; nothing in them depends on other frames.

    Attributes:
        levels: the encoder's.
        projected: (B, d, H/16, W/16).
    """

    levels: Levels
    projected: Tensor

    def part(self, start: int, stop: int) -> "Encoded":
        """Features of some of the frames."""
        return Encoded(
            Levels(*(level[start:stop] for level in self.levels)), self.projected[start:stop]
        )


class Segmented(NamedTuple):
    """What the network says of frames.

    Attributes:
        logits: (B, 1 + n_identities, H/4, W/4): background, then the identities.
        seen: what each block may remember of them, given a mask.
        weights: (B, N, T N): weights of the first block's long-term attention of N tokens to
            those of T frames, if they were asked for.
    """

    logits: Tensor
    seen: tuple[Seen, ...]
    weights: Tensor | None


class Rmem(nn.Module):
    """Finds objects in a frame by what it remembers of earlier ones.

    Frames may have any size; the sides of its maps are those of the frame over 16, 8 and 4,
    rounded up. They are resized with aligned corners, which is exact for sides of 16 k + 1
    pixels. Memories are the caller's: the network keeps nothing.

    Args:
        encoder: settings of the encoder.
        base: `aotl` or `deaotl`.
        width: d, channels of tokens, a multiple of 16.
        n_heads: heads of AOT's attention; DeAOT has one.
        n_layers: blocks.
        n_identities: objects that can be told apart.
        drop_path: rate of stochastic depth in the blocks.
        dropout: share of channels that DeAOT drops after depthwise convolutions.

    Attributes:
        base: as given.
    """

    base: Base

    def __init__(
        self,
        encoder: ResNetSettings,
        base: Base = "aotl",
        width: int = 256,
        *,
        n_heads: int = 8,
        n_layers: int = 3,
        n_identities: int = 10,
        drop_path: float = 0.1,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.base = base
        self.encoder = ResNetEncoder(encoder)
        self.project = nn.Conv2d(self.encoder.widths[-1], width, 1)
        nn.init.xavier_uniform_(self.project.weight)
        self.identities = IdentityBank(n_identities, width, with_norm=base == "deaotl")
        self.propagation: Propagation = (
            AotPropagation(width, n_heads, n_layers, drop_path)
            if base == "aotl"
            else DeAotPropagation(width, n_layers, drop_path, dropout)
        )
        self.head = FpnHead(
            self.propagation.n_out, width, self.encoder.widths, self.identities.n_labels
        )

    def encode(self, frames: Tensor) -> Encoded:
        """Features of frames (B, 3, H, W), normalised."""
        levels = self.encoder(frames)
        return Encoded(levels, self.project(levels.f16))

    def identify(self, labels: Tensor) -> Tensor:
        """Embedding (B, d, H/16, W/16) of masks (B, H, W) int64 of labels."""
        return self.identities(labels)

    def reference(self, encoded: Encoded, embedding: Tensor) -> Segmented:
        """Segment frames by their own masks, whose embedding (B, d, H/16, W/16) is given."""
        return self._segmented(encoded, embedding, with_weights=False)

    def propagate(
        self, encoded: Encoded, memory: Memory, *, with_weights: bool = False
    ) -> Segmented:
        """Segment frames by what is remembered of earlier ones.

        Args:
            encoded: features of B frames, each of another clip.
            memory: of earlier frames of these clips.
            with_weights: give weights of attention too.
        """
        return self._segmented(encoded, memory, with_weights=with_weights)

    def write(self, seen: tuple[Seen, ...], embedding: Tensor) -> LongShort:
        """What is remembered of frames, with the embedding (B, d, H/16, W/16) of their masks."""
        return self.propagation.write(seen, embedding)

    def _segmented(
        self, encoded: Encoded, source: Memory | Tensor, *, with_weights: bool
    ) -> Segmented:
        carried = self.propagation(encoded.projected, source, with_weights=with_weights)
        return Segmented(self.head(carried.maps, encoded.levels), carried.seen, carried.weights)
