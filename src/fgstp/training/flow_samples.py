"""Samples of optical flow."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
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
        """A batch of samples as systems take it."""
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
        # Fields on the disk by clip and gap; those in memory would not fit.
        self._mapped: dict[tuple[str, int], NDArray[np.floating]] = {}

    def __getitem__(self, key: WindowKey) -> FlowSample:
        """One sample."""
        name = self.clips[key.clip].name
        rng = np.random.default_rng(key.seed)
        gaps = rng.choice(self.sampling.gaps_frames, size=2, replace=False)
        fields = [self._fields(name, int(gap))[key.start] for gap in gaps]
        return FlowSample(torch.from_numpy(np.stack(fields).astype(np.float32)), name)

    def _fields(self, clip: str, gap: int) -> NDArray[np.floating]:
        if (clip, gap) in self._mapped:
            return self._mapped[clip, gap]
        fields = self.sampling.clip_flow(self.store.frames(clip), gap)
        if isinstance(fields, np.memmap):
            self._mapped[clip, gap] = fields
        return fields
