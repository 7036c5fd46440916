"""Footage small enough to be made on the spot."""

import cv2
import numpy as np
import pytest

HEIGHT, WIDTH = 48, 64


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
