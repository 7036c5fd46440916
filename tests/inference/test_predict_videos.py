import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.clip_table import ClipRow
from fgstp.inference.predict_videos import predict_videos, stretches

SHAPE = (4, 6)
FPS_HZ = {"v": 15.0, "w": 15.0}


@pytest.fixture
def rows(clips):
    """Two neighbouring clips of one video and a later one, and one clip of another video.

    Between them, frames 10 to 29 of v are of clips that are not predicted.
    """
    rng = np.random.default_rng(0)
    lengths = {"v_0": 4, "v_1": 6, "v_gap": 20, "v_2": 5, "w_0": 3}
    made = {}
    for name, length in lengths.items():
        frames = rng.integers(0, 256, (length, *SHAPE)).astype(np.uint8)
        masks = (frames > 250).astype(np.uint8)
        made[name] = clips.add(name, frames, masks, video=name[0])
    del made["v_gap"]
    return list(made.values())


def predict(model, rows, clips, predictions, **facts):
    rows = [clips.row(row.name) for row in rows]  # as they are by now
    return predict_videos(model, rows, FPS_HZ, clips.store, predictions, facts=facts)


def ranges(model):
    """Times of the first and the last frame of each session, in frames."""
    return [tuple(round(15 * each.times_s[end]) for end in (0, -1)) for each in model.sessions]


# -------------------------------------------------------------------------- stretches


def clip(first, length):
    return ClipRow("c", "v", first, length, length, "", "annotated")


@pytest.mark.parametrize(
    ("context", "delay", "expected"),
    [
        (0, 0, [(0, 10), (30, 35)]),
        (1, 2, [(0, 12), (29, 37)]),
        (3, 20, [(0, 40)]),
        (18, 2, [(0, 37)]),
        (17, 2, [(0, 12), (13, 37)]),
        (float("inf"), 0, [(0, 35)]),
    ],
)
def test_sessions_begin_with_the_context_and_end_after_the_delay(context, delay, expected):
    found = stretches([clip(0, 4), clip(4, 6), clip(30, 5)], context, delay, n_frames=40)
    assert [(each.start, each.stop) for each in found] == expected
    assert [row.first_frame for each in found for row in each.clips] == [0, 4, 30]


# ----------------------------------------------------------------------------- models


def test_a_model_that_remembers_all_gets_one_session_a_video(rows, clips, predictions, tenths):
    model = tenths()
    n_frames, seconds = predict(model, rows, clips, predictions)
    assert (n_frames, ranges(model)) == (18, [(0, 34), (0, 2)])
    assert seconds > 0
    for row in rows:
        found = predictions.read(row)
        frames = row.read(clips.store).frames
        assert np.abs(found.maps - frames / 10).max() <= 0.5
        np.testing.assert_allclose(found.scores, frames.max((1, 2)) / 2550 + 1e-6, rtol=1e-6)


def test_a_short_context_makes_a_session_of_clips_that_touch(rows, clips, predictions, tenths):
    model = tenths(context_s=2 / 15, delay_frames=1)
    predict(model, rows, clips, predictions)
    # Frames 10 and 35 are real frames after the last of a clip; v has 35 frames in all.
    assert ranges(model) == [(0, 10), (28, 34), (0, 2)]
    for row in rows:
        assert np.abs(predictions.read(row).maps - row.read(clips.store).frames / 10).max() <= 0.5


@pytest.mark.parametrize("kind", ["first_mask", "all_masks"])
def test_a_model_with_a_prompt_gets_a_session_a_clip(rows, clips, predictions, tenths, kind):
    model = tenths(prompt=kind)
    predict(model, rows, clips, predictions)
    assert ranges(model) == [(0, 3), (4, 9), (30, 34), (0, 2)]
    for row, session in zip(rows, model.sessions, strict=True):
        masks, given = row.read(clips.store).masks(), session.prompt
        if kind == "all_masks":
            np.testing.assert_array_equal(given.masks, masks)
        else:
            first = next((n for n, mask in enumerate(masks) if mask.any()), 0)
            assert given.first_frame == first
            np.testing.assert_array_equal(given.first_mask, masks[first])
        assert given.n_frames == row.n_frames


def test_of_sparse_masks_the_first_with_gas_is_given(clips, predictions, tenths):
    masks = np.zeros((3, *SHAPE), np.uint8)
    masks[1:, 0] = 1
    row = clips.add("v_0", np.zeros((9, *SHAPE), np.uint8), masks, annotated=[1, 4, 8], video="v")
    model = tenths(prompt="first_mask")
    predict(model, [row], clips, predictions)
    assert model.sessions[0].prompt.first_frame == 4
    np.testing.assert_array_equal(model.sessions[0].prompt.first_mask, masks[1])


def test_a_prediction_that_is_not_finite_is_refused(rows, clips, predictions, tenths):
    class Broken(tenths.session_class):
        def _push(self, frame):
            return [np.full(self.size, np.nan if self._n_pushed == 3 else 0.0, np.float32)]

    model = tenths()
    model.session_class = Broken
    with pytest.raises(UserError, match="not finite, first in frame 2 of the video v"):
        predict(model, rows, clips, predictions)
    assert not list(predictions.folder.glob("*.npy"))


# --------------------------------------------------------------- what is there already


def times(predictions):
    return {path.name: path.stat().st_mtime_ns for path in predictions.folder.iterdir()}


def test_finished_videos_are_passed_over_after_a_stop(rows, clips, predictions, tenths):
    with pytest.raises(KeyboardInterrupt):
        predict(tenths(fails_at=37), rows, clips, predictions)  # in the second video
    kept = times(predictions)
    assert {name.partition(".")[0] for name in kept} == {"v"}
    model = tenths()
    assert predict(model, rows, clips, predictions)[0] == 3
    assert kept.items() <= times(predictions).items()
    assert predict(tenths(), rows, clips, predictions)[0] == 0


@pytest.mark.parametrize("part", ["frames", "masks"])
def test_only_videos_of_other_footage_are_predicted_again(rows, clips, predictions, tenths, part):
    predict(tenths(), rows, clips, predictions)
    content = {"frames": np.array(clips.clip("w_0").frames), "masks": clips.clip("w_0").masks()}
    content[part][0, 0, 0] ^= 1
    clips.change("w_0", **content)
    model = tenths()
    assert predict(model, rows, clips, predictions)[0] == 3
    assert len(model.sessions) == 1


def test_other_facts_or_a_damaged_file_make_predictions_anew(rows, clips, predictions, tenths):
    predict(tenths(), rows, clips, predictions, checkpoint="a")
    assert predict(tenths(), rows, clips, predictions, checkpoint="b")[0] == 18
    path = predictions.path("w", "maps.npy")
    path.write_bytes(path.read_bytes()[:-5])
    assert predict(tenths(), rows, clips, predictions, checkpoint="b")[0] == 3


def test_predictions_of_videos_that_are_gone_are_removed(rows, clips, predictions, tenths):
    predict(tenths(), rows, clips, predictions)
    predict(tenths(), rows[-1:], clips, predictions)
    assert {name.partition(".")[0] for name in times(predictions)} == {"w"}


def test_one_bar_counts_the_frames_that_are_missing(
    rows, clips, predictions, tenths, capsys, monkeypatch
):
    monkeypatch.setattr("fgstp.core.progress.LINE_EVERY_S", 0.0)
    predict(tenths(), rows, clips, predictions)
    predictions.path("v", "maps.npy").unlink()
    capsys.readouterr()
    predict(tenths(), rows, clips, predictions)
    shown = capsys.readouterr().err
    assert "predicting (tenths): 15 of 15 frames (100 %)" in shown
