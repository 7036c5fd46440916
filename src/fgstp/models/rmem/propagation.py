"""Blocks in a row that propagate what is remembered of earlier frames to the present one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from fgstp.models.rmem.attention import KeyValue, MemoryAttention, as_maps, as_tokens

FrameMemory = tuple[KeyValue, ...]  # a remembered frame: keys and values for every block
BlockMemory = tuple[Sequence[KeyValue], KeyValue]  # bank, oldest first, and previous frame


class Seen(NamedTuple):
    """What a block keeps of a frame until its mask is known, to write both to memory.

    Attributes:
        keys: (B, N, K).
        content: (B, N, C): source of the values.
        context: (B, N, D): what else is written with them; D may be 0.
    """

    keys: Tensor
    content: Tensor
    context: Tensor


class Propagation(nn.Module, ABC):
    """The blocks of a base, which share one `MemoryAttention` (temporal positions).

    Each block is called as `block(state, size, place, memory, temporal, with_weights=...)`: state
    (B, N, S) of a map of size (h, w), what `_place` gives, and a `BlockMemory`, or the embedding
    (B, N, d) of the frame's own mask. It returns its state (B, N, S), `Seen`, and, if requested,
    the weights (B, N, T N) of its attention to the bank, else None.
    Its `write(seen, embedding)` gives a frame as the bank stores it and as the next frame reads it.

    Attributes:
        n_out: channels of the output.
    """

    n_out: int
    blocks: nn.ModuleList
    temporal: MemoryAttention

    def forward(
        self,
        features: Tensor,
        memory: tuple[Sequence[FrameMemory], FrameMemory] | Tensor,
        *,
        with_weights: bool = False,
    ) -> tuple[Tensor, tuple[Seen, ...], Tensor | None]:
        """Pass a frame through all blocks.

        Args:
            features: (B, d, h, w) of the frame.
            memory: frames of the bank, oldest first, and the previous frame; or the embedding
                (B, d, h, w) of the mask of a reference frame.
            with_weights: return the weights of the first block's attention to the bank.

        Returns:
            Maps (B, `n_out`, h, w), what each block saw, and weights (B, h w, T h w), the mean
            over the heads, or None.
        """
        size = features.shape[-2], features.shape[-1]
        state = self._begin(as_tokens(features))
        place = self._place(size, features.device)
        states, seen, weights = [], [], None
        for number, block in enumerate(self.blocks):
            first = number == 0
            state, block_seen, found = block(
                state,
                size,
                place,
                _of_block(memory, number),
                self.temporal,
                with_weights=with_weights and first,
            )
            states.append(state)
            seen.append(block_seen)
            weights = found if first else weights
        maps = self._end(features, [as_maps(each, size) for each in states])
        return maps, tuple(seen), weights

    def write(self, seen: Sequence[Seen], embedding: Tensor) -> tuple[FrameMemory, FrameMemory]:
        """A frame as memory, with the embedding (B, d, h, w) of its mask.

        Returns:
            The frame as the bank stores it, and as the next frame reads it.
        """
        tokens = as_tokens(embedding)
        blocks: Any = self.blocks
        written = [block.write(each, tokens) for block, each in zip(blocks, seen, strict=True)]
        return tuple(bank for bank, _ in written), tuple(following for _, following in written)

    @abstractmethod
    def _begin(self, tokens: Tensor) -> Tensor:
        """State (B, N, S) of the first block from tokens (B, N, d)."""

    @abstractmethod
    def _place(self, size: tuple[int, int], device: torch.device) -> Tensor:
        """Where the tokens of a map are, in the form that the blocks take."""

    @abstractmethod
    def _end(self, features: Tensor, states: list[Tensor]) -> Tensor:
        """Maps (B, `n_out`, h, w) from the frame's features and the state of every block."""


def xavier_linears(module: nn.Module) -> None:
    """Initialise all linear layers as Xavier."""
    for each in module.modules():
        if isinstance(each, nn.Linear):
            nn.init.xavier_uniform_(each.weight)


def _of_block(
    memory: tuple[Sequence[FrameMemory], FrameMemory] | Tensor, number: int
) -> BlockMemory | Tensor:
    if isinstance(memory, Tensor):
        return as_tokens(memory)
    bank, previous = memory
    return [frame[number] for frame in bank], previous[number]
