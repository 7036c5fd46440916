import math

import numpy as np
import pytest

from fgstp.footage.statistics import (
    STATISTICS,
    autocorrelations,
    footage_statistics,
    percentiles,
)
from fgstp.footage.video import Frame, Video

FPS_HZ = 4.0
SHAPE = (60, 80)


class _Frames:
    """Frames in memory as a source."""

    timing = None

    def __init__(self, frames, classes=None, masks=None):
        self._frames = frames
        self._classes = [None] * len(frames) if classes is None else classes
        self._masks = [None] * len(frames) if masks is None else masks

    def n_frames_hint(self):
        return len(self._frames)

    def fps_hz(self):
        return FPS_HZ

    def signature(self):
        return ""

    def content_hash(self):
        return ""

    def sample(self, n_frames):
        return iter(self._frames)

    def frames(self, remarks):
        for frame, mask, leak_class in zip(self._frames, self._masks, self._classes, strict=True):
            yield Frame(frame, mask, leak_class)


def _measured(frames, **facts):
    frames = np.rint(frames).clip(0, 255).astype(np.uint8)
    return footage_statistics(Video("a", _Frames(frames, **facts), "test"))


def _scene(n_frames=160):
    rows = np.linspace(20.0, 200.0, SHAPE[0])
    return np.tile(rows[None, :, None], (n_frames, 1, SHAPE[1]))


def test_still_footage_is_still():
    found = _measured(_scene())
    assert set(found) == set(STATISTICS)
    for name in ("activity", "jitter", "level_drift", "noise"):
        assert found[name] == pytest.approx(0.0, abs=1e-6), name
    assert found["unchanged"] == 100.0
    assert found["contrast"] == pytest.approx(0.98 * 180.0 * 56 / 60, rel=0.05)
    assert math.isnan(found["gas_area"])


def test_noise_and_unchanged_pixels_follow_from_their_deviation():
    noise = np.random.default_rng(1).normal(0.0, 4.0, (160, *SHAPE))
    found = _measured(100.0 + noise)
    # Without the largest tenth of the changes, which a bird or a plume may have made.
    assert found["noise"] == pytest.approx(4.0, rel=0.25)
    # Two values of a normal distribution of 4 levels are equal in 1 / (2 sqrt(pi) 4).
    assert found["unchanged"] == pytest.approx(100.0 / (2.0 * math.sqrt(math.pi) * 4.0), rel=0.05)


def test_activity_is_that_of_the_most_active_hundredth_of_frames_without_gas():
    frames, classes = _scene(), np.zeros(160, int)
    flicker = 12.0 * (np.arange(160) % 2)
    frames[:, 20:36, 20:36] = 100.0 + flicker[:, None, None]  # a twentieth of the pixels
    assert _measured(frames)["activity"] == pytest.approx(6.0, abs=0.8)
    classes[:] = 3
    assert math.isnan(_measured(frames, classes=classes)["activity"])


def test_drift_of_the_level_and_jitter_are_told_apart():
    texture = 40.0 * np.random.default_rng(2).standard_normal(SHAPE)
    smooth = (
        120.0 + 4.0 * sum(np.roll(texture, (k, j), (0, 1)) for k in range(3) for j in range(3)) / 9
    )
    drifting = smooth[None] + np.linspace(0.0, 20.0, 160)[:, None, None]
    found = _measured(drifting)
    assert found["level_drift"] == pytest.approx(18.0, abs=1.5)
    assert found["jitter"] < 0.03
    ways = np.random.default_rng(3).normal(0.0, 0.2, 160)
    slope = np.gradient(smooth, axis=1)
    shaken = smooth[None] - ways[:, None, None] * slope
    # Only sideways.
    assert _measured(shaken)["jitter"] == pytest.approx(0.2 / math.sqrt(2.0), rel=0.2)


@pytest.mark.parametrize("memory", [0.9, 0.5])
def test_autocorrelation_is_that_of_the_process(memory):
    rng = np.random.default_rng(4)
    values, state = [], np.zeros(SHAPE)
    for _ in range(400):
        state = memory * state + math.sqrt(1.0 - memory**2) * rng.standard_normal(SHAPE)
        values.append(state)
    frames = np.full((400, *SHAPE), 100, np.uint8)
    frames[:, :8, :12] = np.rint(100.0 + 25.0 * np.array(values)[:, :8, :12]).clip(0, 255)
    one, five, none = autocorrelations(frames, 0.7, (0.7, 3.5, 1.0))
    assert one == pytest.approx(memory, abs=0.06)
    assert five == pytest.approx(memory**5, abs=0.08)
    assert math.isnan(none)  # 1.0 s is no multiple of 0.7 s


def test_area_of_gas_is_the_part_that_gas_covers_often():
    frames, masks = _scene(), np.zeros((160, *SHAPE), np.uint8)
    masks[:, 10:40, 10:50] = 1
    puffs = (np.arange(160) // 3 % 4 != 0) * 30.0  # three quarters of the time
    frames[:, 10:40, 10:50] += puffs[:, None, None]
    found = _measured(frames, masks=list(masks))
    covered = 30 * 40 / ((SHAPE[0] - 4) * (SHAPE[1] - 4))
    assert found["gas_area"] == pytest.approx(100.0 * 0.75 * covered, rel=0.15)
    assert math.isnan(found["background_autocorrelation_3.3s"])
    assert not math.isnan(found["gas_autocorrelation_3.3s"])


def test_percentiles_leave_out_what_is_not_known():
    unknown = dict.fromkeys(STATISTICS, math.nan)
    measured = [unknown | {"noise": value} for value in (1.0, 2.0, 3.0)] + [unknown]
    table = percentiles(measured, (0, 50, 100))
    np.testing.assert_array_equal(table["noise"], [1.0, 2.0, 3.0])
    assert np.isnan(table["activity"]).all()
