import numpy as np
import pytest
from fgstp.inference.predict_clips import predict_clips
from torch import nn

from fgstp.core.config import Settings
from fgstp.inference.prediction_store import PredictionStore
from fgstp.models.base import Model
from fgstp.models.session import NO_PROMPT, checked

SHAPE = (4, 6)


class Tenths(Model):
    """A model whose probability of a pixel is a tenth of a level of its grey."""

    settings_class = Settings
    name = "tenths"
    prompt_kind = "none"

    def __init__(self, fails_at=None, prompt="none"):
        super().__init__(Settings())
        self.seen = []
        self.fails_at = fails_at
        self.prompt_kind = prompt

    def _build(self):
        self.network = nn.Identity()

    def training_step(self, batch, progress):
        raise NotImplementedError

    def predict(self, frames, fps_hz=15.0, prompt=NO_PROMPT):
        checked(prompt, self.prompt_kind, frames.shape[1:], self.name)
        self.seen.append((len(frames), prompt))
        if len(self.seen) == self.fails_at:
            raise KeyboardInterrupt
        return (frames / np.float32(2550)).astype(np.float32)


@pytest.fixture
def folder(clips):
    return clips


@pytest.fixture
def store(folder):
    return folder.store


@pytest.fixture
def predictions(tmp_path):
    return PredictionStore(tmp_path / "predictions" / "tenths")


@pytest.fixture
def rows(folder):
    """Three clips of 3, 4 and 5 frames; the last without masks."""
    rng = np.random.default_rng(0)
    made = []
    for length in (3, 4, 5):
        frames = rng.integers(0, 256, (length, *SHAPE)).astype(np.uint8)
        masks = None if length == 5 else (frames > 128).astype(np.uint8)
        made.append(folder.add(f"v_{length}", frames, masks))
    return made


def test_probabilities_become_levels_by_rounding(folder, store, predictions):
    """Tenths of a level: those up to .4 go down and those from .6 go up."""
    levels = np.setdiff1d(np.arange(256), np.arange(5, 256, 10))  # without the halves
    row = folder.add("a", levels.astype(np.uint8).reshape(1, 1, -1))
    predict_clips(Tenths(), [row], store, predictions)
    assert predictions.read("a").dtype == np.uint8
    assert predictions.read("a").ravel().tolist() == [(level + 4) // 10 for level in levels]


def test_all_256_levels_are_reached(folder, store, predictions):
    class Same(Tenths):
        def predict(self, frames, fps_hz=15.0, prompt=NO_PROMPT):
            return frames.astype(np.float32) / 255

    frames = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    predict_clips(Same(), [folder.add("a", frames)], store, predictions)
    np.testing.assert_array_equal(predictions.read("a"), frames)


def test_every_clip_is_predicted(rows, store, predictions):
    model = Tenths()
    done = predict_clips(model, rows, store, predictions)
    assert done.n_frames == 12
    assert done.seconds > 0
    assert [length for length, _ in model.seen] == [3, 4, 5]
    for clip in rows:
        expected = np.rint(clip.read(store).frames / 10)
        assert np.abs(predictions.read(clip.name) - expected).max() <= 0.5


@pytest.mark.parametrize("kind", ["none", "first_mask", "all_masks"])
def test_a_model_is_told_what_it_needs_and_no_more(folder, store, predictions, kind):
    """A clip with gas from frame 2 on, one with gas at once, and one without gas."""
    firsts, rows = {"later": 2, "at_once": 0, "never": 4}, []
    for name, first in firsts.items():
        masks = np.zeros((4, *SHAPE), np.uint8)
        for number in range(first, 4):
            masks[number, number, : first + 1] = 1
        rows.append(folder.add(name, masks, masks))
    model = Tenths(prompt=kind)
    predict_clips(model, rows, store, predictions)
    for row, first, (_, given) in zip(rows, firsts.values(), model.seen, strict=True):
        masks = row.read(store).masks()
        if kind == "first_mask":
            assert given.first_frame == first % 4  # frame 0, which is empty, where none has gas
            np.testing.assert_array_equal(given.first_mask, masks[first % 4])
            assert given.first_mask.flags.writeable  # torch takes no other
        else:
            assert (given.first_mask, given.first_frame) == (None, 0)
        if kind == "all_masks":
            np.testing.assert_array_equal(given.masks, masks)
        else:
            assert given.masks is None


def test_of_sparse_masks_the_first_with_gas_is_given(folder, store, predictions):
    masks = np.zeros((3, *SHAPE), np.uint8)
    masks[1:, 0] = 1
    row = folder.add("a", np.zeros((9, *SHAPE), np.uint8), masks, annotated=[1, 4, 8])
    model = Tenths(prompt="first_mask")
    predict_clips(model, [row], store, predictions)
    [(n_frames, given)] = model.seen
    assert (n_frames, given.first_frame) == (9, 4)
    np.testing.assert_array_equal(given.first_mask, masks[1])


def test_a_clip_without_masks_is_predicted_too(rows, store, predictions):
    predict_clips(Tenths(), rows[2:], store, predictions)
    assert predictions.holds("v_5")


def test_finished_clips_are_passed_over_after_a_stop(rows, store, predictions):
    with pytest.raises(KeyboardInterrupt):
        predict_clips(Tenths(fails_at=2), rows, store, predictions)
    assert [clip.name for clip in rows if predictions.holds(clip.name)] == ["v_3"]
    kept = predictions.path("v_3").stat().st_mtime_ns
    model = Tenths()
    assert predict_clips(model, rows, store, predictions).n_frames == 9
    assert [length for length, _ in model.seen] == [4, 5]
    assert predictions.path("v_3").stat().st_mtime_ns == kept
    again = Tenths()
    assert predict_clips(again, rows, store, predictions).n_frames == 0
    assert again.seen == []


def test_predictions_of_clips_that_are_gone_are_removed(rows, store, predictions):
    predict_clips(Tenths(), rows, store, predictions)
    predict_clips(Tenths(), rows[1:], store, predictions)
    assert [predictions.holds(clip.name) for clip in rows] == [False, True, True]


def test_one_bar_counts_the_frames_that_are_missing(rows, store, predictions, capsys):
    predict_clips(Tenths(), rows[:1], store, predictions)
    capsys.readouterr()
    predict_clips(Tenths(), rows, store, predictions)
    shown = capsys.readouterr().err
    assert "predicting (tenths): 100%" in shown
    assert "9/9" in shown
