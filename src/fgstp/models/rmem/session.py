"""A session of RMem: the mask of one frame is propagated from frame to frame."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torch import Tensor

from fgstp.models.blocks.first_mask import FirstMaskSession, resized_mask
from fgstp.models.rmem.memory import RestrictedBank, frame_relevance, write_every_frames
from fgstp.models.rmem.network import N_LABELS, Encoded, Segmented, aligned
from fgstp.models.rmem.propagation import FrameMemory

if TYPE_CHECKING:
    from fgstp.models.rmem.model import RmemModel


class RmemSession(FirstMaskSession[Encoded]):
    """The memory of one video: a restricted bank and the previous frame.

    Its frames are counted from the prompted frame, which is frame 0. See `FirstMaskSession`.

    Attributes:
        bank: the long-term memory.
    """

    model: "RmemModel"
    n_labels = N_LABELS
    bank: RestrictedBank[FrameMemory]
    _previous: FrameMemory

    def _begin(self) -> None:
        super()._begin()
        model, settings, prompt = self.model, self.model.settings, self.prompt
        self._network = model.network
        self._network_size = settings.height_px, settings.width_px
        self._is_label = settings.output == "label"
        self._bank_frames = settings.memory.bank_frames
        n_frames = None if prompt.n_frames is None else prompt.n_frames - prompt.first_frame
        self._write_every = settings.memory.write_every_frames or write_every_frames(n_frames)
        self._always_score = settings.base == "deaotl"
        self._frame = 0
        self._relevance: list[float] = []

    def encode(self, frames: Tensor) -> Iterator[Encoded]:
        """See `FirstMaskSession`."""
        encoded = self._network.encode(frames)
        return (encoded.part(i, i + 1) for i in range(len(frames)))

    def start(self, encoded: Encoded, mask: Tensor) -> None:
        """See `FirstMaskSession`."""
        embedding = self._network.identify(mask.long().unsqueeze(0))
        segmented = self._network.reference(encoded, embedding)
        entry, self._previous = self._network.write(segmented.seen, embedding)
        self.bank = RestrictedBank(entry, self._bank_frames, always_score=self._always_score)

    def advance(self, encoded: Encoded) -> Tensor:
        """See `FirstMaskSession`."""
        segmented = self.propagate(encoded)
        p = label_probabilities(segmented, self.size)
        gas = p.argmax(0) > 0
        self.write(segmented, resized_mask(gas, self._network_size))
        return gas if self._is_label else 1.0 - p[0]

    def propagate(self, encoded: Encoded) -> Segmented:
        """Segment the next frame; its logits are those of `n_labels` labels."""
        self._frame += 1
        segmented = self._network.propagate(
            encoded,
            self.bank.entries,
            self._previous,
            with_weights=self._is_written() and self.bank.needs_relevance,
        )
        segmented = segmented._replace(logits=segmented.logits[:, : self.n_labels])
        self._relevance = _relevance(segmented, encoded.projected.shape[-2:])
        return segmented

    def write(self, segmented: Segmented, labels: Tensor) -> None:
        """Write the frame that was just propagated to memory.

        Args:
            segmented: result of `propagate`.
            labels: (h, w): the label map to write with it, at the network's size.
        """
        embedding = self._network.identify(labels.long().unsqueeze(0))
        entry, self._previous = self._network.write(segmented.seen, embedding)
        if self._is_written():
            self.bank.append(self._frame, entry, self._relevance)

    def _is_written(self) -> bool:
        return self._frame - self.bank.frames[-1] >= self._write_every


def label_probabilities(segmented: Segmented, size: tuple[int, ...]) -> Tensor:
    """Probabilities (n_labels, H, W) float32 at a size (H, W); they sum to 1."""
    return aligned(segmented.logits.float(), size).squeeze(0).softmax(0)


def _relevance(segmented: Segmented, size: tuple[int, ...]) -> list[float]:
    """Relevance of the frames in the bank, from maps of tokens of a size (h, w)."""
    if segmented.weights is None:
        return []
    background = label_probabilities(segmented, size)[0]
    return frame_relevance(segmented.weights[0], 1.0 - background.flatten())
