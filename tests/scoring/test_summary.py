import zlib

import numpy as np
import pandas as pd
import pytest

from fgstp.core.errors import UserError
from fgstp.scoring import (
    OPERATIONAL,
    PAPER,
    ScoringProtocol,
    auroc,
    average_precision,
    score_clip,
    summarise,
)
from fgstp.scoring.bootstrap import as_observed, draw, interval, means

LABELS = [*PAPER.columns, "by", "group", "metric", "value", "low", "high"]


@pytest.fixture
def make_rows(make_clip):
    """Frame scores of videos with so many clips each."""

    def make(clips_of_video=(2, 3), protocol="paper", n_frames=4):
        parts = []
        for video, number in enumerate(clips_of_video):
            for clip in range(number):
                data = make_clip(n_frames, seed=10 * video + clip, empty_every=1 + clip % 3)
                part = score_clip(*data, protocol, 128)
                part["video"], part["clip"] = f"MOV_{video}", f"MOV_{video}_{clip:04d}"
                part["category"] = ["close_clear", "long_complex"][video % 2]
                part["leak_class"] = np.where(part["gas"], 3 + video % 2, 0)
                parts.append(part)
        return pd.concat(parts, ignore_index=True)

    return make


def pick(summary, metric, group="all"):
    found = summary[(summary["metric"] == metric) & (summary["group"] == group)]
    assert len(found) == 1
    return found.iloc[0]


def test_the_mean_of_videos_is_not_that_of_frames(make_rows):
    rows = make_rows((1, 4))
    by_video = pick(summarise(rows), "mae")["value"]
    assert by_video == pytest.approx(rows.groupby("video")["mae"].mean().mean())
    alike = rows.assign(protocol="own", average="frame")
    by_frame = pick(summarise(alike), "mae")["value"]
    assert by_frame == pytest.approx(rows["mae"].mean())
    assert by_frame != pytest.approx(by_video)


