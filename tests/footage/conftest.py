"""Footage small enough to be made on the spot."""

import cv2
import numpy as np
import pytest

HEIGHT, WIDTH = 48, 64
FFV1, MPEG4 = cv2.VideoWriter_fourcc(*"FFV1"), cv2.VideoWriter_fourcc(*"mp4v")


@pytest.fixture
def write_video():
    """Writes frames to a video file: FFV1 for .mkv and .avi, which loses nothing, else MPEG-4."""

    def write(path, frames, fps_hz=15.0):
        first = frames[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = cv2.VideoWriter(
            str(path),
            cv2.CAP_FFMPEG,
            FFV1 if path.suffix.lower() in {".mkv", ".avi"} else MPEG4,
            fps_hz,
            (first.shape[1], first.shape[0]),
            [
                cv2.VIDEOWRITER_PROP_IS_COLOR,
                int(first.ndim == 3),
                cv2.VIDEOWRITER_PROP_DEPTH,
                cv2.CV_16U if first.dtype == np.uint16 else cv2.CV_8U,
            ],
        )
        assert writer.isOpened()
        for frame in frames:
            writer.write(frame)
        writer.release()
        return path

    return write


@pytest.fixture
def write_picture():
    """Writes an array as a picture, whatever letters its path has."""

    def write(path, image):
        path.parent.mkdir(parents=True, exist_ok=True)
        good, data = cv2.imencode(path.suffix, image)
        assert good
        path.write_bytes(data.tobytes())
        return path

    return write


@pytest.fixture
def noise_frames():
    """Frames of uniform noise: no two pixels agree by chance."""

    def make(count, shape=(HEIGHT, WIDTH), dtype=np.uint8, seed=0):
        top = np.iinfo(dtype).max + 1
        return np.random.default_rng(seed).integers(0, top, (count, *shape)).astype(dtype)

    return make
