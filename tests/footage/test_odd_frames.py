import cv2
import numpy as np
import pytest

from fgstp.footage.odd_frames import OddFrames

HEIGHT, WIDTH, COUNT = 60, 80, 30


def scene(level=120, noise=3, seed=0):
    """A still scene with noise of a sensor."""
    rng = np.random.default_rng(seed)
    still = cv2.GaussianBlur(rng.uniform(level - 40, level + 40, (HEIGHT, WIDTH)), (0, 0), 2)
    frames = still + rng.normal(0, noise, (COUNT, HEIGHT, WIDTH))
    return np.clip(np.rint(frames), 0, 255).astype(np.uint8)


def remarks(frames, piece=7):
    """In pieces that need not fit."""
    odd = OddFrames()
    for start in range(0, len(frames), piece):
        part = frames[start : start + piece]
        odd.take(part, (start + np.arange(len(part))) / 10)
    return odd.remarks()


@pytest.mark.parametrize("number", [1, 6, 7, 13, COUNT - 2])
@pytest.mark.parametrize("kind", ["noise", "zeros"])
def test_destroyed_bytes_of_one_frame_are_found(number, kind):
    frames = scene(level=60) if kind == "noise" else scene(level=25, noise=1)
    bytes_of_it = frames[number].reshape(-1)
    destroyed = np.random.default_rng(1).integers(0, 256, 200) if kind == "noise" else 0
    bytes_of_it[1000:1200] = destroyed
    (remark,) = remarks(frames)
    assert remark.startswith(f"1 of its frames may be damaged, the first at {number / 10:.2f} s")
    assert remarks(frames, piece=1) == [remark]


def moving():
    frames = scene()
    for number, frame in enumerate(frames):
        frame[20:30, 2 * number : 2 * number + 15] = 250
    return frames


def flying():
    frames = scene()
    for number, frame in enumerate(frames):  # a bird, in each frame elsewhere
        frame[40:44, 9 * number % 70 : 9 * number % 70 + 9] = 0
    return frames


def cut():
    return np.concatenate([scene(60)[:10], scene(180, seed=1)[:20]])


def fade():
    return np.stack([np.full((HEIGHT, WIDTH), level, np.uint8) for level in range(0, 250, 10)])


def flicker():
    return scene() // np.tile([1, 2], COUNT // 2).astype(np.uint8)[:, None, None]


def noise():
    return np.random.default_rng(0).integers(0, 256, (COUNT, HEIGHT, WIDTH)).astype(np.uint8)


@pytest.mark.parametrize("make", [scene, moving, flying, cut, fade, flicker, noise])
def test_what_happens_in_footage_is_no_damage(make):
    assert remarks(make()) == []


def test_few_frames_say_nothing():
    for count in range(3):
        assert remarks(scene()[:count]) == []
