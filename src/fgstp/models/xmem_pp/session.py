"""A session of XMem++: the mask of one frame is propagated from frame to frame."""

from torch import Tensor

from fgstp.models.xmem_pp.memory import Elements, XmemMemory, XmemMemorySettings
from fgstp.models.xmem_pp.network import Keys, Xmem


class XmemSession:
    """Memory and sensory state of one video.

    The prompted frame goes to the permanent memory. A later frame is segmented from what it
    reads; the decoder then updates the sensory state. Every few frames, a frame is written to
    memory: its value, from the predicted probabilities, goes to the working memory and
    updates the sensory state instead.

    Args:
        network: in evaluation mode.
        settings: limits of the memory.

    Attributes:
        memory: frames that are read from.
        sensory: (1, C, h, w): the sensory state.
    """

    sensory: Tensor

    def __init__(self, network: Xmem, settings: XmemMemorySettings) -> None:
        self._network = network
        self._every_frames = settings.memory_every_frames
        self._since_memory = 0
        self.memory = XmemMemory(settings)

    def start(self, frame: Tensor, keys: Keys, mask: Tensor) -> None:
        """Begin with a frame (1, 3, H, W), and its mask (1, 1, H, W) float, 0 or 1."""
        self.sensory = self._network.no_sensory(keys.f16)
        self.memory.keep_for_good(self._encoded(frame, keys, mask))

    def propagate(self, frame: Tensor, keys: Keys) -> Tensor:
        """Probability of gas (1, 1, H, W) in the next frame (1, 3, H, W)."""
        self._since_memory += 1
        is_written = self._since_memory >= self._every_frames
        read = self.memory.read(keys.key[0].flatten(1), keys.selection[0].flatten(1))
        readout = read.reshape(1, len(read), *keys.key.shape[2:])
        self.sensory, _, prob = self._network.segment(
            keys, readout, self.sensory, frame.shape[2:], update=not is_written
        )
        if is_written:
            self.memory.keep(self._encoded(frame, keys, prob))
            self._since_memory = 0
        return prob

    def _encoded(self, frame: Tensor, keys: Keys, mask: Tensor) -> Elements:
        """A frame as elements of memory; its value updates the sensory state."""
        value, self.sensory = self._network.encode_value(
            frame, keys.f16, mask, self.sensory, deep_update=True
        )
        parts = (keys.key, keys.shrinkage, keys.selection, value)
        return Elements.new(*(part[0].flatten(1) for part in parts))
