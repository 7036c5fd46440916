"""An object is followed along a clip: reference, then propagate and write, frame by frame."""

from typing import NamedTuple

from torch import Tensor

from fgstp.models.rmem.entries import Layers, Memory, Seen
from fgstp.models.rmem.fpn import aligned
from fgstp.models.rmem.memory import Eviction, RestrictedBank, frame_relevance
from fgstp.models.rmem.network import Encoded, Rmem


class Found(NamedTuple):
    """What was found in one frame.

    Attributes:
        logits: (1, 1 + n_objects, H/4, W/4): background, then the objects.
        seen: what may be remembered of the frame.
        relevance: of the frames in the bank, if it has to be known to write this frame.
    """

    logits: Tensor
    seen: tuple[Seen, ...]
    relevance: list[float]

    def probabilities(self, size: tuple[int, ...]) -> Tensor:
        """(1 + n_objects, H, W) float32 at a size (H, W); they sum to 1."""
        return aligned(self.logits.float(), size).squeeze(0).softmax(0)


class Tracker:
    """Memory of one clip, and how the network goes along it.

    Frames are counted from the reference frame, which is frame 0. It can be made once the
    mask of that frame is known.

    Args:
        network: in evaluation mode.
        encoded: features of the reference frame.
        labels: (1, H, W) int64: its mask at the network's size: 0, or the number of the object.
        bank_frames: frames that are kept in the long-term bank beside the reference.
        write_every_frames: frames between two that are written to the bank.
        n_objects: objects that are followed; other identities are not considered.

    Attributes:
        bank: the long-term bank.
    """

    def __init__(
        self,
        network: Rmem,
        encoded: Encoded,
        labels: Tensor,
        *,
        bank_frames: int,
        write_every_frames: int,
        n_objects: int = 1,
    ) -> None:
        self._network = network
        self._write_every = write_every_frames
        self._n_labels = 1 + n_objects
        embedding = network.identify(labels)
        written = network.write(network.reference(encoded, embedding).seen, embedding)
        self.bank: RestrictedBank[Layers] = RestrictedBank(
            written.long, bank_frames, always_score=network.base == "deaotl"
        )
        self._short = written.short
        self._frame = 0

    def propagate(self, encoded: Encoded) -> Found:
        """Find the objects in the next frame, of which the features are given."""
        self._frame += 1
        scored = self._is_written() and self.bank.needs_relevance
        memory = Memory(tuple(self.bank.entries), self._short)
        result = self._network.propagate(encoded, memory, with_weights=scored)
        logits = result.logits[:, : self._n_labels]
        relevance = []
        if result.weights is not None:
            background = aligned(logits.float(), encoded.projected.shape[-2:]).softmax(1)[0, 0]
            relevance = frame_relevance(result.weights[0], 1.0 - background.flatten())
        return Found(logits, result.seen, relevance)

    def write(self, found: Found, labels: Tensor) -> Eviction | None:
        """Remember the frame that was just propagated.

        Args:
            found: what `propagate` gave.
            labels: (1, H, W) int64: the mask to remember it with, at the network's size.

        Returns:
            The frame that left the bank, if one did.
        """
        written = self._network.write(found.seen, self._network.identify(labels))
        self._short = written.short
        if not self._is_written():
            return None
        return self.bank.append(self._frame, written.long, found.relevance)

    def _is_written(self) -> bool:
        """Whether the present frame is long enough after the last one that was written."""
        return self._frame - self.bank.frames[-1] >= self._write_every


def write_every_frames(n_frames: int) -> int:
    """Frames between two that are written: a thirtieth of the clip, and at least 5."""
    return max(5, round(n_frames / 30))
