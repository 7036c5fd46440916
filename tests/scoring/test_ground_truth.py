"""Masks, and counts of pixels against them."""

import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.scoring import GroundTruth, score_clip


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
