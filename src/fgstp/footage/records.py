"""Records of ingested videos, by which finished work is recognised."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp.core.files import atomic_path, remove_file, write_text
from fgstp.footage.descriptors import ClipDescriptor

Row = dict[str, Any]

RECORD, DESCRIPTORS = ".json", ".descriptors.npy"  # suffixes of a video's two files

# Columns of the tables and their types; whole numbers that may be missing are Int64.
VIDEO_COLUMNS = {
    "video": "str",
    "source": "str",
    "frames": "Int64",
    "fps_hz": "float64",
    "height_px": "Int64",
    "width_px": "Int64",
    "distance_m": "float64",
    "background": "str",
    "category": "str",
    "split": "str",
    "mask_source": "str",
    "clips": "Int64",
    "clips_distinct": "Int64",
    "frames_left_over": "Int64",
    "low_counts": "Int64",
    "high_counts": "Int64",
    "sha256": "str",
    "remarks": "str",
    "error": "str",
}
CLIP_COLUMNS = {
    "clip": "str",
    "video": "str",
    "first_frame": "Int64",
    "frames": "Int64",
    "split": "str",
    "leak_class": "Int64",
    "mask_source": "str",
    "gas_fraction": "float64",
    "dropped": "str",
    "repeats": "str",
    "similarity": "float64",
}


def table(rows: list[Row], columns: dict[str, str]) -> pd.DataFrame:
    """Rows as a table with typed columns; what a row lacks is missing.

    Args:
        rows: cells by column.
        columns: names and types of all columns.

    Returns:
        The table.
    """
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


@dataclass(frozen=True)
class VideoRecord:
    """What ingest of one video gave.

    Attributes:
        video: its row of the video table.
        clips: its rows of the clip table, the dropped clips too.
    """

    video: Row
    clips: list[Row]


@dataclass(frozen=True)
class RecordStore:
    """The folder of records, by which finished videos are recognised.

    Attributes:
        folder: where they lie.
    """

    folder: Path

    def read(self, name: str) -> dict[str, Any] | None:
        """The record of a video with its keys; None if it is not there whole."""
        if not self._descriptors_path(name).is_file():
            return None
        try:
            text = (self.folder / f"{name}{RECORD}").read_text("utf-8")
            record: dict[str, Any] = json.loads(text)
        except (OSError, ValueError):
            return None
        return record

    def write(self, name: str, record: dict[str, Any], descriptors: list[ClipDescriptor]) -> None:
        """Write the descriptors and then, as the sign that all is done, the record."""
        maps = np.stack([descriptor.as_array() for descriptor in descriptors])
        path = self._descriptors_path(name)
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.save(stream, maps)
        write_text(self.folder / f"{name}{RECORD}", json.dumps(record, indent=1) + "\n")

    def descriptors(self, name: str) -> list[ClipDescriptor]:
        """Descriptors of all clips of a finished video, the dropped ones too."""
        maps: NDArray[np.float32] = np.load(self._descriptors_path(name))
        return [ClipDescriptor.from_array(clip) for clip in maps]

    def remove_all_but(self, names: list[str]) -> None:
        """Remove the records of all other videos."""
        for suffix in (RECORD, DESCRIPTORS):
            for path in self.folder.glob(f"*{suffix}"):
                if path.name.removesuffix(suffix) not in names:
                    remove_file(path)

    def forget(self, name: str) -> None:
        """Remove the record of a video, if there is one."""
        remove_file(self.folder / f"{name}{RECORD}")
        remove_file(self._descriptors_path(name))

    def _descriptors_path(self, name: str) -> Path:
        return self.folder / f"{name}{DESCRIPTORS}"
