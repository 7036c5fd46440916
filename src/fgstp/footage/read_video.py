"""The frames of one recording as an array."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import FootageError
from fgstp.footage.frame_sources import FrameFolder, VideoFile
from fgstp.footage.grey import measure_span
from fgstp.footage.pictures import list_pictures
from fgstp.footage.settings import SpanSettings


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
        FootageError: There is nothing to read, or a frame cannot be decoded.

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
