"""Samples of optical flow."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from fgstp.footage.clip_store import ClipStore
from fgstp.footage.masked_clips import MaskedClip
from fgstp.models.sampling import FlowBatch, FlowPairs
from fgstp.training.samples import WindowKey


class FlowSample(NamedTuple):
    """Two flow fields of one frame; or a batch of such.

    Attributes:
        flows: (2, 2, h, w) float32: two fields, x and y in pixels.
        clip: id of the clip.
    """

    flows: Tensor
    clip: str

    def batch(self) -> FlowBatch:
        """A batch of samples as models take it."""
        return FlowBatch(self.flows)


class FlowSamples(Dataset[FlowSample]):
    """Pairs of flow fields of some clips. They are not varied; no mask is looked at.

    Args:
        store: where the clips lie.
        clips: the clips.
        sampling: which fields, and what gives them.
    """

    def __init__(self, store: ClipStore, clips: list[MaskedClip], sampling: FlowPairs) -> None:
        self.store = store
        self.clips = clips
        self.sampling = sampling

    def __getitem__(self, key: WindowKey) -> FlowSample:
        """One sample."""
        name = self.clips[key.clip].name
        rng = np.random.default_rng(key.seed)
        gaps = rng.choice(self.sampling.gaps_frames, size=2, replace=False)
        frames = self.store.frames(name)
        number = _within(key.start, len(frames), max(map(abs, self.sampling.gaps_frames)))
        (fields,) = self.sampling.features.compute(frames, [number])
        drawn = fields[[self.sampling.gaps_frames.index(gap) for gap in gaps]]
        return FlowSample(torch.from_numpy(drawn.astype(np.float32)), name)


def _within(number: int, n_frames: int, margin: int) -> int:
    """The nearest frame that has all gaps: nearer the ends opposite ones are the same field."""
    margin = min(margin, (n_frames - 1) // 2)
    return min(max(number, margin), n_frames - 1 - margin)
