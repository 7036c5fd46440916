"""The blocks of a base in a row: what is known of earlier frames is carried to the present one."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from fgstp.models.rmem.aot_block import AotBlock
from fgstp.models.rmem.deaot_block import DeAotBlock
from fgstp.models.rmem.entries import LayerMemory, Layers, Memory, Seen
from fgstp.models.rmem.sine_position import sine_position
from fgstp.models.rmem.temporal_position import TemporalPosition
from fgstp.models.rmem.tokens import as_maps, as_tokens
from fgstp.models.rmem.window_attention import Offsets, window_offsets


class Carried(NamedTuple):
    """A frame that was told of earlier ones.

    Attributes:
        maps: (B, `n_out`, h, w).
        seen: what each block may remember of it.
        weights: (B, h w, T h w): weights of the first block's long-term attention to T frames,
            mean over heads, if they were asked for.
    """

    maps: Tensor
    seen: tuple[Seen, ...]
    weights: Tensor | None


class LongShort(NamedTuple):
    """A frame ready to be remembered, by all blocks.

    Attributes:
        long: for the long-term bank.
        short: for the next frame.
    """

    long: Layers
    short: Layers


class Propagation(nn.Module, ABC):
    """Blocks in a row that share their temporal positions.

    Attributes:
        n_out: channels of the maps it gives.
    """

    n_out: int
    blocks: nn.ModuleList
    temporal: TemporalPosition

    def forward(
        self, features: Tensor, source: Memory | Tensor, *, with_weights: bool = False
    ) -> Carried:
        """Pass a frame through all blocks.

        Args:
            features: (B, d, h, w) of the frame.
            source: memories, or the embedding (B, d, h, w) of the mask of a reference frame.
            with_weights: give the weights of the first block's long-term attention too.
        """
        size = features.shape[-2], features.shape[-1]
        state = self._begin(as_tokens(features))
        place = self._place(size, features.device)
        states, seen, weights = [], [], None
        for layer, block in enumerate(self.blocks):
            passed = block(
                state,
                size,
                place,
                _of_layer(source, layer),
                self.temporal,
                with_weights=with_weights and layer == 0,
            )
            state = passed.state
            states.append(state)
            seen.append(passed.seen)
            weights = passed.weights if layer == 0 else weights
        maps = self._end(features, [as_maps(each, size) for each in states])
        return Carried(maps, tuple(seen), weights)

    def write(self, seen: tuple[Seen, ...], embedding: Tensor) -> LongShort:
        """What is remembered of a frame, with the embedding (B, d, h, w) of its mask."""
        tokens = as_tokens(embedding)
        blocks: Any = self.blocks
        written = [block.write(each, tokens) for block, each in zip(blocks, seen, strict=True)]
        return LongShort(
            tuple(entry.long for entry in written), tuple(entry.short for entry in written)
        )

    @abstractmethod
    def _begin(self, tokens: Tensor) -> Tensor:
        """The first block's state (B, N, S) from tokens (B, N, d)."""

    @abstractmethod
    def _place(self, size: tuple[int, int], device: torch.device) -> Tensor | Offsets:
        """What the blocks are told of where tokens lie."""

    @abstractmethod
    def _end(self, features: Tensor, states: list[Tensor]) -> Tensor:
        """Maps (B, `n_out`, h, w) from the frame's features and each block's state."""


class AotPropagation(Propagation):
    """AOT-L: the maps are the features and the layer-normed states of all blocks.

    Args:
        width: d.
        n_heads: heads of attention.
        n_layers: blocks.
        drop_path: rate of stochastic depth.
    """

    def __init__(self, width: int, n_heads: int, n_layers: int, drop_path: float) -> None:
        super().__init__()
        self.n_out = (1 + n_layers) * width
        self.width = width
        self.temporal = TemporalPosition(width)
        self.blocks = nn.ModuleList([AotBlock(width, n_heads, drop_path) for _ in range(n_layers)])
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(n_layers)])
        _begin_linears(self)

    def _begin(self, tokens: Tensor) -> Tensor:
        return tokens

    def _place(self, size: tuple[int, int], device: torch.device) -> Tensor:
        return sine_position(size, self.width, device)

    def _end(self, features: Tensor, states: list[Tensor]) -> Tensor:
        size = features.shape[-2], features.shape[-1]
        normed = [
            as_maps(norm(as_tokens(state)), size)
            for norm, state in zip(self.norms, states, strict=True)
        ]
        return torch.cat([features, *normed], dim=1)


class DeAotPropagation(Propagation):
    """DeAOT-L: the maps are the last block's state, each stream normalised as one group.

    Args:
        width: d.
        n_layers: blocks.
        drop_path: rate of stochastic depth.
        dropout: share of channels that are dropped after depthwise convolutions.
    """

    def __init__(self, width: int, n_layers: int, drop_path: float, dropout: float) -> None:
        super().__init__()
        self.n_out = 2 * width
        self.temporal = TemporalPosition(width // 2)
        self.blocks = nn.ModuleList(
            [DeAotBlock(width, drop_path, dropout, first=layer == 0) for layer in range(n_layers)]
        )
        self.norm = nn.GroupNorm(2, 2 * width)
        _begin_linears(self)

    def _begin(self, tokens: Tensor) -> Tensor:
        return torch.cat([tokens, torch.zeros_like(tokens)], dim=2)

    def _place(self, size: tuple[int, int], device: torch.device) -> Offsets:
        return window_offsets(size, device)

    def _end(self, features: Tensor, states: list[Tensor]) -> Tensor:
        return self.norm(states[-1])


def _of_layer(source: Memory | Tensor, layer: int) -> LayerMemory | Tensor:
    return source.of_layer(layer) if isinstance(source, Memory) else as_tokens(source)


def _begin_linears(module: nn.Module) -> None:
    """Xavier's beginning for linear maps."""
    for each in module.modules():
        if isinstance(each, nn.Linear):
            nn.init.xavier_uniform_(each.weight)
