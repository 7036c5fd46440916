import numpy as np
import pytest

from fgstp.footage.descriptors import (
    GRID_HEIGHT,
    GRID_WIDTH,
    ClipDescriptor,
    category_name,
    describe,
    measure_background,
)
from fgstp.footage.settings import CategorySettings

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


# ----------------------------------------------------------------------- categories

SETTINGS = CategorySettings()
LENGTH = 30


@pytest.mark.parametrize(
    ("distance_m", "background", "name"),
    [
        # The distances of GasVid.
        (4.6, "clear", "close_clear"),
        (6.9, "clear", "medium_clear"),
        (8.8, "complex", "medium_complex"),
        (12.6, "clear", "medium_clear"),
        (15.6, "clear", "long_clear"),
        (18.6, "complex", "long_complex"),
        # The bounds: close is nearer than 6 m, long from 14 m.
        (5.99, "clear", "close_clear"),
        (6.0, "clear", "medium_clear"),
        (13.99, "clear", "medium_clear"),
        (14.0, "clear", "long_clear"),
        (None, "clear", "unknown_clear"),
        (4.6, None, "close_unknown"),
        (None, None, "unknown_unknown"),
    ],
)
def test_names(distance_m, background, name):
    assert category_name(distance_m, background, SETTINGS) == name


def test_bounds_are_settings():
    settings = CategorySettings(close_below_m=1, long_from_m=2)
    assert category_name(1.5, "clear", settings) == "medium_clear"
    assert category_name(4.6, "clear", settings) == "long_clear"


def clouds(shift_px, seed=0):
    """A sky of soft clouds that drift to the right, above a dark ground at rest."""
    rng = np.random.default_rng(seed)
    size = (HEIGHT // 3, 2 * WIDTH)
    sky = np.fft.ifft2(np.fft.fft2(rng.normal(size=size)) * _soft(size)).real
    sky = 120 + 15 * sky / sky.std()
    frames = np.full((LENGTH, HEIGHT, WIDTH), 40.0)
    for number, frame in enumerate(frames):
        place = round(number * shift_px)
        frame[: HEIGHT // 3] = np.roll(sky, place, axis=1)[:, :WIDTH]
    return frames


def _soft(size):
    rows, columns = np.fft.fftfreq(size[0])[:, None], np.fft.fftfreq(size[1])
    return np.exp(-((rows**2 + columns**2) / (2 * 0.02**2)))


def described(frames, seed):
    noise = np.random.default_rng(seed).normal(0, 3, frames.shape)
    return describe(np.rint(np.clip(frames + noise, 0, 255)).astype(np.uint8))


def test_clouds_at_rest_under_sensor_noise_are_clear():
    still = [described(clouds(0), seed) for seed in range(3)]
    background, share = measure_background(still, SETTINGS)
    assert background == "clear"
    assert share < 0.01


def test_clouds_that_drift_within_a_clip_are_complex():
    background, share = measure_background([described(clouds(2), 1)], SETTINGS)
    assert background == "complex"
    # The sky is a third of the picture, and the ground must not count.
    assert 0.25 < share < 0.4


def test_clouds_so_slow_that_only_the_clips_differ_are_complex():
    # Each clip for itself is at rest; between the clips the sky has moved on.
    resting = [np.roll(clouds(0), 40 * place, axis=2) for place in range(3)]
    clips = [described(frames, seed) for seed, frames in enumerate(resting)]
    assert all(measure_background([clip], SETTINGS)[0] == "clear" for clip in clips)
    background, share = measure_background(clips, SETTINGS)
    assert background == "complex"
    # Some of the ground near the sky counts too: a cell is compared with its surroundings.
    assert 0.25 < share < 0.6


def test_share_and_bounds_worked_by_hand():
    settings = CategorySettings(moving_levels=1.0, complex_from_fraction=0.25)
    grid = (GRID_HEIGHT, GRID_WIDTH)
    rest = np.zeros(grid, np.float32)
    # One row varies by 0.8 within clips and by 0.8 between them: 0.64 + 0.64 > 1.
    change, up, down = rest.copy(), rest.copy(), rest.copy()
    change[0], up[0], down[0] = 0.8, 0.8, -0.8
    # The next by 0.5 and 0.8: 0.25 + 0.64 < 1.
    change[1], up[1], down[1] = 0.5, 0.8, -0.8
    clips = [ClipDescriptor(up, change, rest), ClipDescriptor(down, change, rest)]
    assert measure_background(clips, settings) == ("clear", pytest.approx(1 / 24))
    alone = [ClipDescriptor(rest, change, rest)] * 2
    assert measure_background(alone, settings) == ("clear", 0)
    # From a quarter of the cells on it is complex.
    change[:6] = 1.5
    background, share = measure_background([ClipDescriptor(rest, change, rest)], settings)
    assert (background, share) == ("complex", 0.25)


def test_without_clips_nothing_is_known():
    assert measure_background([], SETTINGS) is None
