"""Frames from pictures: a folder with one for each frame, or the pages of a TIFF stack."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import FootageError
from fgstp.core.files import check_regular_file
from fgstp.core.fingerprint import content_hash, signature
from fgstp.footage.grey import (
    COLOUR_REMARK,
    SAMPLED_FRAMES,
    is_coloured,
    measure_span,
    sampling_step,
    to_grey,
)
from fgstp.footage.pictures import (
    Picture,
    check_names,
    list_pictures,
    n_pages,
    read_pages,
    read_picture,
    told_together,
)
from fgstp.footage.settings import SpanSettings
from fgstp.footage.true_rate import AtTrueRate
from fgstp.footage.video import Frame, FrameSource
from fgstp.footage.video_file import VideoFile

STACK_SUFFIXES = frozenset({".tif", ".tiff"})
COLOUR_SAMPLES = 8  # frames that are looked at for colour


@dataclass(frozen=True)
class PictureSequence:
    """Pictures, one for each frame, in the order given; a single file is a stack of pages.

    Attributes:
        files: the pictures.
    """

    files: tuple[Path, ...]

    @property
    def timing(self) -> None:
        """None, since pictures have no times."""

    def n_frames_hint(self) -> int | None:
        """Number of pictures."""
        return n_pages(self.files[0]) if len(self.files) == 1 else len(self.files)

    def fps_hz(self) -> float | None:
        """Pictures state no frame rate."""
        return None

    def signature(self) -> str:
        """Hash of names, sizes and times of change."""
        return signature(self.files)

    def content_hash(self) -> str:
        """SHA-256 of the pictures, one after the other."""
        for path in self.files:
            check_regular_file(path)
        return content_hash(self.files)

    def frames(self, remarks: list[str]) -> Iterator[Frame]:
        """Read all pictures: (H, W) uint8 or uint16.

        Args:
            remarks: gets what a reader of the video table should know.

        Raises:
            FootageError: a picture is unreadable, or of another size or depth than the first.
        """
        first: NDArray[np.integer] | None = None
        is_in_colour, names_of = False, defaultdict[str, list[str]](list)
        every = max(1, (self.n_frames_hint() or 0) // COLOUR_SAMPLES)
        for place, (name, picture) in enumerate(self._pictures()):
            try:
                grey = to_grey(picture.pixels)
            except FootageError as error:
                raise FootageError(f"{name}: {error}") from error
            first = grey if first is None else first
            _check_fits(grey, first, name)
            if place % every == 0:
                is_in_colour = is_in_colour or is_coloured(picture.pixels)
            for remark in picture.remarks:
                names_of[remark].append(name)
            yield Frame(grey)
        if is_in_colour:
            remarks.append(COLOUR_REMARK)
        names = [path.stem for path in self.files]
        remarks += [*told_together(names_of), *(_several_series(names) or _gaps(names))]

    def sample(self, n_frames: int) -> Iterator[NDArray[np.integer]]:
        """Some of the pictures, evenly."""
        step = sampling_step(self.n_frames_hint() or 0, n_frames)
        return (to_grey(picture.pixels) for _, picture in self._pictures(step))

    def _pictures(self, step: int = 1) -> Iterator[tuple[str, Picture]]:
        """Names and pictures, or each `step`-th of them."""
        is_stack = len(self.files) == 1
        for path in self.files[::step]:
            try:
                pictures = read_pages(path, step) if is_stack else [read_picture(path)]
                for number, picture in enumerate(pictures):
                    name = f"page {step * number} of {path.name}" if is_stack else path.name
                    yield name, picture
            except FootageError as error:
                raise FootageError(f"{path.name}: {error}") from error


def _several_series(names: Sequence[str]) -> list[str]:
    """A remark if names differ by more than their numbers: two cameras, or a stray picture."""
    first = {re.sub(r"\d+", "#", name): name for name in reversed(names)}
    if len(first) < 2 or not any("#" in kind for kind in first):
        return []
    pair = " and ".join(list(first.values())[:-3:-1])
    return [f"its pictures have names of {len(first)} kinds, such as {pair}, one after the other"]


def _gaps(names: Sequence[str]) -> list[str]:
    """A remark if the pictures are numbered, and some numbers are missing."""
    numbers = [int(found[-1]) for name in names if (found := re.findall(r"\d+", name))]
    steps = np.diff(numbers)
    if len(numbers) < max(len(names), 3) or (steps < 1).any():
        return []
    usual = int(np.median(steps))
    missing = int((steps // usual - 1).clip(min=0).sum())
    return [f"{missing} numbers are missing between those of its pictures"] if missing else []


def _check_fits(grey: NDArray[np.integer], first: NDArray[np.integer], name: str) -> None:
    if grey.shape != first.shape:
        (height, width), (first_height, first_width) = grey.shape, first.shape
        raise FootageError(
            f"{name} is {width} x {height}, but the frames before it are "
            f"{first_width} x {first_height}; cut the video where its size changes, or "
            "scale it to one size"
        )
    if grey.dtype != first.dtype:
        raise FootageError(
            f"{name} has {grey.dtype} pixels, but the frames before it have "
            f"{first.dtype}; convert them to one depth"
        )


def frames_of(path: Path, fps_hz: float | None = None) -> FrameSource:
    """Source of the frames of a video file, of a TIFF stack, or of a folder of pictures.

    Args:
        path: the file or the folder.
        fps_hz: true frame rate, where it is not that which the file states; pictures state none.

    Raises:
        FootageError: the folder cannot be read, or two of its pictures have the same name.
    """
    if fps_hz is not None:
        return AtTrueRate(frames_of(path), fps_hz)
    if path.is_dir():
        pictures = list_pictures(path)
        check_names(pictures)
        return PictureSequence(tuple(pictures))
    if path.suffix.lower() in STACK_SUFFIXES:
        return PictureSequence((path,))
    return VideoFile(path)


def are_stacks(pictures: Sequence[Path]) -> bool:
    """Whether the pictures of a folder are TIFF files of several pages, each a video of its own."""
    if any(path.suffix.lower() not in STACK_SUFFIXES for path in pictures):
        return False
    try:
        return len(pictures) == 1 or n_pages(pictures[0]) > 1
    except FootageError:
        return False


def read_video(path: Path | str) -> NDArray[np.uint8]:
    """Read all frames of a video file, or of a folder with one picture for each frame.

    Colour is converted to grey. 16-bit frames are mapped to 8 bits by one range for the whole
    video, from its 0.1st to its 99.9th percentile.

    Args:
        path: a video file that FFmpeg can decode, a TIFF stack, or a folder of pictures, which
            are read in natural order of their names.

    Returns:
        The frames, uint8 (T, H, W), all in memory.

    Raises:
        FootageError: There is nothing to read, or a frame cannot be decoded.

    Example:
        >>> from fgstp import read_video
        >>> frames = read_video("leak.mkv")
        >>> frames.shape, frames.dtype
        ((20, 60, 80), dtype('uint8'))
    """
    frames = list(eight_bit_frames(frames_of(Path(path))))
    if not frames:
        raise FootageError(f"{path} holds no frames; name a video, or a folder of pictures.")
    return np.stack(frames)


def eight_bit_frames(
    source: FrameSource, remarks: list[str] | None = None, every: int = 1
) -> Iterator[NDArray[np.uint8]]:
    """Frames of a source in 8 bits; see `timed_frames`.

    Args:
        source: the footage.
        remarks: gets the remarks of the source.
        every: every n-th frame is taken, from the first.

    Yields:
        (H, W) uint8.
    """
    found: list[str] = [] if remarks is None else remarks
    return islice((levels for _, levels, _ in timed_frames(source, found)), None, None, every)


def timed_frames(
    source: FrameSource, remarks: list[str]
) -> Iterator[tuple[int, NDArray[np.uint8], float | None]]:
    """Frames of a source in 8 bits; 16 bits are mapped by one range for the whole video.

    Args:
        source: the footage.
        remarks: gets the remarks of the source.

    Yields:
        Its number from 0, which counts frames that cannot be decoded; (H, W) uint8; and its time in
        seconds, None where the source knows no times.
    """
    table: NDArray[np.uint8] | None = None
    for number, frame in enumerate(source.frames(remarks)):
        grey = frame.grey
        if table is None and grey.dtype != np.uint8:
            table = measure_span(source.sample(SAMPLED_FRAMES), SpanSettings())[0].table
        levels = grey.astype(np.uint8, copy=False) if table is None else table[grey]
        yield number if frame.place is None else frame.place, levels, frame.time_s
