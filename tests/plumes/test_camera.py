import cv2
import numpy as np
import pytest

from fgstp.plumes.camera import Camera, visible_change
from fgstp.plumes.conditions import CameraConditions

SHAPE = (64, 80)
STEP_S = 1.0 / 15.0
STILL = CameraConditions(jitter_fraction=0.0, quantiser=(4.0, 4.0))


def _ramp(low, high):
    return np.tile(np.linspace(low, high, SHAPE[1], dtype=np.float32), (SHAPE[0], 1))


def _camera(seed=1, conditions=STILL, **changes):
    conditions = conditions.model_copy(update=changes)
    return Camera(np.random.default_rng(seed), SHAPE, conditions, STEP_S)


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


def test_grey_levels_are_clipped_to_black_and_white():
    grey = _camera().expose([_ramp(-40.0, 40.0)]).grey
    assert grey[:, 0].max() <= 3
    assert grey[:, -2:].min() >= 252


def test_neither_gas_that_is_clipped_away_nor_none_is_in_the_mask():
    warm = _ramp(-15.0, 0.0)
    warm[:, 60:] = 30.0  # far above the span: white with or without gas
    with_gas = warm.copy()
    with_gas[20:40, 5:20] += 2.0
    with_gas[20:40, 65:75] -= 2.0
    camera = _camera()
    [mask] = camera.expose([warm, with_gas]).masks
    assert mask[22:38, 7:18].all()
    assert not mask[:, 60:].any()
    [empty] = camera.expose([warm, warm]).masks
    assert not empty.any()


def test_each_layer_has_its_own_mask():
    layers = [_ramp(-15.0, 0.0)]
    for left in (5, 30, 55):
        layers.append(layers[-1].copy())
        layers[-1][20:40, left : left + 15] += 3.0
    masks = _camera().expose(layers).masks
    assert [int(np.argmax(mask.any(axis=0))) for mask in masks] == pytest.approx([5, 30, 55], abs=3)
    assert not (masks[0] & masks[1] | masks[1] & masks[2]).any()


def test_jitter_moves_image_and_mask_alike():
    sky = np.full(SHAPE, -12.0, np.float32)
    sky[:, :4] = 3.0  # something warm for the contrast control
    gas = sky.copy()
    gas[20:44, 30:54] += 5.0
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image_centres, mask_centres, shifts = [], [], []
    for seed in range(6):
        # A width of 80 pixels is a quarter of that for which the jitter is told.
        camera = _camera(seed, jitter_fraction=1.0, jitter_px=(12.0, 12.0))
        grey, [mask], shift_px = camera.expose([sky, gas])
        bright = ((grey > 60) & (x > 20)).astype(float)
        image_centres.append(((bright * x).sum() / bright.sum(), (bright * y).sum() / bright.sum()))
        mask_centres.append(((mask * x).sum() / mask.sum(), (mask * y).sum() / mask.sum()))
        shifts.append(shift_px)
    assert np.ptp(image_centres, axis=0).min() > 2.0
    assert np.abs(np.array(image_centres) - mask_centres).max() < 0.6
    np.testing.assert_allclose(np.array(mask_centres) - shifts, [[41.5, 31.5]] * 6, atol=0.6)


def test_noise_of_a_cooled_camera_is_a_few_hundredths_of_a_kelvin():
    camera = _camera(3)
    frames = np.array([camera.expose([_ramp(-15.0, 3.0)]).grey for _ in range(8)], float)
    # 10-25 mK in a span of 18 K are 0.1-0.4 grey levels, before rounding and compression.
    assert 0.0 < frames.std(axis=0).mean() < 1.5


def test_an_uncooled_camera_is_noisier_and_its_columns_differ():
    scene = np.full(SHAPE, 2.0, np.float32)
    spread = {}
    for fraction in (0.0, 1.0):
        pictures = [
            _camera(seed, uncooled_fraction=fraction, span_k=(3.0, 3.0)).expose([scene]).grey
            for seed in range(8)
        ]
        inner = np.array(pictures, float)[:, 4:-4, 4:-4]
        spread[fraction] = inner.std(axis=(1, 2)).mean(), inner.mean(axis=1).std(axis=1).mean()
    assert spread[1.0][0] > 2.0 * spread[0.0][0]
    assert spread[1.0][1] > 2.0 * spread[0.0][1]


def test_a_freeze_shows_the_last_frame_again_with_its_mask():
    camera = _camera(2, freezes_per_hour=3600.0)
    frozen = 0
    before = None
    for number in range(60):
        warm = _ramp(-15.0, 0.0)
        with_gas = warm.copy()
        with_gas[20:40, number : number + 15] += 3.0
        exposure = camera.expose([warm, with_gas])
        same = before is not None and np.array_equal(exposure.masks[0], before.masks[0])
        if same:
            frozen += 1
            assert np.abs(exposure.grey.astype(int) - before.grey).mean() < 1.0
        before = exposure
    assert 5 < frozen < 60
