import numpy as np
import pytest

from fgstp.scoring import ScoringProtocol, score_clip


def test_frame_score_is_the_mean_of_the_highest_fraction(score):
    prediction = np.zeros((10, 10))
    prediction[0, :4] = [255, 153, 51, 51]
    mask = np.zeros((10, 10))
    expected = {0.001: 1.0, 0.02: 0.8, 0.03: 0.6, 0.04: 0.5, 1.0: 0.02}
    for share, value in expected.items():
        protocol = ScoringProtocol(name="own", score_fraction=share)
        assert score(prediction, mask, protocol)["frame_score"] == pytest.approx(value, abs=1e-15)


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
