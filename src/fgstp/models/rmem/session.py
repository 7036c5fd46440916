"""The memory of RMem, restricted to few frames, and its sessions."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from pydantic import Field
from torch import Tensor

from fgstp.core.config import Settings
from fgstp.models.blocks.streams import FirstMaskSession, resized_mask
from fgstp.models.rmem.aot import FrameMemory
from fgstp.models.rmem.network import N_LABELS, Encoded, Segmented, aligned

if TYPE_CHECKING:
    from fgstp.models.rmem.model import RmemModel

SMOOTHING = 0.2  # weight of the previous relevance in the new one
FRESHNESS = 1.5
PATIENCE_UPDATES = 8
LEAST_WRITE_EVERY_FRAMES = 5


class RmemMemorySettings(Settings):
    """Limits of the memory.

    Attributes:
        bank_frames: maximum number of frames in the bank, besides the prompted one.
        write_every_frames: frames between two that are written to it; None: a thirtieth of the
            session, and at least 5.
    """

    bank_frames: int = Field(8, ge=1, le=100_000)
    write_every_frames: int | None = Field(None, ge=1, le=100_000)


class RestrictedBank:
    """A reference frame and a few others; the least useful one makes room for a new one.

    The rule is like UCB1: a frame stays if it is relevant, or new and its relevance uncertain.
    When frame t is appended to m old frames, with r_k the fraction of attention that frame t
    gave to frame k,

        R_k = 0.2 R_k + 0.8 r_k    (r_k if it has none yet),    n_k = n_k + 1
        score_k = R_k + 1.5 sqrt(ln(sum of n over the old frames) / (n_k + 8))

    where n of the reference counts as m. If there are too many frames now, the old one with the
    smallest score leaves; the reference and the new frame stay.

    Args:
        reference: entry of frame 0.
        n_frames: maximum number of frames besides the reference.
        always_score: update R and n whenever a frame is appended (DeAOT-L), or only when one
            has to leave (AOT-L).

    Attributes:
        frames: numbers of the frames, oldest first.
        entries: their entries, in the same order.
        scores: by frame number, of the old frames when scores were last computed.
    """

    def __init__(self, reference: FrameMemory, n_frames: int, *, always_score: bool) -> None:
        self.frames = [0]
        self.entries = [reference]
        self.scores: dict[int, float] = {}
        self._n_frames = n_frames
        self._always_score = always_score
        self._relevance: dict[int, float] = {}
        self._updates: dict[int, int] = {}

    @property
    def needs_relevance(self) -> bool:
        """Whether the next frame must come with the relevance of those in the bank."""
        return self._always_score or self._is_full()

    def append(self, frame: int, entry: FrameMemory, relevance: Sequence[float] = ()) -> None:
        """Append a frame with its number and entry; if the bank is full, another one leaves.

        If `needs_relevance`, `relevance` holds r of each frame in the bank, in its order.
        """
        is_full = self._is_full()
        if self.needs_relevance:
            self._score(frame, dict(zip(self.frames, relevance, strict=True)))
        self.frames.append(frame)
        self.entries.append(entry)
        if is_full:
            place = self.frames.index(min(self.frames[1:-1], key=self.scores.__getitem__))
            del self.frames[place], self.entries[place]

    def _is_full(self) -> bool:
        return len(self.frames) > self._n_frames

    def _score(self, new_frame: int, relevance: dict[int, float]) -> None:
        before = self._relevance
        self._relevance = {
            frame: SMOOTHING * before.get(frame, r) + (1.0 - SMOOTHING) * r
            for frame, r in relevance.items()
        }
        self._updates = {
            frame: self._updates.get(frame, 0) + 1 for frame in [*self.frames, new_frame]
        }
        counts = {frame: self._updates[frame] for frame in self.frames}
        counts[self.frames[0]] = len(self.frames)
        total = math.log(sum(counts.values()))
        self.scores = {
            frame: self._relevance[frame]
            + FRESHNESS * math.sqrt(total / (counts[frame] + PATIENCE_UPDATES))
            for frame in self.frames
        }


def frame_relevance(weights: Tensor, foreground: Tensor) -> list[float]:
    """Fraction of an object's attention that each of T frames in the bank gets.

    Args:
        weights: (N, T N): attention of N tokens to those of T frames.
        foreground: (N,): probability that a token belongs to the object.

    Returns:
        T values that sum to 1; all 0 if no token belongs to the object.
    """
    of_frames = weights.float().view(len(weights), -1, len(weights)).sum(2)
    mass = foreground.float() @ of_frames
    fractions: list[float] = (mass / mass.sum().clamp_min(torch.finfo(mass.dtype).tiny)).tolist()
    return fractions


def write_every_frames(n_frames: int | None) -> int:
    """Frames between two that are written to the bank: a thirtieth of all, and at least 5.

    Args:
        n_frames: number of frames from the reference on; None if it is not known.
    """
    return max(LEAST_WRITE_EVERY_FRAMES, round((n_frames or 0) / 30))


class RmemSession(FirstMaskSession[Encoded]):
    """The memory of one video: `bank`, the long-term memory, and the previous frame.

    Frames are counted from the prompted frame, which is frame 0. See `FirstMaskSession`.
    """

    model: "RmemModel"
    n_labels = N_LABELS
    bank: RestrictedBank
    _previous: FrameMemory

    def _begin(self) -> None:
        super()._begin()
        settings, prompt = self.model.settings, self.prompt
        self._network = self.model.network
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
        """Write the frame that was just propagated, with its labels (h, w), to memory."""
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