def test_no_summary_without_its_protocol(make_rows):
    rows = pd.concat([make_rows(), make_rows(protocol="operational")])
    summary = summarise(rows, n_resamples=10)
    assert summary.columns.tolist()[: len(LABELS)] == LABELS
    firsts = summary.drop_duplicates("protocol")
    found = [ScoringProtocol.of_row(row) for _, row in firsts.iterrows()]
    assert found == [PAPER, OPERATIONAL.at(128)]
    for name, part in rows.groupby("protocol"):
        alone = summarise(part, n_resamples=10)
        together = summary[summary["protocol"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, together)


@pytest.mark.parametrize("by", ["video", "category", "leak_class"])
def test_groups(make_rows, by):
    rows = make_rows((2, 2, 1))
    summary = summarise(rows, by, n_resamples=10)
    assert set(summary["by"]) == {by}
    assert set(summary["group"]) == set(rows[by].astype(str))
    for value, part in rows.groupby(by):
        found = pick(summary, "s_measure", str(value))
        assert found["value"] == pytest.approx(part.groupby("video")["s_measure"].mean().mean())
        assert (found["n_videos"], found["n_clips"], found["n_frames"]) == (
            part["video"].nunique(),
            part["clip"].nunique(),
            len(part),
        )


def test_rows_of_no_group_are_not_lost(make_rows):
    rows = make_rows()
    rows["leak_class"] = rows["leak_class"].where(rows["gas"])
    summary = summarise(rows, "leak_class", n_resamples=5)
    assert "unknown" in set(summary["group"])
    assert summary.groupby("group")["n_frames"].first().sum() == len(rows)


def test_scores_left_out_do_not_count(make_rows):
    rows = make_rows(protocol="paper_skip_empty")
    expected = rows[rows["gas"]].groupby("video")["iou"].mean().mean()
    assert pick(summarise(rows), "iou")["value"] == pytest.approx(expected)
    alarms = rows[~rows["gas"]].groupby("video")["false_alarm_fraction"].mean().mean()
    assert pick(summarise(rows), "false_alarm_fraction")["value"] == pytest.approx(alarms)


def test_a_video_without_a_score_is_no_video_of_the_mean(make_rows):
    rows = make_rows((2, 2))
    rows.loc[rows["video"] == "MOV_1", "weighted_f"] = np.nan
    expected = rows.loc[rows["video"] == "MOV_0", "weighted_f"].mean()
    found = pick(summarise(rows), "weighted_f")
    assert found["value"] == pytest.approx(expected)
    assert found["low"] <= expected <= found["high"]


def test_it_says_what_was_resampled(make_rows):
    assert set(summarise(make_rows((2,) * 5), n_resamples=5)["interval_over"]) == {"videos"}
    assert set(summarise(make_rows((2,) * 4), n_resamples=5)["interval_over"]) == {"clips"}
    none = summarise(make_rows((1, 1)), n_resamples=5)
    assert set(none["interval_over"]) == {"none"}
    assert none[["low", "high"]].isna().all(axis=None)
    assert pick(none, "mae")["note"] == "no interval: no video has two clips"


@pytest.mark.parametrize("clips_of_video", [(2,) * 6, (3, 4)])
def test_intervals_hold_the_value_and_repeat(make_rows, clips_of_video):
    rows = make_rows(clips_of_video)
    summary = summarise(rows, seed=4)
    assert ((summary["low"] <= summary["value"]) & (summary["value"] <= summary["high"])).all()
    pd.testing.assert_frame_equal(summary, summarise(rows, seed=4))
    shuffled = rows.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(summary, summarise(shuffled, seed=4))
    assert not summary["low"].equals(summarise(rows, seed=5)["low"])
    narrow = summarise(rows, seed=4, confidence=0.5)
    assert ((narrow["high"] - narrow["low"]) <= (summary["high"] - summary["low"])).all()


def test_a_group_s_interval_does_not_depend_on_the_others(make_rows):
    rows = make_rows((3, 3))
    both = summarise(rows, "video")
    alone = summarise(rows[rows["video"] == "MOV_1"], "video")
    pd.testing.assert_frame_equal(both[both["group"] == "MOV_1"].reset_index(drop=True), alone)


def test_intervals_over_videos_have_the_width_of_theory():
    """Means of n normal values: 2 x 1.96 standard errors, with n - 1 for n in a bootstrap."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 1))
    resamples = draw(np.arange(60), 4000, rng)
    assert resamples.over == "videos"
    low, high = interval(means(values, np.ones((60, 1)), resamples, "video")[:, 0], 0.95)
    expected = 2 * 1.96 * values.std() / np.sqrt(60)
    assert high - low == pytest.approx(expected, rel=0.06)


def test_every_resample_keeps_the_number_of_its_units():
    rng = np.random.default_rng(1)
    video_of_clip = np.array([0, 0, 0, 1, 1, 2])
    clips = draw(video_of_clip, 50, rng)
    assert clips.over == "clips"
    assert (clips.video_weight == 1).all()
    per_video = [clips.clip_weight[:, video_of_clip == video].sum(axis=1) for video in range(3)]
    assert [set(total) for total in per_video] == [{3}, {2}, {1}]
    videos = draw(np.arange(12) // 2, 50, rng)
    assert set(videos.video_weight.sum(axis=1)) == {6}
    assert (videos.clip_weight == 1).all()
    assert np.array_equal(videos.total_weight, np.repeat(videos.video_weight, 2, axis=1))


@pytest.mark.parametrize("average", ["video", "frame"])
def test_resampled_means_are_those_of_repeated_clips(average):
    rng = np.random.default_rng(2)
    video_of_clip = np.array([0, 0, 1, 1, 1])
    counts = rng.integers(1, 5, (5, 1)).astype(float)
    sums = counts * rng.random((5, 1))
    resamples = draw(video_of_clip, 20, rng)
    found = means(sums, counts, resamples, average)[:, 0]
    for value, weight in zip(found, resamples.clip_weight.astype(int), strict=True):
        taken = np.repeat(np.arange(5), weight)
        frame = pd.DataFrame(
            {"video": video_of_clip[taken], "sum": sums[taken, 0], "count": counts[taken, 0]}
        )
        totals = frame.groupby("video")[["sum", "count"]].sum()
        if average == "frame":
            expected = totals["sum"].sum() / totals["count"].sum()
        else:
            expected = (totals["sum"] / totals["count"]).mean()
        assert value == pytest.approx(expected)
    observed = means(sums, counts, as_observed(video_of_clip), "frame")
    assert observed[0, 0] == pytest.approx(sums.sum() / counts.sum())


def test_ranking_metrics_are_of_all_frames_of_the_group(make_rows):
    rows = make_rows((3, 3, 3))
    rows["frame_score"] = np.random.default_rng(0).random(len(rows))
    for value, part in rows.groupby("category"):
        summary = summarise(rows, "category", n_resamples=20)
        for name, function in [("auroc", auroc), ("average_precision", average_precision)]:
            expected = function(part["gas"], part["frame_score"])
            assert pick(summary, name, value)["value"] == pytest.approx(expected)


def test_a_ranking_s_interval_is_that_of_repeated_clips(make_rows):
    rows = make_rows((3, 3)).sample(frac=1, random_state=1)
    rows["frame_score"] = np.random.default_rng(0).random(len(rows)) + rows["gas"] / 4
    drawn = draw(np.repeat([0, 1], 3), 50, np.random.default_rng([9, zlib.crc32(b"all")]))
    clips = [part for _, part in rows.groupby("clip")]
    values = []
    for weight in drawn.clip_weight.astype(int):
        taken = pd.concat([clips[clip] for clip in np.repeat(np.arange(6), weight)])
        values.append(auroc(taken["gas"], taken["frame_score"]))
    found = pick(summarise(rows, n_resamples=50, seed=9), "auroc")
    assert (found["low"], found["high"]) == pytest.approx(interval(np.array(values), 0.95))


def test_a_single_class_has_no_ranking_and_says_why(make_rows):
    rows = make_rows((2, 2))
    for gas, reason in [(True, "every frame has gas"), (False, "no frame has gas")]:
        summary = summarise(rows[rows["gas"] == gas], n_resamples=5)
        for metric in ("auroc", "average_precision"):
            found = pick(summary, metric)
            assert np.isnan([found["value"], found["low"], found["high"]]).all()
            assert found["note"] == f"undefined: {reason}"
    only_gas = summarise(rows[rows["gas"]], n_resamples=5)
    assert pick(only_gas, "false_alarm")["note"] == "every frame has gas"
    operational = make_rows((2, 2), "operational")
    without = summarise(operational[~operational["gas"]], n_resamples=5)
    assert pick(without, "weighted_f")["note"] == "no frame defines it"
    assert pick(without, "iou")["note"] == ""


def test_of_no_rows_there_is_a_table_without_rows(make_rows):
    empty = summarise(make_rows().head(0), "video")
    assert len(empty) == 0
    assert list(empty.columns) == list(summarise(make_rows(), n_resamples=2).columns)


def test_wrong_rows_are_refused(make_rows):
    rows = make_rows()
    with pytest.raises(UserError, match="lack the columns video, iou"):
        summarise(rows.drop(columns=["video", "iou"]))
    with pytest.raises(UserError, match="lack the columns weather"):
        summarise(rows, "weather")
    with pytest.raises(UserError, match="of which video and clip"):
        summarise(rows.assign(video=rows["video"].where(rows["frame"] > 0)))
    with pytest.raises(UserError, match="tell no protocol"):
        summarise(rows.assign(norm="best"))
    for wrong in ({"confidence": 1.0}, {"n_resamples": 0}):
        with pytest.raises(UserError, match="confidence between 0 and 1"):
            summarise(rows, **wrong)


# ------------------------------------------------------------------ several trainings


def trained_with(rows, seeds, shifts):
    """The same frames scored by trainings that are alike but for a shift of all scores."""
    scores = ["iou", "mae", "iou_gas", "frame_score"]
    return pd.concat(
        [
            rows.assign(seed=seed, **{name: rows[name] + shift for name in scores})
            for seed, shift in zip(seeds, shifts, strict=True)
        ],
        ignore_index=True,
    )


def test_the_value_is_the_mean_over_trainings_and_the_spread_their_deviation(make_rows):
    rows = make_rows((2, 3))
    several = trained_with(rows, (7, 8, 9), (0.0, 0.1, 0.5))
    each = [pick(summarise(rows), "mae")["value"] + shift for shift in (0.0, 0.1, 0.5)]
    found = pick(summarise(several), "mae")
    assert found["value"] == pytest.approx(np.mean(each))
    assert found["spread"] == pytest.approx(np.std(each) * np.sqrt(3 / 2))
    assert found["n_seeds"] == 3
    one = pick(summarise(rows), "mae")
    assert (one["n_seeds"], np.isnan(one["spread"])) == (1, True)
    # Frames, clips and videos are those of one training.
    counts = ["n_videos", "n_clips", "n_frames"]
    assert found[counts].tolist() == one[counts].tolist()


def test_the_interval_is_that_of_the_mean_over_trainings(make_rows):
    """Every resample is taken of all trainings: what a shift of one adds is a third of it."""
    rows = make_rows((2,) * 6)
    several = trained_with(rows, (7, 8, 9), (0.0, 0.0, 0.3))
    ends = ["low", "value", "high"]
    for metric in ("iou", "mae"):
        one, found = (pick(summarise(each, seed=3), metric)[ends] for each in (rows, several))
        np.testing.assert_allclose(found.astype(float), one.astype(float) + 0.1)
    # A training that finds the opposite leaves a mean that does not vary at all.
    opposite = pd.concat([rows.assign(seed=0), rows.assign(seed=1, iou=1 - rows["iou"])])
    found = pick(summarise(opposite), "iou")
    assert found[ends].tolist() == pytest.approx([0.5] * 3)
    assert found["spread"] > 0


def test_rankings_are_made_within_each_training(make_rows):
    rows = make_rows((3, 3))
    rows["frame_score"] = np.random.default_rng(0).random(len(rows))
    # The second ranks all frames above the first, which must not mix them.
    other = rows.assign(seed=2, frame_score=5 + rows["frame_score"][::-1].to_numpy())
    found = pick(summarise(pd.concat([rows.assign(seed=1), other])), "auroc")
    each = [auroc(part["gas"], part["frame_score"]) for part in (rows, other)]
    assert found["value"] == pytest.approx(np.mean(each))
    assert found["spread"] == pytest.approx(np.std(each, ddof=1))


def test_trainings_with_thresholds_of_their_own_are_one_protocol(make_rows):
    parts = []
    for seed, threshold in ((5, 128), (6, 40)):
        parts.append(make_rows().assign(seed=seed, threshold=threshold))
    summary = summarise(pd.concat(parts, ignore_index=True), "video")
    assert set(summary["threshold"]) == set(summary["threshold_max"]) == {128}
    assert set(summary["threshold_min"]) == {40}
    assert not summary.duplicated(["group", "metric"]).any()
    # Without seeds, two thresholds are two protocols.
    apart = summarise(pd.concat(parts).drop(columns="seed"), n_resamples=2)
    assert apart["threshold"].value_counts().to_dict() == dict.fromkeys((128, 40), len(apart) // 2)


def test_a_seed_that_is_not_known_is_one_training(make_rows):
    rows = make_rows()
    unknown = rows.assign(seed=pd.array([pd.NA] * len(rows), dtype="Int64"))
    pd.testing.assert_frame_equal(summarise(unknown), summarise(rows))


def test_trainings_on_different_frames_are_refused(make_rows):
    rows = make_rows()
    with pytest.raises(UserError, match="trainings of a model were scored on different frames"):
        summarise(pd.concat([rows.assign(seed=1), rows.iloc[1:].assign(seed=2)]))
