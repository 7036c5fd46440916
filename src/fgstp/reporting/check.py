"""A check of footage before anything is trained: what is found, and what will not be used."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp.core.errors import FootageError
from fgstp.core.progress import ProgressBar
from fgstp.core.templating import data_url, environment
from fgstp.footage.cutting import Stretch
from fgstp.footage.packed_masks import GAS, VOID
from fgstp.footage.reading import read_through
from fgstp.footage.settings import IngestSettings
from fgstp.footage.sources import Search, find_videos
from fgstp.footage.video import RefusedVideo, Video
from fgstp.reporting.ingest import outlined

LEVELS = 256
MOST = 0.99  # of the pixels


class CheckedVideo(NamedTuple):
    """What a check found out about a video.

    Attributes:
        name: its id.
        facts: text by heading, such as `frames` and `masks`; empty if it cannot be used.
        remarks: sentences about it; of a video that cannot be used: why.
        pictures: PNG files of some frames with the outlines of their masks, by caption.
    """

    name: str
    facts: dict[str, str]
    remarks: list[str]
    pictures: dict[str, bytes]


def check_footage(folder: Path, settings: IngestSettings) -> list[CheckedVideo]:
    """Read all videos of a folder as ingest does, without writing any.

    Args:
        folder: the folder of footage.
        settings: settings of ingest; the source is `folder`, whatever they say.

    Raises:
        UserError: there is no footage, or a table cannot be used.
    """
    where = settings.folder.model_copy(update={"path": str(folder.resolve())})
    settings = settings.model_copy(update={"source": ("folder",), "folder": where})
    videos = find_videos(Search(folder, pd.DataFrame(), settings, seed=0))
    n_frames = sum(map(_n_frames, videos))
    with ProgressBar(unit=" frames", desc="check", total=n_frames) as bar:
        return [_checked(video, settings, bar) for video in videos]


def _n_frames(video: Video | RefusedVideo) -> int:
    try:
        return (isinstance(video, Video) and video.frames.n_frames_hint()) or 0
    except FootageError:  # said when the video is read
        return 0


def _checked(
    video: Video | RefusedVideo, settings: IngestSettings, bar: ProgressBar
) -> CheckedVideo:
    if isinstance(video, RefusedVideo):
        return CheckedVideo(video.name, {}, [video.error], {})
    seen = _Seen(bar)
    try:
        row, clips, _, remarks = read_through(video, settings, seen.take)
    except FootageError as error:
        return CheckedVideo(video.name, {}, [f"{video.name}: {error}"], {})
    span = "" if row["low_counts"] is None else f"{row['low_counts']} to {row['high_counts']}"
    dropped = [clip["dropped"] for clip in clips if clip["dropped"]]
    if dropped:
        remarks.append(f"{len(dropped)} of its {len(clips)} clips repeat others and are dropped")
    facts = {
        "split": str(row["split"]),
        "frames": f"{row['frames']}",
        "rate (Hz)": f"{row['fps_hz']:.4g}",
        "duration (s)": f"{seen.last_s + 1 / row['fps_hz']:.1f}",
        "size": f"{row['width_px']} x {row['height_px']}",
        "bits": "16" if span else "8",
        "span (counts)": span or "–",
        "levels": str(seen.n_levels),
        "masks": str(row["mask_source"]),
        "annotated": f"{seen.n_annotated / row['frames']:.0%}",
        "gas": f"{seen.gas_fraction:.2%}" if seen.n_annotated else "–",
        "void": f"{seen.void_fraction:.2%}" if seen.n_annotated else "–",
    }
    return CheckedVideo(video.name, facts, remarks, seen.pictures())


class _Seen:
    """Takes a video, and keeps counts and a few frames: the first, the last, most gas."""

    def __init__(self, bar: ProgressBar) -> None:
        self.last_s = 0.0
        self.n_frames = self.n_annotated = 0
        self._histogram = np.zeros(LEVELS, np.int64)
        self._n_gas = self._n_void = self._n_masked = 0
        self._most_gas = 0
        self._kept: dict[str, tuple[int, NDArray[np.uint8]]] = {}
        self._bar = bar

    def take(self, stretch: Stretch) -> None:
        """Take consecutive frames."""
        frames, annotated, masks = stretch.frames, stretch.annotated, stretch.masks
        mask_of = dict(zip(annotated.tolist(), masks, strict=True))
        if not self.n_frames:
            self._keep("first", frames, 0, mask_of)
        self._keep("last", frames, len(frames) - 1, mask_of)
        gas = (masks == GAS).sum(axis=(1, 2))
        if len(gas) and gas.max() > self._most_gas:
            self._most_gas = int(gas.max())
            self._keep("most gas", frames, int(annotated[gas.argmax()]), mask_of)
        self._histogram += np.bincount(frames.ravel(), minlength=LEVELS)
        self._n_gas += int(gas.sum())
        self._n_void += int(np.count_nonzero(masks == VOID))
        self._n_masked += masks.size
        self.n_frames += len(frames)
        self.n_annotated += len(annotated)
        self.last_s = float(stretch.times_s[-1])
        self._bar.update(len(frames))

    def _keep(
        self,
        what: str,
        frames: NDArray[np.uint8],
        number: int,
        mask_of: dict[int, NDArray[np.uint8]],
    ) -> None:
        mask = mask_of.get(number)
        gas = None if mask is None else (mask == GAS).astype(np.uint8)
        self._kept[what] = (self.n_frames + number, outlined(frames[number], gas))

    @property
    def n_levels(self) -> int:
        """Number of grey levels that hold 99 % of the pixels."""
        share = np.cumsum(np.sort(self._histogram)[::-1]) / self._histogram.sum()
        return int(np.searchsorted(share, MOST)) + 1

    @property
    def gas_fraction(self) -> float:
        """Fraction of the known pixels of annotated frames that are gas."""
        return self._n_gas / max(1, self._n_masked - self._n_void)

    @property
    def void_fraction(self) -> float:
        """Fraction of the pixels of annotated frames that are void."""
        return self._n_void / max(1, self._n_masked)

    def pictures(self) -> dict[str, bytes]:
        """PNG files by caption."""
        found = {}
        for what, (number, picture) in self._kept.items():
            _, png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            found[f"{what}: frame {number}"] = png.tobytes()
        return found


def as_text(checked: Sequence[CheckedVideo]) -> str:
    """The check for a terminal: a table of the videos that can be used, and sentences."""
    usable = [video for video in checked if video.facts]
    parts = []
    if usable:
        table = pd.DataFrame([{"video": video.name} | video.facts for video in usable])
        parts.append(table.to_string(index=False))
    refused = [video.remarks[0] for video in checked if not video.facts]
    if refused:
        lines = "\n".join(f"- {sentence}" for sentence in refused)
        parts.append(f"Not used, {len(refused)} of {len(checked)}:\n{lines}")
    noted = [f"- {video.name}: {'; '.join(video.remarks)}" for video in usable if video.remarks]
    if noted:
        parts.append("\n".join(["Remarks:", *noted]))
    return "\n\n".join(parts)


def as_page(folder: Path, checked: Sequence[CheckedVideo]) -> str:
    """The check as one HTML page that needs no other file."""
    return (
        environment("fgstp.reporting")
        .get_template("check.html.j2")
        .render(
            folder=folder.name,
            usable=[video for video in checked if video.facts],
            refused=[video for video in checked if not video.facts],
            data_url=data_url,
        )
    )
