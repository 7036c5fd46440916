import numpy as np
import pytest

from fgstp.footage.categories import category_name, measure_background
from fgstp.footage.descriptors import GRID_HEIGHT, GRID_WIDTH, ClipDescriptor, describe
from fgstp.footage.settings import CategorySettings

GRID = (GRID_HEIGHT, GRID_WIDTH)
HEIGHT, WIDTH = 96, 128  # four pixels a cell each way


def describe_rounded(frames):
    return describe(np.rint(np.clip(frames, 0, 255)).astype(np.uint8))


SETTINGS = CategorySettings()
LENGTH = 30


@pytest.mark.parametrize(
    ("distance_m", "background", "name"),
    [
        (4.6, "complex", "close_complex"),
        (8.8, "complex", "medium_complex"),
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
    return describe_rounded(frames + noise)


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
    rest = np.zeros(GRID, np.float32)
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
    assert measure_background([], settings) is None
