"""Clips with masks: what can be trained, validated and scored on."""

import hashlib
import logging
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from fgstp.core.errors import UserError
from fgstp.footage.clip_store import FRAMES, MASKS, ClipStore

logger = logging.getLogger(__name__)

MEND = {
    "train": "give some videos the split train, and run ingest again",
    "validation": "raise ingest.validation.fraction, and run ingest again",
    "test": "give some videos the split test, and run ingest again",
}


class MaskedClip(NamedTuple):
    """A clip that has masks.

    Attributes:
        name: its id.
        n_frames: its length.
    """

    name: str
    n_frames: int


def masked_clips(
    table: pd.DataFrame, store: ClipStore, split: str, *, allow_pseudo_masks: bool, setting: str
) -> list[MaskedClip]:
    """The kept clips of a split that have masks.

    Args:
        table: the clip table.
        store: where the clips lie.
        split: `train`, `validation` or `test`.
        allow_pseudo_masks: take masks that were computed from the footage.
        setting: name of the setting that says so, for the error.

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
        raise UserError(f"None of the {len(kept)} clips is in the split {split}; {MEND[split]}.")
    n_in_split = len(chosen)
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
            f"computed from the footage; set {setting} to take them."
        )
    if len(chosen) < n_in_split:
        logger.warning(
            "%d of the %d clips of the split %s have no masks and are left out.",
            n_in_split - len(chosen),
            n_in_split,
            split,
        )
    if 0 < n_pseudo < len(chosen):
        logger.warning(
            "Of the %d clips of the split %s, %d have masks computed from the footage, the "
            "others not.",
            len(chosen),
            split,
            n_pseudo,
        )
    return [_on_disk(name, store) for name in chosen["clip"]]


def _on_disk(name: str, store: ClipStore) -> MaskedClip:
    frames, masks = store.frames(name), store.masks(name)
    if masks is None or masks.shape != frames.shape:
        raise UserError(
            f"The masks of the clip {name} are missing or do not fit its frames; "
            "run `kedro run --pipelines=ingest`."
        )
    return MaskedClip(name, len(frames))


def digest(clips: Iterable[MaskedClip], store: ClipStore) -> str:
    """SHA-256 of the names, frames and masks of some clips, as hexadecimal digits."""
    total = hashlib.sha256()
    for clip in clips:
        total.update(clip.name.encode())
        for part in (FRAMES, MASKS):
            with store.path(clip.name, part).open("rb") as stream:
                total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()
