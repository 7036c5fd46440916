"""Metrics of pixels, by hand, and what a new metric needs: one function."""

import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.scoring import list_metrics, metric, metrics, score_clip, summarise


def test_structure_by_hand(score):
    """Cut after the first row and column; the upper right block misses its gas entirely."""
    mask = [[1, 1, 0, 0], [1, 1, 0, 0]]
    prediction = [[255, 0, 0, 0], [255, 255, 0, 0]]
    on_mask = 2 * 0.75 / (0.75**2 + 1 + 0.5)  # of 1, 0, 1, 1: mean 3/4, spread 1/2
    by_object = (on_mask + 1) / 2
    by_region = (1 * 1 + 3 * 0 + 1 * 1 + 3 * 1) / 8
    found = score(prediction, mask)["s_measure"]
    assert found == pytest.approx((by_object + by_region) / 2, abs=1e-12)


def test_spread_is_not_squared(score):
    """Every block is a pixel or flat, so that only the object part differs from 1."""
    by_object = (2 * 0.5 / (0.25 + 1 + 0.5**0.5) + 1) / 2
    found = score([[255, 0], [0, 0]], [[1, 0], [1, 0]])["s_measure"]
    assert found == pytest.approx((by_object + 1) / 2, abs=1e-12)


def test_perfect_empty_and_full(score, make_clip):
    _, masks = make_clip(n_frames=4)
    for mask in masks:
        assert score(mask * 255, mask)["s_measure"] == pytest.approx(1, abs=1e-9)
    prediction = [[0, 51], [102, 255]]
    mean = (0 + 0.2 + 0.4 + 1) / 4
    assert score(prediction, np.zeros((2, 2)))["s_measure"] == pytest.approx(1 - mean, abs=1e-15)
    assert score(prediction, np.ones((2, 2)))["s_measure"] == pytest.approx(mean, abs=1e-15)


def test_a_centroid_in_the_last_column_leaves_two_blocks(score):
    """PySODMetrics has no value here; by the definition blocks without pixels weigh nothing."""
    mask = np.zeros((4, 4))
    mask[1:3, 3] = 1
    assert score(mask * 255, mask)["s_measure"] == pytest.approx(1, abs=1e-9)


def test_never_negative(score):
    """The region part is negative where map and mask oppose each other."""
    mask = np.zeros((8, 8))
    mask[2:6, 2:6] = 1
    found = score(255 * (1 - mask), mask)["s_measure"]
    assert found == 0


def test_equal_and_opposite_maps(score):
    half = [[1, 1], [0, 0]]
    same = score([[255, 255], [0, 0]], half)
    assert same["e_max"] == same["e_adaptive"] == pytest.approx(4 / 3, abs=1e-12)
    opposite = score([[0, 0], [255, 255]], half)
    assert opposite["e_adaptive"] == pytest.approx(0, abs=1e-12)
    # At level 0 everything is predicted: no alignment anywhere, a quarter each.
    assert opposite["e_max"] == pytest.approx(1 / 3, abs=1e-12)
    assert opposite["e_mean"] == pytest.approx(1 / 3 / 256, abs=1e-12)


def test_a_map_that_is_half_right(score):
    row = score([[255, 0], [255, 0]], [[1, 1], [0, 0]])
    assert row["e_adaptive"] == pytest.approx(2 / 3, abs=1e-12)
    assert row["e_mean"] == pytest.approx((255 * 2 / 3 + 1 / 3) / 256, abs=1e-12)


def test_unequal_shares_by_hand(score):
    """Mask of 1 in 4, map of 2 in 4: the three values of 2ab / (a^2 + b^2) that occur."""

    def term(a, b):
        return (2 * a * b / (a * a + b * b) + 1) ** 2 / 4

    row = score([[255, 255], [0, 0]], [[1, 0], [0, 0]])
    total = term(0.5, 0.75) + term(0.5, -0.25) + 2 * term(-0.5, -0.25)
    assert row["e_adaptive"] == pytest.approx(total / 3, abs=1e-12)


