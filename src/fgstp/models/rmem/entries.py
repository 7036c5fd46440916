"""What the layers keep of frames."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor


class Entry(NamedTuple):
    """A frame as attention of one layer reads it.

    Attributes:
        keys: (B, N, K) of its N tokens.
        values: (B, N, V).
    """

    keys: Tensor
    values: Tensor


Layers = tuple[Entry, ...]  # a frame, an entry for each layer


class Memory(NamedTuple):
    """Frames that are remembered.

    Attributes:
        long: frames of the long-term bank, oldest first.
        short: the frame before.
    """

    long: tuple[Layers, ...]
    short: Layers

    def of_layer(self, layer: int) -> "LayerMemory":
        """What one layer remembers."""
        return LayerMemory(tuple(frame[layer] for frame in self.long), self.short[layer])


class LayerMemory(NamedTuple):
    """Frames that one layer remembers.

    Attributes:
        long: frames of the long-term bank, oldest first.
        short: the frame before.
    """

    long: tuple[Entry, ...]
    short: Entry


class Seen(NamedTuple):
    """What a layer knows of a frame before its mask is known, to be remembered with it.

    Attributes:
        keys: (B, N, K).
        content: (B, N, C): what its values are made of.
        context: (B, N, D): what else goes into what is remembered; D may be 0.
    """

    keys: Tensor
    content: Tensor
    context: Tensor


class Written(NamedTuple):
    """A frame with its mask, ready to be remembered by one layer.

    Attributes:
        long: for the long-term bank.
        short: for the next frame.
    """

    long: Entry
    short: Entry


class Passed(NamedTuple):
    """What a layer makes of a frame.

    Attributes:
        state: (B, N, S): input of the next layer.
        seen: what it may remember.
        weights: (B, N, T N) weights of its long-term attention if they were asked for.
    """

    state: Tensor
    seen: Seen
    weights: Tensor | None


def recalled(source: LayerMemory | Tensor, own: Callable[[Tensor], Entry]) -> LayerMemory:
    """What a frame reads: memories, or only itself if its mask is known already.

    Args:
        source: memories of other frames, or the embedding (B, N, d) of the frame's own mask.
        own: makes an entry of the frame with this embedding.
    """
    if isinstance(source, LayerMemory):
        return source
    entry = own(source)
    return LayerMemory((entry,), entry)
