"""What of a model is exported: the network's part of one step of a session."""

from collections.abc import Callable
from itertools import chain
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Shown = Literal["grey", "residuals", "statistics", "window", "flow"]
Shape = tuple[int, ...]
Tensors = tuple[Tensor, ...]


class Step(NamedTuple):
    """The network's part of one step of a session; all its shapes are fixed.

    Attributes:
        shown: what it is shown: a `grey` frame in [0, 1], three `residuals` or all `statistics` of
            a frame, a `window` of grey frames, or fields of `flow`.
        network: module of what it is shown and of the state, which returns the map and the next
            state. The map is one of logits, or of `flow` of probabilities.
        shape: shape of what it is shown.
        state: shapes of the state.
    """

    shown: Shown
    network: nn.Module
    shape: Shape
    state: tuple[Shape, ...] = ()


class NeighbourStep(nn.Module):
    """One step of a `NeighbourSession`, whose state are the features of the frames before.

    With offsets from -p to d it is shown frame n, remembers p + d frames, and decodes frame n - d.

    Args:
        network: holds the weights.
        encode: what is shown of a frame -> its features, each (1, C, h, w).
        decode: features of a target and of its neighbours -> logits (1, 1, H, W).
        offsets_frames: offsets from a target to its neighbours.
    """

    def __init__(
        self,
        network: nn.Module,
        encode: Callable[[Tensor], Tensors],
        decode: Callable[..., Tensor],
        offsets_frames: tuple[int, ...],
    ) -> None:
        super().__init__()
        self.network = network
        self._encode = encode
        self._decode = decode
        self._offsets_frames = offsets_frames

    def forward(self, shown: Tensor, *state: Tensor) -> Tensors:
        """What is shown, and the features of the frames before it, oldest first."""
        newest = self._encode(shown)
        starts = range(0, len(state), len(newest))
        frames = [*(state[start : start + len(newest)] for start in starts), newest]
        target = len(frames) - 1 - max(0, *self._offsets_frames, 0)
        group = (frames[target + offset] for offset in (0, *self._offsets_frames))
        return self._decode(*group), *chain.from_iterable(frames[1:])


def neighbour_step(
    shown: tuple[Shown, Shape],
    network: nn.Module,
    encode: Callable[[Tensor], Tensors],
    decode: Callable[..., Tensor],
    offsets_frames: tuple[int, ...],
) -> Step:
    """The `Step` of a `NeighbourStep`; the shapes of its state are those of an encoded frame.

    Args:
        shown: what it is shown of a frame, and the shape of that.
        network: see `NeighbourStep`.
        encode: see `NeighbourStep`.
        decode: see `NeighbourStep`.
        offsets_frames: see `NeighbourStep`.
    """
    offsets = (0, *offsets_frames)
    n_kept = max(offsets) - min(offsets)
    kind, shape = shown
    features = [tuple(each.shape) for each in encode(torch.zeros(shape))]
    module = NeighbourStep(network, encode, decode, offsets_frames)
    return Step(kind, module, shape, tuple(n_kept * features))
