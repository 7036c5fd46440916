import cv2
import numpy as np
import pytest

from fgstp.plumes.camera import Camera, ContrastControl, visible_change

SHAPE = (64, 80)


def _ramp(low, high):
    return np.tile(np.linspace(low, high, SHAPE[1], dtype=np.float32), (SHAPE[0], 1))


def test_contrast_is_monotone_and_clips():
    contrast = ContrastControl()
    contrast.adapt(_ramp(-15.0, 3.0))
    grey = contrast.grey_levels(_ramp(-40.0, 40.0))[0]
    assert (np.diff(grey) >= 0.0).all()
    assert (grey[0], grey[-1]) == (0.0, 255.0)
    inside = (grey > 0.0) & (grey < 255.0)
    assert (np.diff(grey[inside]) > 0.0).all()


@pytest.mark.parametrize(("low", "high", "span_k"), [(-60.0, 20.0, 18.0), (-1.0, 1.0, 10.0)])
def test_span_stays_within_its_bounds(low, high, span_k):
    contrast = ContrastControl()
    contrast.adapt(_ramp(low, high))
    start = np.full((1, 2), low + 0.2 * (high - low), np.float32)
    start[0, 1] += 1.0
    grey = contrast.grey_levels(start)
    assert grey[0, 1] - grey[0, 0] == pytest.approx(255.0 / span_k, rel=1e-3)


def test_contrast_follows_slowly():
    contrast = ContrastControl()
    contrast.adapt(_ramp(-15.0, 0.0))
    before = contrast.grey_levels(_ramp(-15.0, 0.0)).mean()
    contrast.adapt(_ramp(-12.0, 3.0))
    after = contrast.grey_levels(_ramp(-15.0, 0.0)).mean()
    # A tenth of 3 K in a span of about 17 K.
    assert before - after == pytest.approx(0.1 * 3.0 * 255.0 / 17.0, rel=0.2)


def test_visible_change_is_the_threshold_of_the_blurred_difference():
    without = np.full(SHAPE, 50.0, np.float32)
    with_gas = without.copy()
    with_gas[10:30, 10:30] += 4.0
    with_gas[10:30, 40:60] -= 4.0
    with_gas[40:60, 10:30] += 2.0
    with_gas[50, 50] += 10.0  # the blur takes a lone pixel below the threshold
    mask = visible_change(with_gas, without)
    expected = np.zeros(SHAPE, np.uint8)
    expected[10:30, 10:30] = expected[10:30, 40:60] = 1
    # The blur of 1 pixel moves borders by a pixel at most.
    rim = cv2.dilate(expected, np.ones((3, 3))) - cv2.erode(expected, np.ones((3, 3)))
    np.testing.assert_array_equal(mask[rim == 0], expected[rim == 0])


def test_neither_gas_that_is_clipped_away_nor_none_is_in_the_mask():
    camera = Camera(np.random.default_rng(1), SHAPE, 1.0 / 15.0)
    warm = _ramp(-15.0, 0.0)
    warm[:, 60:] = 30.0  # far above the span: white with or without gas
    with_gas = warm.copy()
    with_gas[20:40, 5:20] += 2.0
    with_gas[20:40, 65:75] -= 2.0
    _, mask = camera.expose(with_gas, warm)
    assert mask[22:38, 7:18].all()
    assert not mask[:, 60:].any()
    assert not camera.expose(warm, None)[1].any()


def test_jitter_moves_image_and_mask_alike():
    rng = np.random.default_rng(2)
    sky = np.full(SHAPE, -12.0, np.float32)
    sky[:, :4] = 3.0  # something warm for the contrast control
    gas = sky.copy()
    gas[20:44, 30:54] += 5.0
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image_centres, mask_centres = [], []
    for _ in range(6):
        # A new camera each time draws a jitter of its own; a large one is seen best.
        camera = Camera(rng, SHAPE, 1.0 / 15.0)
        camera._jitter._sigma = np.full(2, 3.0)
        grey, mask = camera.expose(gas, sky)
        bright = ((grey > 60) & (x > 10)).astype(float)
        image_centres.append(((bright * x).sum() / bright.sum(), (bright * y).sum() / bright.sum()))
        mask_centres.append(((mask * x).sum() / mask.sum(), (mask * y).sum() / mask.sum()))
    assert np.ptp(image_centres, axis=0).min() > 2.0
    assert np.abs(np.array(image_centres) - mask_centres).max() < 0.6


def test_noise_is_a_few_hundredths_of_a_kelvin():
    camera = Camera(np.random.default_rng(3), SHAPE, 1.0 / 15.0)
    frames = np.array([camera.expose(_ramp(-15.0, 3.0), None)[0] for _ in range(8)], float)
    # 10-25 mK in a span of 18 K are 0.1-0.4 grey levels, before rounding and JPEG.
    assert 0.0 < np.median(frames.std(axis=0)) < 1.5
