"""Samples: windows of neighbouring target frames, in an order that a seed decides."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from fgstp.core.errors import UserError
from fgstp.footage.clip_store import ClipStore
from fgstp.footage.masked_clips import MaskedClip
from fgstp.models.triples import TripleBatch
from fgstp.training.augmentation import augmented, resized
from fgstp.training.processes import Rank
from fgstp.training.settings import AugmentationSettings


class WindowKey(NamedTuple):
    """Which window is wanted, and what varies it.

    Attributes:
        clip: number of the clip.
        start: its first target frame.
        seed: seed of the augmentation, and of what else is drawn.
        progress: share of the training that was done when the epoch began, in [0, 1).
    """

    clip: int
    start: int
    seed: tuple[int, ...]
    progress: float = 0.0


class Window(NamedTuple):
    """Neighbouring target frames of one clip and all frames that they need; or a batch of such.

    Attributes:
        frames: (F, H, W) float32 in [0, 1].
        masks: (L, H, W) float32 in [0, 1]: gas in the L targets.
        triples: (L, 1 + N) int64: each target and the N frames that a model looks at beside
            it, as numbers in [0, F). FGSTP has two, hence the name.
        clip: id of the clip.
    """

    frames: Tensor
    masks: Tensor
    triples: Tensor
    clip: str

    def batch(self) -> TripleBatch:
        """A batch of windows as models take it: frames and masks of one channel."""
        return TripleBatch(self.frames.unsqueeze(2), self.masks.unsqueeze(2), self.triples)


def masks_of(clip: str, store: ClipStore) -> NDArray[np.uint8]:
    """Masks (T, H, W) uint8 of a clip that had some when training began.

    Raises:
        UserError: they are gone.
    """
    masks = store.masks(clip)
    if masks is None:
        raise UserError(f"The masks of the clip {clip} are gone; run ingest again.")
    return masks


class WindowOrder(Sampler[WindowKey]):
    """Every epoch, the clips cut into windows at another place, in another order.

    Of several processes each takes every so manieth window, so that a step of all together has
    the windows of a step of one alone. What would not be the same number for all is left out
    at the end.

    Order, places and the seeds of the augmentation depend on the seed and the number of the
    epoch alone, so that the state is these two numbers and processes that load samples share
    none. A clip whose length is no multiple of a window's leaves out frames at its ends,
    others in each epoch.

    Args:
        clips: the clips.
        n_targets: targets of a window.
        seed: what decides.
        limit: windows of an epoch at most, of all processes together; None: all.
        rank: the process that takes them.
        epochs: of the whole training, for the progress that windows know of.

    Raises:
        UserError: a clip is shorter than a window, or there are fewer windows than processes.
    """

    def __init__(
        self,
        clips: list[MaskedClip],
        n_targets: int,
        seed: int,
        *,
        limit: int | None = None,
        rank: Rank = Rank(),  # noqa: B008 - it never changes
        epochs: int = 1,
    ) -> None:
        short = min(clips, key=lambda clip: clip.n_frames)
        if short.n_frames < n_targets:
            raise UserError(
                f"The clip {short.name} has {short.n_frames} frames, but a sample takes "
                f"{n_targets}; lower train.window_targets, or the model's own number of frames."
            )
        self.clips = clips
        self.n_targets = n_targets
        self.seed = seed
        self.epoch = 0
        self.epochs = epochs
        n_windows = sum(clip.n_frames // n_targets for clip in clips)
        taken = n_windows if limit is None else min(limit, n_windows)
        if taken < rank.of:
            raise UserError(
                f"An epoch has {taken} windows, too few for {rank.of} processes; lower "
                "train.devices, or train on more clips."
            )
        self.rank = rank
        self._length = taken // rank.of

    def __len__(self) -> int:
        """Windows of an epoch that this process takes."""
        return self._length

    def __iter__(self) -> Iterator[WindowKey]:
        """The windows of the present epoch."""
        rng = np.random.default_rng((self.seed, self.epoch))
        places = [
            (number, int(start))
            for number, clip in enumerate(self.clips)
            for start in self._starts(clip.n_frames, rng)
        ]
        order = rng.permutation(len(places))
        for number in range(self.rank.number, self._length * self.rank.of, self.rank.of):
            clip, start = places[order[number]]
            # Counted from 1, because numpy takes (a, b) and (a, b, 0) for the same seed.
            seed = self.seed, self.epoch, number + 1
            yield WindowKey(clip, start, seed, self.epoch / self.epochs)

    def _starts(self, n_frames: int, rng: np.random.Generator) -> "np.ndarray[Any, Any]":
        n_windows, left_over = divmod(n_frames, self.n_targets)
        return rng.integers(left_over, endpoint=True) + self.n_targets * np.arange(n_windows)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch, from 0, is next. Lightning calls this."""
        self.epoch = epoch

    def state_dict(self) -> dict[str, int]:
        """What decides the order of the present epoch."""
        return {"seed": self.seed, "epoch": self.epoch}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Take up a state that `state_dict` gave."""
        self.seed, self.epoch = state["seed"], state["epoch"]


class WindowSamples(Dataset[Window]):
    """The windows of some clips, read from the disk and varied.

    For a model that looks at two neighbours, a window of L targets needs L + 2 frames. At a
    clip's ends a frame that is not there is replaced by the nearest that is. An independent
    triple is a window of one target.

    Args:
        store: where the clips lie.
        clips: the clips.
        n_targets: targets L of a window.
        offsets: frames beside each target that are needed too; see `fgstp.models.sampling.Windows`.
        size: height and width that the network works at.
        augmentation: how windows are varied.
    """

    def __init__(
        self,
        store: ClipStore,
        clips: list[MaskedClip],
        *,
        n_targets: int,
        offsets: tuple[int, ...],
        size: tuple[int, int],
        augmentation: AugmentationSettings,
    ) -> None:
        self.store = store
        self.clips = clips
        self.n_targets = n_targets
        self.size = size
        self.augmentation = augmentation
        offsets = (0, *offsets)
        self._reach = min(offsets), max(offsets)
        targets = torch.arange(n_targets).unsqueeze(1)
        self._triples = targets + torch.tensor(offsets) - min(offsets)  # L, 1 + N

    def __getitem__(self, key: WindowKey) -> Window:
        """One window."""
        clip = self.clips[key.clip]
        stop = key.start + self.n_targets
        wanted = np.arange(key.start + self._reach[0], stop + self._reach[1])
        frames = self.store.frames(clip.name)[wanted.clip(0, clip.n_frames - 1)]
        masks = masks_of(clip.name, self.store)
        rng = np.random.default_rng(key.seed)
        varied, varied_masks = augmented(
            np.asarray(frames), np.asarray(masks[key.start : stop]), self.augmentation, rng
        )
        return Window(
            resized(varied, *self.size),
            resized(varied_masks, *self.size),
            self._triples,
            clip.name,
        )
