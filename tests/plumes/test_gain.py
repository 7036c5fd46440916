import numpy as np
import pytest

from fgstp.plumes.gain import ContrastControl, GainDrift, surround

SHAPE = (64, 80)


def _ramp(low, high):
    return np.tile(np.linspace(low, high, SHAPE[1], dtype=np.float32), (SHAPE[0], 1))


def test_contrast_is_linear_between_black_and_white():
    contrast = ContrastControl((10.0, 18.0), 0.87, 0.9)
    contrast.adapt(_ramp(-15.0, 0.0))
    grey = contrast.grey_levels(_ramp(-15.0, 0.0))[0]
    steps = np.diff(grey)
    assert steps.min() > 0.0
    np.testing.assert_allclose(steps, steps.mean(), rtol=1e-3)
    assert grey[0] == pytest.approx(0.0, abs=5.0)
    assert 200.0 < grey[-1] < 255.0


@pytest.mark.parametrize(("low", "high", "span_k"), [(-60.0, 20.0, 18.0), (-1.0, 1.0, 10.0)])
def test_span_stays_within_its_bounds(low, high, span_k):
    contrast = ContrastControl((10.0, 18.0), 0.87, 0.9)
    contrast.adapt(_ramp(low, high))
    start = np.full((1, 2), low, np.float32)
    start[0, 1] += 1.0
    grey = contrast.grey_levels(start)
    assert grey[0, 1] - grey[0, 0] == pytest.approx(255.0 / span_k, rel=1e-3)


def test_contrast_follows_slowly():
    contrast = ContrastControl((10.0, 18.0), 0.87, 0.9)
    contrast.adapt(_ramp(-15.0, 0.0))
    before = contrast.grey_levels(_ramp(-15.0, 0.0)).mean()
    contrast.adapt(_ramp(-12.0, 3.0))
    after = contrast.grey_levels(_ramp(-15.0, 0.0)).mean()
    # A tenth of 3 K in a span of about 17 K.
    assert before - after == pytest.approx(0.1 * 3.0 * 255.0 / 17.0, rel=0.2)


def test_levels_drift_slowly_and_step_as_often_as_asked():
    drift = GainDrift(np.random.default_rng(1), drift_levels=6.0, steps_per_hour=0.0, step_s=1.0)
    gains, offsets = np.array([drift.step() for _ in range(20_000)]).T
    assert (gains == 1.0).all()
    assert offsets.std() == pytest.approx(6.0, rel=0.25)
    assert np.abs(np.diff(offsets)).max() < 3.0
    drift = GainDrift(np.random.default_rng(1), drift_levels=0.0, steps_per_hour=60.0, step_s=1.0)
    gains, _ = np.array([drift.step() for _ in range(36_000)]).T
    assert np.count_nonzero(np.diff(gains)) == pytest.approx(600, rel=0.15)


def test_surround_is_the_wide_mean():
    picture = np.zeros(SHAPE, np.float32)
    picture[:, 40:] = 10.0
    wide = surround(picture, 16.0)
    assert wide.mean() == pytest.approx(5.0, abs=0.3)
    assert wide[32, [2, 40, 77]] == pytest.approx([0.5, 5.0, 9.5], abs=1.5)
