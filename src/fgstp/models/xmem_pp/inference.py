"""The way along a clip, from a frame whose mask is given."""

from collections.abc import Iterable, Iterator

from torch import Tensor

from fgstp.models.xmem_pp.memory import Elements, Memory
from fgstp.models.xmem_pp.network import Keys, Xmem


class Tracker:
    """Follows the gas of one clip. Another clip takes another tracker.

    The given frame goes to the permanent memory. A later frame is segmented with what is read
    for it; the decoder then updates the sensory state. Every few frames, a frame is
    remembered: its value, from the predicted probabilities, goes to the working memory and
    updates the sensory state instead. The last frame of the clip changes nothing.

    Args:
        network: the network, in evaluation mode.
        memory: an empty memory.
        memory_every_frames: distance of the frames that are remembered.

    Attributes:
        memory: what is remembered.
        sensory: (1, C, h, w): the sensory state.
    """

    sensory: Tensor

    def __init__(self, network: Xmem, memory: Memory, memory_every_frames: int) -> None:
        self._network = network
        self._every_frames = memory_every_frames
        self._since_memory = 0
        self.memory = memory

    def follow(
        self, batches: Iterable[Tensor], first_mask: Tensor, n_frames: int
    ) -> Iterator[Tensor]:
        """Go along a clip.

        Args:
            batches: (N, 3, H, W) normalised: the next frames; the mask is of the very first.
            first_mask: (1, 1, H, W) float, 0 or 1.
            n_frames: frames in all batches together.

        Yields:
            (H, W) in [0, 1] for each frame: the given mask, then probabilities.
        """
        number = 0
        for batch in batches:
            keys = self._network.encode_key(batch)
            for frame, *each in zip(*(x.unsqueeze(1) for x in (batch, *keys)), strict=True):
                if number == 0:
                    prob = self._start(frame, Keys(*each), first_mask)
                else:
                    prob = self._advance(frame, Keys(*each), is_last=number == n_frames - 1)
                number += 1
                yield prob[0, 0]

    def _start(self, frame: Tensor, keys: Keys, mask: Tensor) -> Tensor:
        self.sensory = self._network.no_sensory(keys.f16)
        self.memory.keep_for_good(self._encoded(frame, keys, mask))
        return mask

    def _advance(self, frame: Tensor, keys: Keys, *, is_last: bool) -> Tensor:
        self._since_memory += 1
        remember = self._since_memory >= self._every_frames and not is_last
        read = self.memory.read(keys.key[0].flatten(1), keys.selection[0].flatten(1))
        readout = read.reshape(1, len(read), *keys.key.shape[2:])
        self.sensory, _, prob = self._network.segment(
            keys, readout, self.sensory, frame.shape[2:], update=not (remember or is_last)
        )
        if remember:
            self.memory.keep(self._encoded(frame, keys, prob))
            self._since_memory = 0
        return prob

    def _encoded(self, frame: Tensor, keys: Keys, mask: Tensor) -> Elements:
        """A frame as memory keeps it; the sensory state takes it in."""
        value, self.sensory = self._network.encode_value(
            frame, keys.f16, mask, self.sensory, deep_update=True
        )
        parts = (keys.key, keys.shrinkage, keys.selection, value)
        return Elements.new(*(part[0].flatten(1) for part in parts))