def test_empty_and_full_masks_count_what_is_right(score):
    prediction = np.array([[0, 0, 255], [0, 0, 0]])
    assert score(prediction, np.zeros((2, 3)))["e_adaptive"] == pytest.approx(5 / 5, abs=1e-12)
    assert score(prediction, np.ones((2, 3)))["e_adaptive"] == pytest.approx(1 / 5, abs=1e-12)


def test_the_adaptive_threshold_is_twice_the_mean(score):
    """Mean 0.2: 0.4 is reached by 0.4 and by 1, not by 0.2."""
    prediction = [[255, 102, 51, 0, 0], [0, 0, 102, 0, 0]]
    at_102 = score([[255, 255, 0, 0, 0], [0, 0, 255, 0, 0]], [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]])
    found = score(prediction, [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]])
    assert found["e_adaptive"] == pytest.approx(at_102["e_adaptive"], abs=1e-12)


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


# ------------------------------------------------------------------------------ new ones


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """Metrics of a test are forgotten after it."""
    list_metrics()
    monkeypatch.setattr(metrics, "REGISTRY", dict(metrics.REGISTRY))


def scored(make_clip, protocol="paper"):
    rows = score_clip(*make_clip(n_frames=6, empty_every=2), protocol)
    return rows.assign(video="a", clip="a_0000")


def test_a_new_metric_is_scored_and_summarised(make_clip):
    before = scored(make_clip)

    @metric("recall", over="gas")
    def recall(frames):
        return frames.predicted[:, 1, frames.threshold] / np.maximum(frames.n_foreground, 1)

    rows = scored(make_clip)
    assert rows.columns.drop("recall").tolist() == before.columns.tolist()
    assert rows["recall"].notna().tolist() == rows["gas"].tolist()
    gas = rows[rows["gas"]]
    # IoU cannot exceed recall, and both are 0 together.
    assert (gas["recall"] >= gas["iou"]).all()
    assert ((gas["recall"] == 0) == (gas["iou"] == 0)).all()
    summary = summarise(rows, n_resamples=2).set_index("metric")
    assert summary.loc["recall", "value"] == pytest.approx(gas["recall"].mean())
    clear = summarise(rows[~rows["gas"]], n_resamples=2).set_index("metric")
    assert clear.loc["recall", "note"] == "no frame has gas"


@pytest.mark.parametrize(
    ("protocol", "undefined_under", "defined"),
    [
        ("paper", ("skip",), True),
        ("paper", ("score",), False),
        ("paper_skip_empty", ("skip",), False),
        ("paper_skip_empty", (), True),
    ],
)
def test_it_says_under_which_rule_frames_without_gas_do_not_define_it(
    make_clip, protocol, undefined_under, defined
):
    metric("mean", undefined_under=undefined_under)(lambda frames: frames.mean_probability)
    rows = scored(make_clip, protocol)
    assert rows["mean"].notna().tolist() == (rows["gas"] | defined).tolist()


def test_a_new_ranking_metric_is_summarised(make_clip):
    @metric("precision_of_all", over="ranking")
    def precision_of_all(found, taken):
        return found[-1] / taken[-1]

    rows = scored(make_clip)
    summary = summarise(rows, n_resamples=2).set_index("metric")
    assert summary.loc["precision_of_all", "value"] == rows["gas"].mean()
    only_gas = summarise(rows[rows["gas"]], n_resamples=2).set_index("metric")
    assert only_gas.loc["precision_of_all", "note"] == "undefined: every frame has gas"


def test_two_metrics_of_one_name_are_refused_but_one_may_be_defined_again():
    def mean(frames):
        return frames.mean_probability

    with pytest.raises(UserError, match="two metrics named 'mae'"):
        metric("mae")(mean)
    for label in ("old", "new"):
        metric("mean", label)(mean)
    assert [each.label for each in list_metrics() if each.name == "mean"] == ["new"]
