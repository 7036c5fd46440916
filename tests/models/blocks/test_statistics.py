"""WISP's statistics: equations worked by hand, and what must not change them."""

import math

import numpy as np
import pytest

from fgstp.models.blocks.statistics import CHANNELS, InnovationStatistics

GRID = 12, 16
INSIDE = 5, 6  # a pixel of the grid


def run(frames, times_s, grid=GRID):
    """All channels of all frames: (T, 10, h, w)."""
    statistics = InnovationStatistics(*grid)
    return np.stack([statistics.update(*each) for each in zip(frames, times_s, strict=True)])


def channel(found, name):
    return found[..., CHANNELS.index(name), :, :]


def flat(levels, pixel=None):
    """Frames (T, 24, 32) of level 100 in which one cell of the grid has other levels."""
    frames = np.full((len(levels), 24, 32), 100, np.uint8)
    row, column = pixel or INSIDE
    for frame, level in zip(frames, levels, strict=True):
        frame[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = level
    return frames


def by_hand(levels, times_s):
    """The channels of one pixel, of footage whose gain never changes and whose noise is 0.5."""
    noise, rows = 0.5, []
    taus = (0.5, 2.0, 8.0, 30.0, 120.0)
    backgrounds, low, high = [levels[0]] * 5, levels[0], levels[0]
    fast = slow = 0.0
    before_s = times_s[0]
    for n, (level, time_s) in enumerate(zip(levels, times_s, strict=True), start=1):
        rates = {tau: max(1 - math.exp(-(time_s - before_s) / tau), 1 / n) for tau in (*taus, 8.0)}
        residuals = [level - each for each in backgrounds]
        above, below = level - low, high - level
        for k, tau in enumerate(taus):
            limit = 4 * noise + slow / 2 if tau >= 30 else math.inf
            backgrounds[k] += rates[tau] * max(-limit, min(limit, residuals[k]))
        slowly = min(rates[120.0], 1 - math.exp(-(time_s - before_s)))
        step = slowly * (4 * noise + abs(high - low))
        low += step * (0.1 - (above < 0))
        high += step * (0.9 - (below > 0))
        fast += rates[8.0] * (min(abs(residuals[1]), 20 * noise) - fast)
        slow += rates[8.0] * (min(abs(residuals[3]), 20 * noise) - slow)
        rows.append(
            [
                *(math.asinh(each / (2 * noise)) for each in residuals),
                math.log(1 + fast / noise),
                math.log(1 + slow / noise),
                (fast / noise) / (slow / noise + 0.5),
                math.asinh(above / (2 * noise)),
                math.asinh(below / (2 * noise)),
            ]
        )
        before_s = time_s
    return np.array(rows)


def test_every_channel_is_that_of_its_equation():
    levels = [100, 103, 98, 130, 130, 131, 101, 100, 90, 115, 115, 115]
    times_s = np.cumsum([0, 0.1, 0.1, 0.3, 0.05, 1, 0.1, 4, 0.1, 0.1, 20, 0.1])
    found = run(flat(levels), times_s)[:, :, *INSIDE]
    np.testing.assert_allclose(found, by_hand(levels, times_s), rtol=1e-4, atol=1e-5)


def test_footage_at_rest_has_no_innovation():
    scene = np.random.default_rng(1).integers(0, 256, (24, 32)).astype(np.uint8)
    found = run([scene] * 20, np.arange(20) / 15)
    np.testing.assert_allclose(found[:, :8], 0, atol=1e-4)
    assert np.abs(found[:, 8:]).max() < 0.5  # the quantiles look for the level


def test_noise_is_the_scale():
    scene, found = 120.0, {}
    for sigma in (3.0, 6.0):
        noise = np.random.default_rng(3).normal(scale=sigma, size=(300, 60, 80))
        frames = np.clip(np.rint(scene + noise), 0, 255).astype(np.uint8)
        statistics = InnovationStatistics(30, 40)
        last = [statistics.update(each, n / 15) for n, each in enumerate(frames)][-1]
        # Averages of four pixels: half the noise; of a difference, root two times as much; the
        # median of the absolute value times 1.48 is the standard deviation.
        assert statistics.noise_levels == pytest.approx(sigma / 2 * math.sqrt(2), rel=0.05)
        found[sigma] = np.abs(last[3]).mean()
    assert found[6.0] == pytest.approx(found[3.0], rel=0.05)


def moving_blob(fps_hz, seconds):
    """A soft blob that wobbles about a point for the second half, over a scene with structure."""
    y, x = np.mgrid[:48, :64]
    scene = 90 + 40 * np.sin(x / 9.0) * np.cos(y / 7.0)
    for n in range(round(seconds * fps_hz)):
        time_s = n / fps_hz
        strength = 25 * (time_s > seconds / 2) * (1 + 0.5 * math.sin(2 * math.pi * time_s / 4))
        centre = 32 + 5 * math.sin(2 * math.pi * time_s / 5)
        blob = strength * np.exp(-((x - centre) ** 2 + (y - 24) ** 2) / 60)
        yield np.rint(scene + blob).astype(np.uint8), time_s


@pytest.mark.parametrize("name", CHANNELS)
def test_the_frame_rate_does_not_matter(name):
    found = {}
    for fps_hz in (15, 5):
        frames, times_s = zip(*moving_blob(fps_hz, 40), strict=True)
        every = run(frames, times_s, (24, 32))[:: round(fps_hz / 5)]  # the same moments
        found[fps_hz] = channel(every, name)[-75:]
    error = np.abs(found[15] - found[5]).mean() / np.abs(found[15]).mean()
    # The shortest background lags by another fraction of a frame.
    assert error < (0.3 if name == "residual_0.5s" else 0.15)


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 25), (0.95, 4), (1.08, -10), (0.7, 30)])
def test_a_step_of_the_gain_leaves_all_channels_flat(gain, offset):
    rng = np.random.default_rng(4)
    scene = 120 + 12 * np.sin(np.arange(64) / 5.0) + 12 * np.cos(np.arange(48) / 6.0)[:, None]
    noisy = [scene + rng.normal(scale=1.0, size=scene.shape) for _ in range(120)]
    frames = [np.rint(each if n < 100 else gain * each + offset) for n, each in enumerate(noisy)]
    frames = np.clip(frames, 0, 255).astype(np.uint8)
    found = run(frames, np.arange(120) / 15, (24, 32))
    before, after = np.abs(found[90:100]).mean(), np.abs(found[102:112]).mean()
    assert after < 1.3 * before


