"""Reading frames from video files and from folders of pictures."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import FootageError
from fgstp.core.fingerprint import content_hash, signature
from fgstp.footage.pictures import list_pictures, measure_span, read_picture, to_grey
from fgstp.footage.settings import SpanSettings
from fgstp.footage.video import Frame

VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov", ".m4v"})
GREY16 = int.from_bytes(b"Y1\x00\x10", "little")  # FFmpeg's tag of 16-bit grey, as OpenCV gives it
LOST_FRAMES_TOLERANCE = 0.01


@dataclass(frozen=True)
class VideoFile:
    """A video file, decoded by OpenCV's FFmpeg: 8-bit, colour or 16-bit grey.

    OpenCV silently scales all frames to the size of the first, so that a change of size is
    detected in folders of frames, but not in files.

    Attributes:
        path: the file.
    """

    path: Path

    def n_frames_hint(self) -> int | None:
        """Number of frames that the container states."""
        count = int(self._open().get(cv2.CAP_PROP_FRAME_COUNT))
        return count if count > 0 else None

    def fps_hz(self) -> float | None:
        """Frame rate that the container states."""
        rate = float(self._open().get(cv2.CAP_PROP_FPS))
        return rate if rate > 0 else None

    def signature(self) -> str:
        """Hash of name, size and time of change."""
        return signature([self.path])

    def content_hash(self) -> str:
        """SHA-256 of the file."""
        return content_hash([self.path])

    def __iter__(self) -> Iterator[Frame]:
        """Decode all frames.

        Raises:
            FootageError: the file cannot be decoded or is truncated.
        """
        capture = self._open()
        stated = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        count = 0
        while True:
            there, image = capture.read()
            if not there:
                break
            yield Frame(to_grey(np.asarray(image)))
            count += 1
        if stated - count > max(1.0, LOST_FRAMES_TOLERANCE * stated):
            raise FootageError(
                f"{self.path.name} says that it holds {stated} frames, but only {count} can be "
                "decoded: it is truncated or damaged; copy it again"
            )

    def _open(self) -> cv2.VideoCapture:
        try:
            empty = self.path.stat().st_size == 0
        except OSError as error:
            raise FootageError(f"{self.path} cannot be read: {error.strerror}") from error
        if empty:
            raise FootageError(f"{self.path.name} is empty; copy it again")
        # Without it FFmpeg prints errors of its own; it reads the variable when it starts.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        # Videos go in parallel, and small frames decode faster in one thread.
        with _quiet_opencv():
            capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        if not capture.isOpened():
            raise FootageError(
                f"{self.path.name} cannot be opened as a video: it is truncated, damaged or "
                "of a kind that FFmpeg does not know; copy it again or convert it"
            )
        if int(capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)) == GREY16:
            capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        return capture


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Suppress OpenCV's own warnings."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


@dataclass(frozen=True)
class FrameFolder:
    """A folder of pictures, one per frame, in natural order of their names.

    Attributes:
        files: the pictures.
    """

    files: tuple[Path, ...]

    def n_frames_hint(self) -> int | None:
        """Number of pictures."""
        return len(self.files)

    def fps_hz(self) -> float | None:
        """Pictures state no frame rate."""
        return None

    def signature(self) -> str:
        """Hash of names, sizes and times of change."""
        return signature(self.files)

    def content_hash(self) -> str:
        """SHA-256 of the pictures, one after the other."""
        return content_hash(self.files)

    def __iter__(self) -> Iterator[Frame]:
        """Read all pictures.

        Raises:
            FootageError: a picture is unreadable, or its size or depth is not that of the first.
        """
        first: NDArray[np.integer] | None = None
        for path in self.files:
            try:
                grey = to_grey(read_picture(path))
            except FootageError as error:
                raise FootageError(f"{path.name}: {error}") from error
            first = grey if first is None else first
            if grey.shape != first.shape:
                (height, width), (first_height, first_width) = grey.shape, first.shape
                raise FootageError(
                    f"{path.name} is {width} x {height}, but the frames before it are "
                    f"{first_width} x {first_height}; cut the video where its size changes, or "
                    "scale it to one size"
                )
            if grey.dtype != first.dtype:
                raise FootageError(
                    f"{path.name} has {grey.dtype} pixels, but the frames before it have "
                    f"{first.dtype}; convert them to one depth"
                )
            yield Frame(grey)


def read_video(path: Path | str) -> NDArray[np.uint8]:
    """Read all frames of a video file, or of a folder with one picture for each frame.

    Colour is converted to grey. 16-bit frames are mapped to 8 bits by one range for the whole
    video, from its 0.1st to its 99.9th percentile.

    Args:
        path: a video file that FFmpeg can decode, or a folder of png, jpg or tif files, which
            are read in natural order of their names.

    Returns:
        The frames, uint8 (T, H, W), all in memory.

    Raises:
        FootageError: there is nothing to read, or a frame cannot be decoded.

    Example:
        >>> from fgstp import read_video
        >>> frames = read_video("leak.mkv")
        >>> frames.shape, frames.dtype
        ((20, 60, 80), dtype('uint8'))
    """
    path = Path(path)
    source = FrameFolder(tuple(list_pictures(path))) if path.is_dir() else VideoFile(path)
    frames = [frame.grey for frame in source]
    if not frames:
        raise FootageError(f"{path} holds no frames; name a video, or a folder of pictures.")
    if frames[0].dtype == np.uint8:
        return np.stack(frames).astype(np.uint8, copy=False)
    table = measure_span(frames, len(frames), SpanSettings()).table()
    return np.stack([table[frame] for frame in frames])
