"""A session of RMem: the mask of one frame is propagated from frame to frame."""

from torch import Tensor

from fgstp.models.rmem.memory import RestrictedBank, frame_relevance
from fgstp.models.rmem.network import N_LABELS, Encoded, Rmem, Segmented, aligned
from fgstp.models.rmem.propagation import FrameMemory


class RmemSession:
    """The memory of one video: a restricted bank and the previous frame.

    Frames are counted from the reference frame, which is frame 0.

    Args:
        network: in evaluation mode.
        bank_frames: maximum number of frames in the bank, beside the reference.
        write_every_frames: frames between two that are written to the bank.
        always_score: see `RestrictedBank`.

    Attributes:
        bank: the long-term memory.
    """

    n_labels = N_LABELS
    bank: RestrictedBank[FrameMemory]
    _previous: FrameMemory

    def __init__(
        self, network: Rmem, *, bank_frames: int, write_every_frames: int, always_score: bool
    ) -> None:
        self._network = network
        self._bank_frames = bank_frames
        self._write_every = write_every_frames
        self._always_score = always_score
        self._frame = 0
        self._relevance: list[float] = []

    def start(self, encoded: Encoded, labels: Tensor) -> None:
        """Begin with the reference frame, and its label map (1, H, W) int64."""
        embedding = self._network.identify(labels)
        segmented = self._network.reference(encoded, embedding)
        entry, self._previous = self._network.write(segmented.seen, embedding)
        self.bank = RestrictedBank(entry, self._bank_frames, always_score=self._always_score)

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
            labels: (1, H, W) int64: the label map to write with it.
        """
        entry, self._previous = self._network.write(segmented.seen, self._network.identify(labels))
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