def test_gas_is_no_step_of_the_gain():
    y, x = np.mgrid[:48, :64]
    scene = 60 + x + 0.0 * y
    gas = 40 * np.exp(-((x - 30) ** 2 + (y - 20) ** 2) / 80)
    frames = np.rint([scene] * 60 + [scene + gas] * 30).astype(np.uint8)
    found = channel(run(frames, np.arange(90) / 15, (24, 32)), "residual_30s")[-1]
    assert found[10, 15] > 2
    assert np.abs(found[:, 24:]).max() < 0.5


def test_another_scene_begins_anew():
    rng = np.random.default_rng(5)
    first, second = (rng.integers(0, 256, (24, 32)).astype(np.uint8) for _ in range(2))
    statistics = InnovationStatistics(*GRID)
    for n in range(30):
        statistics.update(first, n / 15)
    assert not statistics.scene_changed
    assert not statistics.update(second, 2.0).any()
    assert statistics.scene_changed
    assert statistics.seen_s == 0.0
    np.testing.assert_allclose(statistics.update(second, 2.1)[:8], 0, atol=1e-4)
    assert not statistics.scene_changed


def test_it_is_warm_after_thirty_seconds():
    statistics = InnovationStatistics(*GRID)
    for time_s in range(30):
        statistics.update(flat([100])[0], float(time_s))
    assert not statistics.is_warm
    statistics.update(flat([100])[0], 30.0)
    assert statistics.is_warm


def test_the_border_is_silent():
    frames = np.random.default_rng(6).integers(0, 256, (10, 24, 32)).astype(np.uint8)
    frames[:, 4:-4, 4:-4] = 100
    found = run(frames, np.arange(10) / 15)
    assert not found[:, :, [0, -1], :].any()
    assert not found[:, :, :, [0, -1]].any()


def test_a_passing_plume_hardly_moves_the_slow_backgrounds():
    # A third of the time it is 40 levels brighter: a mean would follow by 13. At rest at d, with
    # departures limited to 10: c = 2 + (10 + 2 d) / 6, and c / 3 = 2 d / 3.
    levels = [100 + 40 * (n % 3 == 1) for n in range(1800)]
    found = channel(run(flat(levels), np.arange(1800) / 15), "residual_30s")[:, *INSIDE]
    assert np.sinh(found[-1]) == pytest.approx(-2.2, abs=0.3)


def test_a_plume_at_the_beginning_is_forgotten():
    levels = [140] * 15 + [100] * 1800
    found = channel(run(flat(levels), np.arange(1815) / 15), "residual_30s")[:, *INSIDE]
    assert np.sinh(found[-1]) == pytest.approx(0, abs=3.0)
