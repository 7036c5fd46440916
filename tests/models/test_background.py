import numpy as np
import pytest

from fgstp.models.registry import create_model

HEIGHT, WIDTH = 40, 60


def predict(frames, **settings):
    return create_model("background", settings).predict(frames)


@pytest.fixture
def square():
    """A noisy still scene that a bright square crosses from frame 1 on; where the square is."""
    rng = np.random.default_rng(0)
    frames = rng.uniform(60, 140, (HEIGHT, WIDTH)) + rng.normal(0, 1.5, (25, HEIGHT, WIDTH))
    gas = np.zeros(frames.shape, bool)
    for number in range(1, len(frames)):
        top, left = 10 * (number % 3), 10 * (number % 5)
        gas[number, top : top + 10, left : left + 10] = True
    return np.rint(frames + 60 * gas).astype(np.uint8), gas


def still(n_frames, level=100):
    return np.full((n_frames, HEIGHT, WIDTH), level, np.uint8)


def test_a_bright_square_on_a_noisy_still_scene_is_found_and_nothing_else(square):
    frames, gas = square
    maps = predict(frames)
    assert maps.shape == frames.shape
    assert maps.dtype == np.float32
    found = maps > 0.5
    assert (found & gas).sum() > 0.9 * gas.sum()
    assert (found & ~gas).mean() < 1e-4


def test_the_mixture_finds_nothing_in_the_first_frame_whatever_is_in_it(square):
    frames, _ = square
    for start in (0, 3):
        maps = predict(frames[start:])
        assert not maps[0].any()
        assert set(np.unique(maps)) == {0, 1}
        assert not predict(frames[start : start + 1]).any()


@pytest.mark.parametrize(("history_frames", "last"), [(10, 1), (40, 4), (160, 17)])
def test_the_mixture_takes_what_stays_for_background(history_frames, last):
    """It does once the old level weighs less than 0.9: (1 - 1 / history) ^ frames < 0.9."""
    frames = still(110)
    frames[80:, 10:20, 10:20] += 60
    found = predict(frames, history_frames=history_frames)[:, 15, 15].nonzero()[0]
    assert found[0] == 80
    assert found[-1] - 80 == pytest.approx(last, abs=1)


def test_a_higher_variance_threshold_finds_less():
    """The variance is 15 at first, 149/150 of it after a repetition: 15.4 and 19.3 levels."""
    frames = still(2)
    frames[1, 10:20, 10:20] += 17
    assert predict(frames)[1].sum() > 90
    assert not predict(frames, variance_threshold=25.0).any()


def energy_maps(frames, fps_hz, **settings):
    """Maps and scores of a session of `energy`."""
    model = create_model("background", {"method": "energy", "opening_px": 1, **settings})
    session = model.session(*frames.shape[1:], fps_hz=fps_hz)
    predictions = [each for frame in frames for each in session.push(frame)]
    assert session.flush() == []
    return np.stack([each.map for each in predictions]), [each.score for each in predictions]


def test_energy_equals_its_recursion_worked_pixel_by_pixel():
    """Two 2 x 2 blocks among still ones, so that half resolution and the median change nothing."""
    levels = np.array([100, 100, 130, 90, 130, 130, 100], float)
    frames = still(len(levels))
    frames[:, 10:12, 10:12] = levels[:, None, None]
    background, energy, expected = levels[0], 0.0, [0.0]
    for n, level in enumerate(levels[1:], start=1):
        residual = level - background
        energy += max(1 - np.exp(-0.5 / 8), 1 / n) * (abs(residual) - energy)
        background += max(1 - np.exp(-0.5 / 5), 1 / n) * residual
        expected.append(energy / (energy + 4))
    maps, _ = energy_maps(frames, 2.0, half_levels=4)
    half = maps[:, 10:12, 10:12].mean(axis=(1, 2))
    weight = 9 / 16  # of a pixel of half resolution in the four that it is resized to
    np.testing.assert_allclose(half / weight, expected, rtol=1e-5)


def test_the_score_of_energy_is_its_99th_percentile():
    frames = still(30)
    frames[::2, :12, :12] += 40  # 6 % of the pixels flicker
    maps, scores = energy_maps(frames, 15.0)
    assert maps[-1, 5, 5] == pytest.approx(scores[-1], rel=1e-5)
    frames[:, 2:, :] = 100
    frames[:, :, 6:] = 100  # too few for the percentile
    assert energy_maps(frames, 15.0)[1][-1] == 0


def test_energy_does_not_depend_on_the_frame_rate():
    """Flicker of 4 s: every third frame at a third of the rate gives the same score within 3 %."""
    time_s = np.arange(40 * 15) / 15
    frames = still(len(time_s))
    frames[:, :20, :20] = np.rint(100 + 25 * np.sin(np.pi * time_s / 2))[:, None, None]
    fast, slow = energy_maps(frames, 15.0)[1], energy_maps(frames[::3], 5.0)[1]
    np.testing.assert_allclose(slow[50:], fast[150::3], rtol=0.03)


def test_a_gain_step_of_the_whole_frame_leaves_no_energy():
    rng = np.random.default_rng(0)
    frames = np.repeat(rng.integers(60, 140, (1, HEIGHT, WIDTH)), 9, axis=0).astype(np.uint8)
    frames[4:] += 30
    maps, _ = energy_maps(frames, 15.0)
    assert maps.max() < 1e-5


def test_energy_of_times_that_are_given():
    """A step of 8 s, two residuals after the start: a(8 s) is 1 - 1/e."""
    frames = still(4)
    frames[3, 10:30, 10:30] += 20
    model = create_model("background", {"method": "energy", "half_levels": 10})
    session = model.session(HEIGHT, WIDTH)
    for frame, time_s in zip(frames, (0.0, 1.0, 2.0, 10.0), strict=True):
        (prediction,) = session.push(frame, time_s)
    energy = 20 * (1 - np.exp(-1))
    assert prediction.map[20, 20] == pytest.approx(energy / (energy + 10), rel=1e-5)
    assert prediction.time_s == 10.0


def test_specks_are_opened_away():
    frames = still(5)
    frames[3, 5, 5] += 100  # one pixel
    frames[3, 20:30, 20:30] += 100
    opened, raw = (predict(frames, opening_px=side)[3] > 0.5 for side in (3, 1))
    assert raw.sum() == 101
    assert raw[5, 5]
    assert not opened[5, 5]
    assert opened.sum() == 96  # a disc of 3 is a cross, which reaches no corner
    wide = predict(frames, opening_px=11)
    assert not wide.any()
