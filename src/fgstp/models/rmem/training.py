"""The loss of RMem along a clip."""

from typing import Annotated, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from fgstp.core.config import Fraction, Settings
from fgstp.models.blocks.losses import bootstrap_fraction, bootstrapped_cross_entropy
from fgstp.models.rmem.attention import N_SLOTS
from fgstp.models.rmem.network import N_LABELS, Rmem, Segmented, aligned, identity_places

Rate = Annotated[float, Field(ge=0.0, lt=1.0)]
TEACHER_FORCING = 0.5  # fraction of the training in which true masks are written to memory
HARDENING = 0.5  # fraction of the training in which the fraction of pixels falls
HARDEST_AT_END = 0.15  # fraction of the pixels in the bootstrapped cross-entropy from then on


class RmemTrainingSettings(Settings):
    """Samples of the training, and regularisation.

    All four temporal slots are trained only if the last frame of a sample reads four frames
    from the bank, hence `n_frames` must be at least 3 `write_every_frames` + 2.

    Attributes:
        n_frames: frames of a sample.
        write_every_frames: frames of a sample between two that are written to the bank.
        max_frame_gap: maximum distance of neighbouring frames of a sample in their clip.
        reverse_fraction: fraction of the samples that run backwards.
        first_gas_px: minimum gas in the first frame of a sample, in pixels of the clip.
        attempts: maximum number of draws to find such a sample.
        drop_path: rate of stochastic depth.
        dropout: fraction of the channels that DeAOT-L drops after depthwise convolutions.
    """

    n_frames: int = Field(8, ge=2, le=100_000)
    write_every_frames: int = Field(2, ge=1, le=100_000)
    max_frame_gap: int = Field(3, ge=1, le=100_000)
    reverse_fraction: Fraction = 0.5
    first_gas_px: int = Field(200, ge=0, le=100_000_000)
    attempts: int = Field(40, ge=1, le=100_000)
    drop_path: Rate = 0.1
    dropout: Rate = 0.1

    @model_validator(mode="after")
    def _all_slots_are_trained(self) -> Self:
        least = (N_SLOTS - 1) * self.write_every_frames + 2
        if self.n_frames < least:
            raise ValueError(
                f"n_frames must be at least {least}, 3 write_every_frames + 2, to train all "
                "temporal slots"
            )
        return self


def clip_loss(
    network: Rmem, frames: Tensor, labels: Tensor, *, write_every_frames: int, progress: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Propagate masks along clips as in inference and compare each frame with its mask.

        loss = entropy / 2 + jaccard / 2 + (1 - progress) reference

    In the first half of the training the true masks are written to memory. In the second half
    the predicted ones are, without a gradient through them, and the identity bank
    gets no gradient. The memory bank is unbounded during training. Objects are given random
    identities in each clip.

    Args:
        network: in training mode.
        frames: (B, n, 3, H, W) float32, normalised, in order.
        labels: (B, n, H, W) int64: 0, 1 for the object, or -1 for void, which has no loss.
        write_every_frames: frames between two that are written to the bank.
        progress: fraction of the training that is done, in [0, 1).

    Returns:
        The loss, and its detached parts: `entropy` and `jaccard`, means over frames 1 to n - 1,
        and `reference`, the loss of frame 0, segmented by its own mask.
    """
    n_clips, n_frames = labels.shape[:2]
    forced = progress < TEACHER_FORCING
    clips = _Clips(network, labels, bank_learns=forced)
    fraction = bootstrap_fraction(progress, 0.0, HARDENING, HARDEST_AT_END)
    encoded = network.encode(frames.transpose(0, 1).flatten(0, 1))  # frame by frame
    by_frame = [encoded.part(n_clips * t, n_clips * (t + 1)) for t in range(n_frames)]

    embedding = clips.identify(labels[:, 0])
    segmented = network.reference(by_frame[0], embedding)
    reference = torch.stack(frame_loss(clips.logits(segmented), labels[:, 0], fraction)).mean()
    entry, previous = network.write(segmented.seen, embedding)
    bank, last_written = [entry], 0
    losses = []
    for t in range(1, n_frames):
        segmented = network.propagate(by_frame[t], bank, previous)
        logits = clips.logits(segmented)
        losses.append(frame_loss(logits, labels[:, t], fraction))
        if t == n_frames - 1:
            break  # no frame would read it
        written = labels[:, t] if forced else logits.argmax(1)
        entry, previous = network.write(segmented.seen, clips.identify(written))
        if t - last_written >= write_every_frames:
            bank.append(entry)
            last_written = t
    entropy, jaccard = (torch.stack(terms).mean() for terms in zip(*losses, strict=True))
    loss = 0.5 * entropy + 0.5 * jaccard + (1.0 - progress) * reference
    parts = {"entropy": entropy, "jaccard": jaccard, "reference": reference}
    return loss, {name: part.detach() for name, part in parts.items()}


class _Clips:
    """A batch of clips with masks (B, n, H, W), each with its own random identity."""

    def __init__(self, network: Rmem, labels: Tensor, *, bank_learns: bool) -> None:
        self._network = network
        self._size = labels.shape[2:]
        self._bank_learns = bank_learns
        n_identities = network.identities.n_labels - 1
        places = identity_places(len(labels), n_identities, labels.device)
        self._places = places[:, :N_LABELS]

    def identify(self, labels: Tensor) -> Tensor:
        """Embedding of masks (B, H, W); void becomes background."""
        labels = labels.clamp(min=0)
        with torch.set_grad_enabled(self._bank_learns and torch.is_grad_enabled()):
            return self._network.identify(self._places.gather(1, labels.flatten(1)).view_as(labels))

    def logits(self, segmented: Segmented) -> Tensor:
        """Logits (B, 2, H, W) of background and object."""
        height, width = segmented.logits.shape[-2:]
        places = self._places.view(*self._places.shape, 1, 1).expand(-1, -1, height, width)
        return aligned(segmented.logits.gather(1, places), self._size)


def frame_loss(logits: Tensor, labels: Tensor, fraction: float) -> tuple[Tensor, Tensor]:
    """Bootstrapped cross-entropy and soft Jaccard loss of frames, each the mean over the batch.

    Args:
        logits: (B, K, H, W), converted to float32.
        labels: (B, H, W) int64 in [0, K), or -1 for void.
        fraction: of the pixels of each frame in the cross-entropy, in (0, 1].
    """
    logits = logits.float()
    return bootstrapped_cross_entropy(logits, labels, fraction), soft_jaccard(logits, labels)


def soft_jaccard(logits: Tensor, labels: Tensor) -> Tensor:
    """One minus the Jaccard index of probabilities p and masks g.

    1 - sum(p g) / (sum(p g) + sum(p (1 - g)) + sum(g (1 - p))) for each label, background too,
    mean over the labels that are present in a frame, then over frames.

    Args:
        logits: (B, K, H, W) float32.
        labels: (B, H, W) int64 in [0, K), or -1 for void, which is left out.
    """
    labels = labels.flatten(1)
    known = (labels >= 0).unsqueeze(1)
    p = logits.softmax(1).flatten(2) * known
    g = functional.one_hot(labels.clamp(min=0), p.shape[1]).mT.to(p.dtype) * known  # (B, K, H W)
    both = (p * g).sum(2)
    size = g.sum(2)
    either = p.sum(2) + size - both
    present = (size > 0).to(p.dtype)
    distances = (1.0 - both / either.clamp_min(torch.finfo(p.dtype).tiny)) * present
    return (distances.sum(1) / present.sum(1)).mean()
