import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.scoring import GroundTruth, score_clip
from fgstp.scoring.metrics.weighted_f import background_weight, nearest_foreground


def random_masks(count=60):
    rng = np.random.default_rng(5)
    for share in rng.uniform(0.005, 0.95, count):
        mask = rng.random(rng.integers(1, 30, 2)) < share
        mask.ravel()[rng.integers(mask.size)] = True
        yield mask


def squared_distances(mask):
    """(N, F): from every pixel to every foreground pixel, in the order column, row."""
    places = np.argwhere(np.ones_like(mask))
    gas = np.argwhere(mask.T)[:, ::-1]
    return np.square(places[:, None] - gas[None]).sum(axis=2), gas


def test_nearest_pixels_are_the_nearest_and_ties_fall_to_column_then_row():
    for mask in random_masks():
        near, nearest = nearest_foreground(mask)
        distance, gas = squared_distances(mask)
        chosen = gas[distance.argmin(axis=1)]
        expected = chosen[:, 0] * mask.shape[1] + chosen[:, 1]
        assert np.array_equal(nearest, expected[near])


def test_exactly_the_background_that_a_window_can_hold_is_near():
    for mask in random_masks(20):
        near, _ = nearest_foreground(mask)
        padded = np.pad(mask, 3)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (7, 7))
        assert np.array_equal(near, np.flatnonzero(windows.any(axis=(2, 3)) & ~mask))


def test_nearest_pixels_are_those_of_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    for mask in random_masks(200):
        near, nearest = nearest_foreground(mask)
        rows, columns = ndimage.distance_transform_edt(
            ~mask, return_distances=False, return_indices=True
        )
        assert np.array_equal(nearest, (rows * mask.shape[1] + columns).ravel()[near])


def test_weights_are_exact():
    for mask in random_masks(20):
        distance = np.sqrt(squared_distances(mask)[0].min(axis=1)).reshape(mask.shape)
        expected = np.where(mask, 0, 2 - np.exp(np.log(0.5) / 5 * distance))
        assert background_weight(mask) == pytest.approx(expected, rel=0, abs=1e-15)


def test_weights_stay_exact_far_away():
    mask = np.zeros((400, 900), bool)
    mask[7, 3] = True
    rows, columns = np.mgrid[:400, :900]
    distance = np.sqrt((rows - 7) ** 2 + (columns - 3) ** 2)
    expected = np.where(mask, 0, 2 - np.exp(np.log(0.5) / 5 * distance))
    assert np.abs(background_weight(mask) - expected).max() < 5e-16


def test_counts_hold_every_pixel_once_in_its_block():
    mask = np.zeros((4, 6), bool)
    mask[1, 2:4] = True  # centroid at row 1, column 2.5, which rounds to 2
    truth = GroundTruth.from_mask(mask)
    assert truth.cut == (2, 3)
    counts = truth.count(np.arange(24, dtype=np.uint8).reshape(4, 6))
    assert counts.sum() == 24
    assert np.flatnonzero(counts[0].sum(axis=0)).tolist() == [0, 1, 2, 6, 7, 8]
    assert np.flatnonzero(counts[3].sum(axis=0)).tolist() == [15, 16, 17, 21, 22, 23]
    assert np.flatnonzero(counts[:, 1].sum(axis=0)).tolist() == [8, 9]
    assert counts[0, 1, 8] == counts[1, 1, 9] == 1


def test_all_ways_to_write_a_mask_are_the_same(make_clip):
    predictions, masks = make_clip(n_frames=3)
    expected = score_clip(predictions, masks)
    for other in (masks * 255, masks.astype(bool), np.asfortranarray(masks)):
        assert score_clip(predictions, other).equals(expected)


def test_a_ground_truth_does_not_follow_its_array():
    mask = np.zeros((4, 4), bool)
    truth = GroundTruth.from_mask(mask)
    mask[1, 1] = True
    assert truth.n_foreground == 0


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.full((2, 2), 7, np.uint8), "0 and 1, or 0 and 255"),
        (np.array([[0, 1], [255, 0]], np.uint8), "0 and 1, or 0 and 255"),
        (np.array([[0, 128], [255, 0]], np.uint8), "0 and 1, or 0 and 255"),
        (np.zeros((2, 2)), "bool or uint8"),
        (np.zeros((1, 2, 2), np.uint8), "bool or uint8"),
        (np.zeros((0, 2), np.uint8), "bool or uint8"),
    ],
)
def test_other_masks_are_refused(mask, words):
    with pytest.raises(UserError, match=words):
        GroundTruth.from_mask(mask)
