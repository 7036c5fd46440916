"""Samples: windows of neighbouring target frames, in an order that a seed decides."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from fgstp.errors import UserError
from fgstp.footage.clip_store import ClipStore
from fgstp.models.frames import MEAN, STD
from fgstp.models.neighbours import OFFSETS_FRAMES, NeighbourMode
from fgstp.models.triples import TripleBatch
from fgstp.training.augmentation import augmented, resized
from fgstp.training.settings import AugmentationSettings


class MaskedClip(NamedTuple):
    """A clip that can be trained or validated on.

    Attributes:
        name: its id.
        n_frames: its length.
    """

    name: str
    n_frames: int


class WindowKey(NamedTuple):
    """Which window is wanted, and what varies it.

    Attributes:
        clip: number of the clip.
        start: its first target frame.
        seed: seed of the augmentation.
    """

    clip: int
    start: int
    seed: tuple[int, ...]


class Window(NamedTuple):
    """Neighbouring target frames of one clip and all frames that they need; or a batch of such.

    Attributes:
        frames: (F, H, W) float32 in [0, 1].
        masks: (L, H, W) float32 in [0, 1]: gas in the L targets.
        triples: (L, 3) int64: target, first and second neighbour, as numbers in [0, F).
        clip: id of the clip.
    """

    frames: Tensor
    masks: Tensor
    triples: Tensor
    clip: str


def masked_clips(
    table: pd.DataFrame, store: ClipStore, split: str, *, allow_pseudo_masks: bool
) -> list[MaskedClip]:
    """The kept clips of a split that have masks.

    Args:
        table: the clip table.
        store: where the clips lie.
        split: `train`, `validation` or `test`.
        allow_pseudo_masks: take masks that were computed from the footage.

    Returns:
        The clips, in the order of the table; at least one.

    Raises:
        UserError: there are none, or pseudo masks that are not allowed, or files are missing.
    """
    kept = table[table["dropped"].isna()]
    if kept.empty:
        raise UserError("There are no clips; run `kedro run --pipelines=ingest` first.")
    chosen = kept[kept["split"] == split]
    if chosen.empty:
        raise UserError(f"None of the {len(kept)} clips is in the split {split}; {_MEND[split]}.")
    chosen = chosen[chosen["mask_source"] != "none"]
    if chosen.empty:
        raise UserError(
            f"No clip of the split {split} has masks; put masks beside the videos, or let ingest "
            "compute some with ingest.pseudo_masks.enabled."
        )
    n_pseudo = int((chosen["mask_source"] == "pseudo").sum())
    if n_pseudo and not allow_pseudo_masks:
        raise UserError(
            f"{n_pseudo} of the {len(chosen)} clips of the split {split} have masks that were "
            "computed from the footage; set train.allow_pseudo_masks to take them."
        )
    return [_on_disk(name, store) for name in chosen["clip"]]


_MEND = {
    "train": "give some videos the split train, and run ingest again",
    "validation": "raise ingest.validation.share, and run ingest again",
    "test": "give some videos the split test, and run ingest again",
}


def _on_disk(name: str, store: ClipStore) -> MaskedClip:
    frames, masks = store.frames(name), store.masks(name)
    if masks is None or masks.shape != frames.shape:
        raise UserError(
            f"The masks of the clip {name} are missing or do not fit its frames; "
            "run `kedro run --pipelines=ingest`."
        )
    return MaskedClip(name, len(frames))


class WindowOrder(Sampler[WindowKey]):
    """Every epoch, the clips cut into windows at another place, in another order.

    Order, places and the seeds of the augmentation depend on the seed and the number of the
    epoch alone, so that the state is these two numbers and processes that load samples share
    none. A clip whose length is no multiple of a window's leaves out frames at its ends,
    others in each epoch.

    Args:
        clips: the clips.
        n_targets: targets of a window.
        seed: what decides.
        limit: windows of an epoch at most; None: all.

    Raises:
        UserError: a clip is shorter than a window.
    """

    def __init__(
        self, clips: list[MaskedClip], n_targets: int, seed: int, limit: int | None = None
    ) -> None:
        short = min(clips, key=lambda clip: clip.n_frames)
        if short.n_frames < n_targets:
            raise UserError(
                f"The clip {short.name} has {short.n_frames} frames, but a window takes "
                f"{n_targets} targets; lower train.window_targets."
            )
        self.clips = clips
        self.n_targets = n_targets
        self.seed = seed
        self.epoch = 0
        n_windows = sum(clip.n_frames // n_targets for clip in clips)
        self._length = n_windows if limit is None else min(limit, n_windows)

    def __len__(self) -> int:
        """Windows of an epoch."""
        return self._length

    def __iter__(self) -> Iterator[WindowKey]:
        """The windows of the present epoch."""
        rng = np.random.default_rng((self.seed, self.epoch))
        places = [
            (number, int(start))
            for number, clip in enumerate(self.clips)
            for start in self._starts(clip.n_frames, rng)
        ]
        for number, index in enumerate(rng.permutation(len(places))[: self._length], start=1):
            # Counted from 1, because numpy takes (a, b) and (a, b, 0) for the same seed.
            clip, start = places[index]
            yield WindowKey(clip, start, (self.seed, self.epoch, number))

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


class Windows(Dataset[Window]):
    """The windows of some clips, read from the disk and varied.

    A window of L targets needs L + 2 frames. At a clip's ends a frame that is not there is
    replaced by the nearest that is. An independent triple is a window of one target.

    Args:
        store: where the clips lie.
        clips: the clips.
        n_targets: targets L of a window.
        mode: where the neighbours of a target lie.
        size: height and width that the network works at.
        augmentation: how windows are varied.
    """

    def __init__(
        self,
        store: ClipStore,
        clips: list[MaskedClip],
        *,
        n_targets: int,
        mode: NeighbourMode,
        size: tuple[int, int],
        augmentation: AugmentationSettings,
    ) -> None:
        self.store = store
        self.clips = clips
        self.n_targets = n_targets
        self.size = size
        self.augmentation = augmentation
        offsets = (0, *OFFSETS_FRAMES[mode])
        self._reach = min(offsets), max(offsets)
        targets = torch.arange(n_targets).unsqueeze(1)
        self._triples = targets + torch.tensor(offsets) - min(offsets)  # L, 3

    def __getitem__(self, key: WindowKey) -> Window:
        """One window."""
        clip = self.clips[key.clip]
        stop = key.start + self.n_targets
        wanted = np.arange(key.start + self._reach[0], stop + self._reach[1])
        frames = self.store.frames(clip.name)[wanted.clip(0, clip.n_frames - 1)]
        masks = self.store.masks(clip.name)
        if masks is None:
            raise UserError(f"The masks of the clip {clip.name} are gone; run ingest again.")
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


def triple_batch(windows: Window) -> TripleBatch:
    """A batch of windows as the network takes it: three equal channels, normalised."""
    frames = windows.frames.unsqueeze(2)  # B, F, 1, H, W
    mean, std = (frames.new_tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    return TripleBatch((frames - mean) / std, windows.masks.unsqueeze(2), windows.triples)
