"""The way along clips in training: a few frames, all with gradients."""

from collections.abc import Iterator

import torch
from torch import Tensor

from fgstp.models.xmem_pp.network import Keys, Segmentation, Xmem
from fgstp.models.xmem_pp.reading import similarity


def segment_clips(
    network: Xmem,
    frames: Tensor,
    first_masks: Tensor,
    n_reference: int,
    deep_update_fraction: float,
) -> Iterator[Segmentation]:
    """Segment short clips from the masks of their first frames (arXiv 2207.07115, section 3.6).

    Every frame is segmented with what is read from a few earlier ones, over all their elements.
    Gradients flow through everything: the masks that are fed back and the sensory state too.
    What is drawn, is drawn by torch's generator of the CPU.

    Args:
        network: the network.
        frames: (B, T, 3, H, W), normalised, T at least 2.
        first_masks: (B, 1, H, W) float, 0 or 1.
        n_reference: frames that are read from at most.
        deep_update_fraction: share of frames after which the value updates the sensory state.

    Yields:
        The frames 1 to T - 1, of all clips at a time.
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
        goes_on = t < n_frames - 1
        references = drawn_references(n_clips, t, n_reference).to(frames.device)
        readout = _read(clips, torch.stack(values, dim=1), references, keys[t])
        found = network.segment(keys[t], readout, sensory, frames.shape[-2:], update=goes_on)
        yield found
        if goes_on:
            value, sensory = network.encode_value(
                frames[:, t],
                keys[t].f16,
                found.prob,
                found.sensory,
                deep_update=torch.rand(()).item() < deep_update_fraction,
            )
            values.append(value)


def drawn_references(n_clips: int, t: int, n_reference: int) -> Tensor:
    """Numbers of the frames that frame t is segmented from.

    Args:
        n_clips: clips B; each draws its own.
        t: the frame, 1 or more.
        n_reference: frames R at most.

    Returns:
        (B, min(t, R)) int64: all earlier frames, or the first and R - 1 others, different ones.
    """
    if t <= n_reference:
        return torch.arange(t).expand(n_clips, t)
    others = [1 + torch.randperm(t - 1)[: n_reference - 1] for _ in range(n_clips)]
    return torch.cat([torch.zeros(n_clips, 1, dtype=torch.int64), torch.stack(others)], dim=1)


def _read(clips: Keys, values: Tensor, references: Tensor, query: Keys) -> Tensor:
    """Values of reference frames, read by each clip's own query: (B, V, h, w)."""
    rows = torch.arange(len(references), device=references.device).unsqueeze(1)
    key, shrinkage, value = (
        x[rows, references].transpose(1, 2).flatten(2)  # (B, R, C, h, w) -> (B, C, R h w)
        for x in (clips.key, clips.shrinkage, values)
    )
    similarities = similarity(key, shrinkage, query.key.flatten(2), query.selection.flatten(2))
    readout = value @ similarities.softmax(1).to(value)
    return readout.reshape(*readout.shape[:2], *query.key.shape[2:])
