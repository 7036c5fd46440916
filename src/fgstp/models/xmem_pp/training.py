"""Training of XMem++: short clips, with gradients through all frames."""

from collections.abc import Iterator
from typing import Annotated, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from fgstp.core.config import Fraction, Settings
from fgstp.models.blocks.losses import bootstrap_fraction, bootstrapped_cross_entropy
from fgstp.models.xmem_pp.memory import similarity
from fgstp.models.xmem_pp.network import Keys, Segmentation, Xmem

FrameGap = tuple[Annotated[float, Field(ge=0.0, lt=1.0)], Annotated[int, Field(ge=1, le=100_000)]]
# All pixels count in the cross-entropy until 0.18 of the training; from 0.64 on, 0.15 of them.
BOOTSTRAP_START, BOOTSTRAP_END, BOOTSTRAP_FRACTION = 0.18, 0.64, 0.15


class XmemTrainingSettings(Settings):
    """Samples of the training.

    Attributes:
        n_frames: frames of a sample; the mask of the first is an input.
        n_reference: maximum number of earlier frames that a frame is segmented from.
        deep_update_fraction: fraction of the frames after which the value updates the sensory
            state.
        max_frame_gap: pairs (fraction of the training, frames): from then on, the maximum
            distance of neighbouring frames of a sample.
    """

    n_frames: int = Field(8, ge=2, le=100_000)
    n_reference: int = Field(3, ge=1, le=100_000)
    deep_update_fraction: Fraction = 0.2
    max_frame_gap: Annotated[tuple[FrameGap, ...], Field(min_length=1)] = (
        (0.0, 5),
        (0.1, 10),
        (0.3, 15),
        (0.9, 5),
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        starts = [start for start, _ in self.max_frame_gap]
        if starts[0] != 0.0 or starts != sorted(set(starts)):
            raise ValueError("max_frame_gap must start at 0 and rise from pair to pair")
        return self


def clip_loss(
    network: Xmem, frames: Tensor, masks: Tensor, settings: XmemTrainingSettings, progress: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Sum of the losses of all frames but the first, mean over clips.

    Clips whose first frame has no gas count too; their target is empty.

    Args:
        network: in training mode.
        frames: (B, T, 3, H, W), normalised.
        masks: (B, T, 1, H, W) float, 0, 1, or -1 for void, which has no loss; the first of each
            clip is an input of the network.
        settings: how clips are segmented.
        progress: fraction of the training that is done, in [0, 1).

    Returns:
        The loss, and its parts `ce` and `dice`, detached.
    """
    fraction = bootstrap_fraction(progress, BOOTSTRAP_START, BOOTSTRAP_END, BOOTSTRAP_FRACTION)
    segmented = segment_clips(
        network,
        frames,
        masks[:, 0].clamp(min=0),
        settings.n_reference,
        settings.deep_update_fraction,
    )
    terms = [
        frame_loss(frame.logits, frame.prob, masks[:, t], fraction)
        for t, frame in enumerate(segmented, start=1)
    ]
    ce, dice = (torch.stack(each).sum() for each in zip(*terms, strict=True))
    return ce + dice, {"ce": ce.detach(), "dice": dice.detach()}


def segment_clips(
    network: Xmem,
    frames: Tensor,
    first_masks: Tensor,
    n_reference: int,
    deep_update_fraction: float,
) -> Iterator[Segmentation]:
    """Segment short clips from the masks of their first frames (arXiv 2207.07115, section 3.6).

    Every frame reads from a few earlier ones, over all their elements. Gradients also flow
    through predicted masks that are fed back, and through the sensory state. Random numbers
    come from torch's generator of the CPU.

    Args:
        network: the network.
        frames: (B, T, 3, H, W), normalised, T at least 2.
        first_masks: (B, 1, H, W) float, 0 or 1.
        n_reference: see `XmemTrainingSettings`.
        deep_update_fraction: see `XmemTrainingSettings`.

    Yields:
        Frames 1 to T - 1, of all clips at once.
    """
    n_clips, n_frames = frames.shape[:2]
    every = network.encode_key(frames.flatten(0, 1))
    clips = Keys(*(torch.unflatten(x, 0, (n_clips, n_frames)) for x in every))  # (B, T, ...)
    keys = [Keys(*(x[:, t] for x in clips)) for t in range(n_frames)]
    value, sensory = network.encode_value(
        frames[:, 0], keys[0].f16, first_masks, network.no_sensory(keys[0].f16), deep_update=True
    )
    values = [value]
    for t in range(1, n_frames):
        is_last = t == n_frames - 1
        references = drawn_references(n_clips, t, n_reference).to(frames.device)
        readout = _read(clips, torch.stack(values, dim=1), references, keys[t])
        found = network.segment(keys[t], readout, sensory, frames.shape[-2:], update=not is_last)
        yield found
        if not is_last:
            value, sensory = network.encode_value(
                frames[:, t],
                keys[t].f16,
                found.prob,
                found.sensory,
                deep_update=torch.rand(()).item() < deep_update_fraction,
            )
            values.append(value)


def drawn_references(n_clips: int, t: int, n_reference: int) -> Tensor:
    """Numbers of the frames that frame t, at least 1, reads from, drawn for each of B clips.

    Returns:
        (B, min(t, R)) int64 with R = `n_reference`: all earlier frames, or the first and R - 1
        distinct others.
    """
    if t <= n_reference:
        return torch.arange(t).expand(n_clips, t)
    others = [1 + torch.randperm(t - 1)[: n_reference - 1] for _ in range(n_clips)]
    return torch.cat([torch.zeros(n_clips, 1, dtype=torch.int64), torch.stack(others)], dim=1)


def _read(clips: Keys, values: Tensor, references: Tensor, query: Keys) -> Tensor:
    """Read values of reference frames by the query of each clip: (B, V, h, w)."""
    rows = torch.arange(len(references), device=references.device).unsqueeze(1)
    key, shrinkage, value = (
        x[rows, references].transpose(1, 2).flatten(2)  # (B, R, C, h, w) -> (B, C, R h w)
        for x in (clips.key, clips.shrinkage, values)
    )
    similarities = similarity(key, shrinkage, query.key.flatten(2), query.selection.flatten(2))
    readout = value @ similarities.softmax(1).to(value)
    return readout.reshape(*readout.shape[:2], *query.key.shape[2:])


def frame_loss(
    logits: Tensor, prob: Tensor, masks: Tensor, fraction: float
) -> tuple[Tensor, Tensor]:
    """Bootstrapped cross-entropy and dice loss of a frame of each clip, mean over clips.

        dice = 1 - (2 sum(p g) + 1) / (sum(p) + sum(g) + 1)

    Args:
        logits: (B, 2, H, W), of background and gas.
        prob: p, (B, 1, H, W) in [0, 1]: probability of gas.
        masks: g, (B, 1, H, W) float, 0, 1, or -1 for void, which is left out.
        fraction: of each frame's pixels in the cross-entropy.
    """
    ce = bootstrapped_cross_entropy(logits, masks.squeeze(1).long(), fraction)
    known = masks >= 0
    prob, gas = ((each.float() * known).flatten(1) for each in (prob, masks))
    both, either = (prob * gas).sum(1), prob.sum(1) + gas.sum(1)
    dice = 1.0 - (2.0 * both + 1.0) / (either + 1.0)
    return ce, dice.mean()
