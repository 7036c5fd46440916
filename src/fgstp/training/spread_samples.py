"""Samples of frames that lie some distance apart, for models that remember."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from fgstp.footage.clip_store import ClipStore
from fgstp.footage.masked_clips import MaskedClip
from fgstp.models.sampling import SpreadFrames
from fgstp.training.augmentation import augmented, resized
from fgstp.training.samples import Window, WindowKey, masks_of
from fgstp.training.settings import AugmentationSettings


class SpreadSamples(Dataset[Window]):
    """Frames of some clips in their order, some left out between them.

    Each sample is a window whose frames are all targets. The first try starts where the order
    of windows says, or as far before as the sample needs; another one anywhere.

    Args:
        store: where the clips lie.
        clips: the clips.
        sampling: which frames a sample has.
        size: height and width that the network works at.
        augmentation: how samples are varied; masks get no noise, since the model is given some.
    """

    def __init__(
        self,
        store: ClipStore,
        clips: list[MaskedClip],
        *,
        sampling: SpreadFrames,
        size: tuple[int, int],
        augmentation: AugmentationSettings,
    ) -> None:
        self.store = store
        self.clips = clips
        self.sampling = sampling
        self.size = size
        self.augmentation = augmentation.model_copy(update={"mask_noise_fraction": 0.0})

    def __getitem__(self, key: WindowKey) -> Window:
        """One sample."""
        name = self.clips[key.clip].name
        masks = masks_of(name, self.store)
        rng = np.random.default_rng(key.seed)
        numbers = self._numbers(masks, key, rng)
        varied, varied_masks = augmented(
            np.array(self.store.frames(name)[numbers]),
            np.array(masks[numbers]),
            self.augmentation,
            rng,
        )
        return Window(
            resized(varied, *self.size),
            resized(varied_masks, *self.size),
            torch.arange(len(numbers)).unsqueeze(1),
            name,
        )

    def _numbers(
        self, masks: NDArray[np.uint8], key: WindowKey, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Numbers of the frames of a sample."""
        sampling, n_frames = self.sampling, len(masks)
        largest = min(
            sampling.largest_step_at(key.progress), (n_frames - 1) // max(1, sampling.n_frames - 1)
        )
        for attempt in range(sampling.attempts):
            steps = rng.integers(1, largest, size=sampling.n_frames - 1, endpoint=True)
            offsets = np.concatenate([[0], np.cumsum(steps)])
            latest = n_frames - 1 - int(offsets[-1])
            start = min(key.start, latest) if attempt == 0 else rng.integers(latest, endpoint=True)
            numbers = start + offsets
            if rng.random() < sampling.reverse_fraction:
                numbers = numbers[::-1]
            if np.count_nonzero(masks[numbers[0]]) >= sampling.first_gas_px:
                break
        return numbers
