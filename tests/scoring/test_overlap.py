import numpy as np
import pytest


def test_mean_absolute_error_by_hand(score):
    row = score([[0, 51], [204, 255]], [[0, 0], [1, 1]])
    assert row["mae"] == pytest.approx((0 + 0.2 + 0.2 + 0) / 4, abs=1e-15)


def test_iou_and_dice_by_hand(score):
    """One true positive, one false positive, one false negative; at level 0 all is predicted."""
    row = score([[0, 255], [255, 0]], [[0, 1], [0, 1]])
    assert row["iou"] == 1 / 3
    assert row["dice"] == 1 / 2
    assert row["iou_mean"] == pytest.approx((255 * (1 / 3) + 2 / 4) / 256, abs=1e-15)
    assert row["dice_mean"] == pytest.approx((255 * (1 / 2) + 4 / 6) / 256, abs=1e-15)


def test_a_soft_map_by_hand(score):
    """Levels 0, 100, 200, 255 with the upper two and the lowest foreground."""
    row = score([[0, 100], [200, 255]], [[1, 0], [1, 1]])
    steps = [(1, 3 / 4), (100, 2 / 4), (100, 2 / 3), (55, 1 / 3)]
    assert sum(number for number, _ in steps) == 256
    assert row["iou_mean"] == pytest.approx(
        sum(number * iou for number, iou in steps) / 256, abs=1e-15
    )


def test_the_threshold_itself_counts_as_predicted(score):
    prediction = [[128, 127], [0, 255]]
    assert score(prediction, [[1, 0], [0, 1]])["iou"] == 1
    assert score(prediction, [[1, 0], [0, 1]], threshold=129)["iou"] == 1 / 2
    assert score(prediction, [[1, 0], [0, 1]], threshold=127)["iou"] == 2 / 3


def test_a_perfect_binary_map_misses_one_only_at_level_0(score):
    """The artefact of averaging over all thresholds, on a mask of 7.8 % of the frame."""
    mask = np.zeros((16, 16))
    mask[3:8, 4:8] = 1
    row = score(mask * 255, mask)
    assert row["iou"] == row["dice"] == 1
    assert row["iou_mean"] == pytest.approx((255 + 20 / 256) / 256, abs=1e-15)
    assert row["iou_mean"] == pytest.approx(0.9964, abs=5e-5)


@pytest.mark.parametrize("change", [np.transpose, np.fliplr, np.flipud, np.rot90])
def test_place_does_not_matter_to_pixel_metrics(score, make_clip, change):
    predictions, masks = make_clip(n_frames=3)
    names = ["mae", "iou_mean", "dice_mean", "iou", "dice", "e_mean", "e_adaptive", "e_max"]
    for prediction, mask in zip(predictions, masks, strict=True):
        before, after = score(prediction, mask), score(change(prediction), change(mask))
        assert list(after[names]) == pytest.approx(list(before[names]), abs=1e-14)
