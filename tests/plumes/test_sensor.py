import numpy as np
import pytest

from fgstp.plumes.sensor import CooledSensor, UncooledSensor

SHAPE = (64, 80)


def _frames(sensor, n_frames=40):
    return np.array([sensor.step() for _ in range(n_frames)])


@pytest.mark.parametrize("seed", range(3))
def test_a_cooled_sensor_has_little_noise_and_a_weaker_pattern_that_stays(seed):
    frames = _frames(CooledSensor(np.random.default_rng(seed), SHAPE))
    temporal = frames.std(axis=0, ddof=1).mean()
    assert 0.009 < temporal < 0.026
    pattern = np.median(np.abs(frames.mean(axis=0)))
    assert 0.2 * temporal < pattern < temporal


@pytest.mark.parametrize("seed", range(3))
def test_columns_of_an_uncooled_sensor_drift(seed):
    sensor = UncooledSensor(np.random.default_rng(seed), SHAPE, step_s=1.0)
    frames = _frames(sensor, 300)
    assert 0.03 < np.median(np.abs(np.diff(frames, axis=0))) / 0.95 < 0.2
    columns = frames.mean(axis=1)  # (T, W)
    fast = np.diff(columns, axis=0).std()
    slow = (columns[200:].mean(axis=0) - columns[:100].mean(axis=0)).std()
    assert slow > 0.2 * fast
    # Means over 64 rows of independent noise alone would vary by an eighth of it.
    assert columns.std(axis=0).mean() > 0.005


def test_the_shutter_renews_the_pattern_of_an_uncooled_sensor_only():
    for make, renewed in ((UncooledSensor, True), (CooledSensor, False)):
        steps = {"step_s": 1e-3} if renewed else {}
        sensor = make(np.random.default_rng(4), SHAPE, **steps)
        before = _frames(sensor).mean(axis=0)
        same = _frames(sensor).mean(axis=0)
        sensor.calibrate()
        after = _frames(sensor).mean(axis=0)
        usual, changed = (np.median(np.abs(each - before)) for each in (same, after))
        assert (changed > 1.2 * usual) == renewed
