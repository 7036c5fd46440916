"""Frames that are picked by their scores, with masks and by the leak schedule."""

import pandas as pd
import pytest

from fgstp.reporting.page.picks import pick_by_masks, pick_by_schedule


def frames_with_masks(**columns):
    rows = pd.DataFrame(columns)
    return rows.assign(seed=1, clip=[f"clip_{number}" for number in range(len(rows))])


def test_the_worst_the_best_and_the_false_alarms_are_picked_by_score():
    frames = frames_with_masks(
        frame=[0, 1, 2, 3, 4],
        gas=[True, True, True, False, False],
        iou=[0.2, 0.9, 0.2, 0.0, 0.0],
        frame_score=[0.6, 0.8, 0.4, 0.7, 0.9],
        false_alarm=[float("nan")] * 3 + [1.0, 1.0],
        false_alarm_fraction=[float("nan")] * 3 + [0.5, 0.1],
    )
    worst, best, alarms = pick_by_masks(frames, 1).values()
    assert [pick.frame for pick in worst] == [2, 0, 1]  # of equal IoU, the lower score first
    assert [pick.frame for pick in best] == [1, 0, 2]
    assert [pick.frame for pick in alarms] == [4, 3]
    assert "10.0%" in alarms[0].told


def rows(**columns):
    found = pd.DataFrame({"seed": 1, "threshold": 0.5} | columns)
    return found.assign(leak_class=found["leak_class"].astype("Int64"))


def test_without_masks_false_alarms_and_missed_frames_are_picked_by_leak_class():
    timeline = rows(
        clip=["a", "a", "b", "c", "c", "d", "e", "f"],
        frame=[0, 1, 0, 0, 1, 0, 0, 0],
        leak_class=[0, 0, -1, 3, 3, 5, 5, 8],
        score=[0.6, 0.9, 0.7, 0.1, 0.2, 0.4, 0.8, 0.9],
    )
    picks = {kind: [(each.clip, each.frame) for each in found]
             for kind, found in pick_by_schedule(timeline, 1).items() if found}  # fmt: skip
    alarms, *missed = picks.values()
    assert alarms == [("a", 1), ("b", 0)]  # the highest score of a clip, the worst clip first
    assert missed == [[("c", 0)], [("d", 0)]]  # classes 3 and 5; after the release counts for none
    assert [kind[-1] for kind in picks][1:] == ["3", "5"]


def test_without_a_schedule_the_highest_scores_are_picked():
    timeline = rows(clip=["a", "b"], frame=[4, 5], leak_class=[None, None], score=[0.1, 0.3])
    [(_, found)] = [each for each in pick_by_schedule(timeline, 1).items() if each[1]]
    assert [pick.clip for pick in found] == ["b", "a"]


@pytest.mark.parametrize("n_models", [1, 12, 1000])
def test_the_number_of_pictures_is_bounded_whatever_the_number_of_models(n_models):
    timeline = rows(
        clip=[f"c{number}" for number in range(70)],
        frame=0,
        leak_class=[number % 7 + 1 for number in range(70)],
        score=0.1,
    )
    each = [len(found) for found in pick_by_schedule(timeline, n_models).values() if found]
    assert len(each) == 7
    assert 1 <= max(each) <= 6
    assert n_models * sum(each) <= max(216, 7 * n_models)
