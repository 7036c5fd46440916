import numpy as np
import pytest

from fgstp.training.validation import overlap, validation_scores, youden_threshold


def test_scores_count_empty_frames_properly():
    # Four frames: half found; gas missed; a false alarm; rightly nothing.
    masks = np.zeros((4, 2, 4), bool)
    masks[0, 0], masks[1, :, :2] = True, True
    found = np.zeros_like(masks)
    found[0, 0, :2], found[2, 0, 0] = True, True
    scores = validation_scores(overlap(found, masks))
    assert scores["val_miou"] == pytest.approx((0.5 + 0 + 0 + 1) / 4)
    assert scores["val_miou_gas"] == pytest.approx((0.5 + 0) / 2)
    assert scores["val_iou"] == pytest.approx(2 / (4 + 4 + 1))
    nothing = validation_scores(overlap(*np.zeros((2, 2, 3, 3), bool)))
    assert nothing == {"val_miou": 1.0, "val_miou_gas": 0.0, "val_iou": 0.0}


@pytest.mark.parametrize(
    ("gas", "others", "expected"),
    [
        ([0.8, 0.9], [0.1, 0.2], 0.5),  # between 0.2 and 0.8
        ([0.3, 0.9], [0.1, 0.2], 0.25),
        # From 0.4 on: 2 of 3 with gas and none of 2 without; from 0.15 on: 3 of 3, and 1 of 2.
        ([0.2, 0.4, 0.9], [0.1, 0.3], 0.35),
        # J is 0.5 from 0.15 on and from 0.85 on, which is as far from 0.5: the first of them.
        ([0.2, 0.9], [0.1, 0.8], 0.15),
        # Scores the wrong way round: J is never above 0, but the better of -1 and -1 is one.
        ([0.1], [0.9], 0.5),
        ([0.4, 0.4], [0.2, 0.4], 0.3),
    ],
)
def test_the_threshold_divides_frames_best(gas, others, expected):
    scores = np.array([*gas, *others])
    truth = np.arange(len(scores)) < len(gas)
    assert youden_threshold(truth, scores) == pytest.approx(expected)
    order = np.random.default_rng(0).permutation(len(scores))
    assert youden_threshold(truth[order], scores[order]) == pytest.approx(expected)


def test_the_threshold_is_the_best_of_all():
    rng = np.random.default_rng(1)
    gas = rng.random(200) < 0.3
    scores = np.round(rng.random(200) * 0.6 + 0.3 * gas, 2)

    def youden(level):
        return (scores[gas] >= level).mean() - (scores[~gas] >= level).mean()

    best = max(youden(level) for level in np.arange(0, 1, 0.001))
    assert youden(youden_threshold(gas, scores)) == pytest.approx(best)


@pytest.mark.parametrize(
    ("gas", "scores"), [([1, 1], [0.1, 0.9]), ([0, 0], [0.1, 0.9]), ([0, 1], [0.5, 0.5])]
)
def test_without_two_kinds_of_frames_there_is_no_threshold(gas, scores):
    assert youden_threshold(np.array(gas, bool), np.array(scores)) is None
