import cv2
import numpy as np
import pytest

from fgstp.detection.settings import StateSettings
from fgstp.detection.states import Scene
from fgstp.plumes import SyntheticVideo

SIZE = (120, 160)


def scene(seed, size=SIZE):
    noise = np.random.default_rng(seed).normal(0, 1, size).astype(np.float32)
    field = cv2.GaussianBlur(noise, (0, 0), 6)
    return 120 + 30 * field / field.std()


def noisy(picture, number):
    noise = np.random.default_rng(number).normal(0, 2, picture.shape)
    return np.clip(np.rint(picture + noise), 0, 255).astype(np.uint8)


def states(frames, fps_hz=10.0, **settings):
    watched = Scene(SIZE, StateSettings(**settings))
    return [watched.update(each, number / fps_hz) for number, each in enumerate(frames)]


def test_it_warms_up_and_then_watches():
    found = states([noisy(scene(0), number) for number in range(400)])
    assert found[0] == "warming_up"
    assert found.index("watching") == 300
    assert set(found[300:]) == {"watching"}


@pytest.mark.parametrize("size", [(1, 1), (1, 3), (1, 500), (500, 1), (2, 2)])
def test_no_picture_is_too_small(size):
    watched = Scene(size, StateSettings(warm_up_s=1.0))
    frames = np.random.default_rng(0).integers(99, 101, (60, *size), dtype=np.uint8)
    found = [watched.update(each, number / 10) for number, each in enumerate(frames)]
    assert found[0] == "warming_up"
    assert "watching" in found


def test_another_scene_is_told_and_begins_anew():
    frames = [noisy(scene(number // 100), number) for number in range(200)]
    found = states(frames, warm_up_s=5.0)
    assert found[99:101] == ["watching", "scene_changed"]
    assert found[101] == "warming_up"
    assert found[150] == "watching"


def test_a_camera_that_moves_is_told_until_it_stands_still():
    wide = scene(1, (120, 260))
    shifts = [0] * 60 + list(range(0, 40, 2)) + [38] * 200
    frames = [noisy(wide[:, x : x + 160], number) for number, x in enumerate(shifts)]
    found = states(frames, warm_up_s=1.0)
    assert "camera_moving" not in found[:60]
    assert found[64:80].count("camera_moving") + found[64:80].count("scene_changed") >= 14
    assert found[-1] == "watching"


def test_a_picture_that_does_not_change_by_a_pixel_is_frozen():
    frames = [noisy(scene(0), min(number, 100)) for number in range(200)]
    found = states(frames, warm_up_s=1.0)
    assert found.index("frozen") == 150
    assert found[149] == "watching"


@pytest.mark.parametrize(("level", "state"), [(0, "too_dark"), (255, "saturated")])
def test_a_picture_without_levels_is_told(level, state):
    rng = np.random.default_rng(0)
    frames = [np.abs(level - rng.integers(0, 2, SIZE)).astype(np.uint8) for _ in range(30)]
    assert states(frames)[-1] == state


def test_below_one_frame_a_second_the_rate_is_too_low():
    frames = [noisy(scene(0), number) for number in range(60)]
    assert states(frames, fps_hz=0.5, warm_up_s=1.0)[-1] == "rate_too_low"
    assert states(frames, fps_hz=1.0, warm_up_s=1.0)[-1] == "watching"


def test_gas_and_clouds_are_no_change_of_the_scene():
    video = SyntheticVideo("close_complex", 3, n_frames=200, fps_hz=5.0)
    watched = Scene((240, 320), StateSettings(warm_up_s=5.0))
    found = [watched.update(each.grey, number / 5) for number, each in enumerate(video)]
    assert found[30:].count("watching") >= 0.98 * len(found[30:])
