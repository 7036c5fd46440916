"""A session of XMem++: the mask of one frame is propagated from frame to frame."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional

from fgstp.models.blocks.first_mask import FirstMaskSession
from fgstp.models.xmem_pp.memory import Elements, XmemMemory
from fgstp.models.xmem_pp.network import Keys

if TYPE_CHECKING:
    from fgstp.models.xmem_pp.model import XmemModel

EncodedFrame = tuple[Tensor, Keys]  # (1, 3, h, w) and its keys


class XmemSession(FirstMaskSession[EncodedFrame]):
    """Memory and sensory state of one video; see `FirstMaskSession`.

    The prompted frame goes to the permanent memory. A later frame is segmented from what it
    reads; the decoder then updates the sensory state. Every few frames, a frame is written to
    memory: its value, from the predicted probabilities, goes to the working memory and
    updates the sensory state instead.

    Attributes:
        memory: frames that are read from.
        sensory: (1, C, h, w): the sensory state.
    """

    model: "XmemModel"
    sensory: Tensor

    def _begin(self) -> None:
        super()._begin()
        model = self.model
        self._network = model.network
        self._is_label = model.settings.output == "label"
        self._every_frames = model.settings.memory.memory_every_frames
        self._since_memory = 0
        self.memory = XmemMemory(model.settings.memory)

    def encode(self, frames: Tensor) -> Iterator[EncodedFrame]:
        """See `FirstMaskSession`."""
        keys = self._network.encode_key(frames)
        for frame, *each in zip(*(x.unsqueeze(1) for x in (frames, *keys)), strict=True):
            yield frame, Keys(*each)

    def start(self, encoded: EncodedFrame, mask: Tensor) -> None:
        """See `FirstMaskSession`."""
        self.sensory = self._network.no_sensory(encoded[1].f16)
        self.memory.keep_for_good(self._elements(*encoded, mask[None, None].float()))

    def advance(self, encoded: EncodedFrame) -> Tensor:
        """See `FirstMaskSession`."""
        prob = functional.interpolate(self.propagate(encoded), self.size, mode="bilinear")[0, 0]
        return prob > 0.5 if self._is_label else prob

    def propagate(self, encoded: EncodedFrame) -> Tensor:
        """Probability of gas (1, 1, h, w) in the next frame."""
        frame, keys = encoded
        self._since_memory += 1
        is_written = self._since_memory >= self._every_frames
        read = self.memory.read(keys.key[0].flatten(1), keys.selection[0].flatten(1))
        readout = read.reshape(1, len(read), *keys.key.shape[2:])
        self.sensory, _, prob = self._network.segment(
            keys, readout, self.sensory, frame.shape[2:], update=not is_written
        )
        if is_written:
            self.memory.keep(self._elements(frame, keys, prob))
            self._since_memory = 0
        return prob

    def _elements(self, frame: Tensor, keys: Keys, mask: Tensor) -> Elements:
        """A frame as elements of memory; its value updates the sensory state."""
        value, self.sensory = self._network.encode_value(
            frame, keys.f16, mask, self.sensory, deep_update=True
        )
        parts = (keys.key, keys.shrinkage, keys.selection, value)
        return Elements.new(*(part[0].flatten(1) for part in parts))
