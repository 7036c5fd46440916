"""Frame scores, rankings by them, and false alarms."""

import math

import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.models.session import top_score
from fgstp.scoring import ScoringProtocol, auroc, average_precision, list_metrics, score_clip
from fgstp.scoring.metrics.detection import rank, ranking_scores


@pytest.mark.parametrize(
    ("n_pixels", "expected"), [(100, 1.0), (1000, 1.0), (2000, 0.8), (3000, 0.6), (4000, 0.5)]
)
def test_frame_score_is_the_mean_of_the_highest_pixels(score, n_pixels, expected):
    """One in a thousand pixels counts, at least one, as in the scores that sessions give."""
    prediction = np.zeros((10, n_pixels // 10))
    prediction[0, :4] = [255, 153, 51, 51]
    found = score(prediction, np.zeros_like(prediction))["frame_score"]
    assert found == pytest.approx(expected, abs=1e-15)
    assert found == pytest.approx(top_score(prediction / 255), abs=1e-12)


@pytest.mark.parametrize("protocol", ["paper", "paper_binary", "operational"])
def test_frame_score_is_never_stretched(score, protocol):
    row = score(np.array([[0, 51], [51, 0]]), np.zeros((2, 2)), protocol, 128)
    assert row["frame_score"] == pytest.approx(0.2, abs=1e-15)


def test_false_alarms_are_told_on_leak_free_frames_alone():
    predictions = np.zeros((4, 5, 4), np.uint8)
    predictions[1, 0, :2] = 200
    predictions[2, 0, :3] = 200
    predictions[3, 0, :3] = 200
    masks = np.zeros_like(predictions)
    masks[3, 1, 1] = 1
    protocol = ScoringProtocol(name="own", norm="none", alarm_px=3, threshold=200)
    rows = score_clip(predictions, masks, protocol)
    assert rows["false_alarm_fraction"].tolist()[:3] == [0, 0.1, 0.15]
    assert rows["false_alarm"].tolist()[:3] == [0, 0, 1]
    assert rows.loc[3, ["false_alarm_fraction", "false_alarm"]].isna().all()
    assert rows["gas"].tolist() == [False, False, False, True]
    lower = score_clip(predictions, masks, protocol.at(201))
    assert lower["false_alarm"].tolist()[:3] == [0, 0, 0]


def test_a_stretch_turns_faint_noise_into_false_alarms(score):
    """The artefact of min-max on leak-free frames: noise of 0 to 2 levels, a third of it gas."""
    noise = np.arange(3 * 64).reshape(12, 16) % 3
    stretched = score(noise, np.zeros_like(noise), "paper")
    assert stretched["false_alarm_fraction"] == pytest.approx(1 / 3)
    assert stretched["mae"] == pytest.approx(0.5)
    operational = score(noise, np.zeros_like(noise), "operational", 128)
    assert operational["false_alarm_fraction"] == 0
    assert operational["mae"] == pytest.approx(1 / 255)
    assert operational["iou"] == 1


def slow_auroc(gas, scores):
    pairs = [
        1.0 if positive > negative else 0.5 * (positive == negative)
        for positive in scores[gas]
        for negative in scores[~gas]
    ]
    return np.mean(pairs)


def slow_average_precision(gas, scores):
    total, before = 0.0, 0
    for score in sorted(set(scores.tolist()), reverse=True):
        taken = scores >= score
        found = (taken & gas).sum()
        total += (found - before) * found / taken.sum()
        before = found
    return total / gas.sum()


def test_rankings_by_hand():
    gas, scores = [True, False, True, False], [0.9, 0.8, 0.7, 0.1]
    assert auroc(gas, scores) == 3 / 4
    assert average_precision(gas, scores) == pytest.approx((1 + 2 / 3) / 2)


def test_equal_scores_are_taken_together_whatever_their_order():
    for gas in ([True, False, True], [False, True, True], [True, True, False]):
        assert auroc(gas, [0.5, 0.5, 0.5]) == 0.5
        assert average_precision(gas, [0.5, 0.5, 0.5]) == pytest.approx(2 / 3)


@pytest.mark.parametrize("levels", [2, 5, 10**6])
def test_against_counting_pairs(levels):
    rng = np.random.default_rng(levels)
    for _ in range(20):
        scores = rng.integers(0, levels, 40) / levels
        gas = rng.random(40) < 0.3
        gas[0], gas[1] = True, False
        assert auroc(gas, scores) == pytest.approx(slow_auroc(gas, scores), abs=1e-12)
        expected = slow_average_precision(gas, scores)
        assert average_precision(gas, scores) == pytest.approx(expected, abs=1e-12)


def test_limits_of_rankings():
    gas = np.array([True, True, False, False])
    assert auroc(gas, [4, 3, 2, 1]) == average_precision(gas, [4, 3, 2, 1]) == 1
    assert auroc(gas, [1, 2, 3, 4]) == 0
    for one_class in (gas | True, gas & False):
        assert math.isnan(auroc(one_class, [4, 3, 2, 1]))
        assert math.isnan(average_precision(one_class, [4, 3, 2, 1]))


def test_weights_count_frames_that_often():
    rng = np.random.default_rng(3)
    gas, scores = rng.random(30) < 0.5, rng.integers(0, 8, 30)
    weights = rng.integers(0, 4, 30)
    ranked = rank(gas, scores)
    functions = [metric.function for metric in list_metrics("ranking")]
    found = ranking_scores(ranked, weights[ranked.order].astype(float), functions)
    repeated = np.repeat(gas, weights), np.repeat(scores, weights)
    assert found == pytest.approx((average_precision(*repeated), auroc(*repeated)), abs=1e-12)


def test_what_cannot_be_ranked_is_refused():
    with pytest.raises(UserError, match="one score a frame"):
        auroc([True, False], [1.0])
    with pytest.raises(UserError, match="one score a frame"):
        average_precision([], [])
    with pytest.raises(UserError, match="NaN"):
        auroc([True, False], [1.0, math.nan])
