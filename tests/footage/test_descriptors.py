import numpy as np
import pytest

from fgstp.footage.descriptors import GRID_HEIGHT, GRID_WIDTH, ClipDescriptor, describe

GRID = (GRID_HEIGHT, GRID_WIDTH)
HEIGHT, WIDTH = 96, 128  # four pixels a cell each way
STILL = np.tile(np.linspace(60, 160, WIDTH), (HEIGHT, 1))


def clip(frames):
    return np.rint(np.clip(frames, 0, 255)).astype(np.uint8)


def cell(row, column):
    return np.s_[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]


def test_maps_have_the_promised_shapes_and_types():
    for shape in [(240, 320), (96, 128), (37, 53), (24, 32)]:
        descriptor = describe(np.random.default_rng(0).integers(0, 255, (7, *shape), np.uint8))
        for part in (descriptor.appearance, descriptor.change, descriptor.motion):
            assert part.shape == GRID
            assert part.dtype == np.float32
            assert np.isfinite(part).all()


def test_stored_and_read_again_it_is_the_same():
    descriptor = describe(np.random.default_rng(0).integers(0, 255, (7, 48, 64), np.uint8))
    again = ClipDescriptor.from_array(descriptor.as_array())
    for name in ("appearance", "change", "motion"):
        np.testing.assert_array_equal(getattr(again, name), getattr(descriptor, name))
    assert descriptor.as_array().shape == (3, *GRID)


def test_a_still_clip_neither_changes_nor_moves():
    descriptor = describe(clip(np.stack([STILL] * 10)))
    assert descriptor.change.max() == 0
    assert descriptor.motion.max() == 0


def test_sensor_noise_is_taken_off():
    rng = np.random.default_rng(1)
    noisy = describe(clip(STILL + rng.normal(0, 8, (60, HEIGHT, WIDTH))))
    # 8 levels over the 16 pixels of a cell are 2 levels a cell: next to nothing is left.
    assert np.median(noisy.change) < 0.3
    assert noisy.change.max() < 2
    assert noisy.motion.max() < 1


def test_a_blinking_cell_has_the_change_and_motion_of_its_blinking():
    # On for frames 0-1, off for 2-3, and so on: of every second frame half are on.
    frames = np.full((20, HEIGHT, WIDTH), 80.0)
    for start in range(0, 20, 4):
        frames[start : start + 2, *cell(5, 9)] += 60
    descriptor = describe(clip(frames))
    assert np.unravel_index(descriptor.change.argmax(), GRID) == (5, 9)
    np.testing.assert_allclose(descriptor.change[5, 9], 30, atol=0.1)
    np.testing.assert_allclose(descriptor.motion[5, 9], 60, atol=0.1)
    assert (descriptor.change > 1).sum() == 1
    assert (descriptor.motion > 1).sum() == 1


@pytest.mark.parametrize(
    "offset", [12 * (np.arange(30) // 4 % 3), np.arange(30), 40 * (np.arange(30) > 15)]
)
def test_gain_steps_and_drifts_of_the_camera_are_no_change_of_the_scene(offset):
    stepping = describe(clip(STILL + offset[:, None, None]))
    steady = describe(clip(np.stack([STILL] * 30)))
    assert stepping.change.max() < 0.5
    assert stepping.motion.max() < 0.5
    np.testing.assert_allclose(stepping.appearance, steady.appearance, atol=0.5)


def test_appearance_shows_small_things_and_not_a_slow_slope_of_brightness():
    thing = STILL.copy()
    thing[cell(5, 9)] += 60
    slope = np.linspace(0, 60, HEIGHT)[:, None]
    still = describe(clip(np.stack([STILL] * 3))).appearance
    with_thing = describe(clip(np.stack([thing] * 3))).appearance
    with_slope = describe(clip(np.stack([STILL + slope] * 3))).appearance
    difference = with_thing - still
    assert np.unravel_index(difference.argmax(), GRID) == (5, 9)
    assert difference.max() > 50
    # Away from the border, where a blur has no other side.
    assert np.abs(with_slope - still)[8:-8].max() < 2
