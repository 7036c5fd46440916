"""A training step along a clip."""

from typing import NamedTuple

import torch
from torch import Tensor

from fgstp.models.losses import hardest_fraction
from fgstp.models.rmem.entries import Layers, Memory
from fgstp.models.rmem.fpn import aligned
from fgstp.models.rmem.identity_bank import identity_places
from fgstp.models.rmem.losses import FrameLoss, frame_loss
from fgstp.models.rmem.network import Rmem, Segmented

TEACHER_FORCING = 0.5  # share of the training in which true masks are remembered
HARDENING = 0.5  # share of the training in which the share of pixels falls
HARDEST_AT_END = 0.15  # share of the pixels that the cross-entropy is taken over then


class ClipLoss(NamedTuple):
    """What is minimised over a clip; all scalars.

    Attributes:
        entropy: cross-entropy, mean over frames 1 to n - 1.
        jaccard: soft Jaccard term, mean over frames 1 to n - 1.
        reference: loss of frame 0, segmented by its own mask.
    """

    entropy: Tensor
    jaccard: Tensor
    reference: Tensor

    def total(self, progress: float) -> Tensor:
        """The loss: the reference weighs 1 at the start of the training and 0 at the end."""
        return 0.5 * self.entropy + 0.5 * self.jaccard + (1.0 - progress) * self.reference


def clip_loss(
    network: Rmem, frames: Tensor, labels: Tensor, *, write_every_frames: int, progress: float
) -> ClipLoss:
    """Go along clips as at test and compare each frame with its mask.

    In the first half of the training the true masks are remembered. In the second half those
    that were found are, without a gradient through them, and the identity bank does not
    change: it gets no gradient. The bank of memories grows as it likes. Objects are given random
    identities in each clip.

    Args:
        network: in training mode.
        frames: (B, n, 3, H, W) float32, normalised, in their order.
        labels: (B, n, H, W) int64: 0, or 1 for the object.
        write_every_frames: frames between two that are written to the bank.
        progress: share of the training that is done, in [0, 1).
    """
    n_clips, n_frames = labels.shape[:2]
    forced = progress < TEACHER_FORCING
    clips = _Clips(network, labels, bank_learns=forced)
    share = hardest_fraction(progress, 0.0, HARDENING, HARDEST_AT_END)
    encoded = network.encode(frames.transpose(0, 1).flatten(0, 1))  # frame by frame
    by_frame = [encoded.part(n_clips * t, n_clips * (t + 1)) for t in range(n_frames)]

    embedding = clips.identify(labels[:, 0])
    segmented = network.reference(by_frame[0], embedding)
    reference = frame_loss(clips.logits(segmented), labels[:, 0], share)
    written = network.write(segmented.seen, embedding)
    long: list[Layers] = [written.long]
    last_written = 0
    losses: list[FrameLoss] = []
    for t in range(1, n_frames):
        memory = Memory(tuple(long), written.short)
        segmented = network.propagate(by_frame[t], memory)
        logits = clips.logits(segmented)
        losses.append(frame_loss(logits, labels[:, t], share))
        if t == n_frames - 1:
            break  # nobody would read it
        remembered = labels[:, t] if forced else logits.argmax(1)
        written = network.write(segmented.seen, clips.identify(remembered))
        if t - last_written >= write_every_frames:
            long.append(written.long)
            last_written = t
    entropy, jaccard = (torch.stack(terms).mean() for terms in zip(*losses, strict=True))
    return ClipLoss(entropy, jaccard, reference.total())


class _Clips:
    """A batch of clips whose objects have identities of their own.

    Args:
        network: the network.
        labels: (B, n, H, W): their masks.
        bank_learns: whether the identity bank learns.
    """

    n_labels = 2  # background and one object

    def __init__(self, network: Rmem, labels: Tensor, *, bank_learns: bool) -> None:
        self._network = network
        self._size = labels.shape[2:]
        self._bank_learns = bank_learns
        n_identities = network.identities.n_labels - 1
        places = identity_places(len(labels), n_identities, labels.device)
        self._places = places[:, : self.n_labels]

    def identify(self, labels: Tensor) -> Tensor:
        """Embedding of masks (B, H, W)."""
        with torch.set_grad_enabled(self._bank_learns and torch.is_grad_enabled()):
            return self._network.identify(self._places.gather(1, labels.flatten(1)).view_as(labels))

    def logits(self, segmented: Segmented) -> Tensor:
        """Logits (B, 2, H, W) of background and object."""
        height, width = segmented.logits.shape[-2:]
        places = self._places.view(*self._places.shape, 1, 1).expand(-1, -1, height, width)
        return aligned(segmented.logits.gather(1, places), self._size)
