import numpy as np
import pytest

from fgstp.footage.clip_store import ClipStore
from fgstp.footage.clips import Clip
from fgstp.footage.masked_clips import MaskedClip
from fgstp.inference.predict_clips import predict_clips
from fgstp.inference.prediction_store import PredictionStore

SHAPE = (4, 6)


class Tenths:
    """Stands in for a system: the probability of a pixel is a tenth of a level of its grey."""

    name = "tenths"

    def __init__(self, fails_at=None):
        self.seen = []
        self.fails_at = fails_at

    def predict_clip(self, frames, first_mask=None):
        self.seen.append((len(frames), None if first_mask is None else np.array(first_mask)))
        if len(self.seen) == self.fails_at:
            raise KeyboardInterrupt
        return (frames / np.float32(2550)).astype(np.float32)


@pytest.fixture
def store(tmp_path):
    return ClipStore(tmp_path / "clips")


@pytest.fixture
def predictions(tmp_path):
    return PredictionStore(tmp_path / "predictions" / "tenths")


@pytest.fixture
def clips(store):
    """Three clips of 3, 4 and 5 frames; the last without masks."""
    rng = np.random.default_rng(0)
    made = []
    for length in (3, 4, 5):
        frames = rng.integers(0, 256, (length, *SHAPE)).astype(np.uint8)
        masks = None if length == 5 else (frames > 128).astype(np.uint8)
        name = f"v_{length}"
        store.write(name, Clip(0, 0, frames, masks=masks))
        made.append(MaskedClip(name, length))
    return made


def test_probabilities_become_levels_by_rounding(store, predictions):
    """Tenths of a level: those up to .4 go down and those from .6 go up."""
    levels = np.setdiff1d(np.arange(256), np.arange(5, 256, 10))  # without the halves
    store.write("a", Clip(0, 0, levels.astype(np.uint8).reshape(1, 1, -1)))
    predict_clips(Tenths(), [MaskedClip("a", 1)], store, predictions)
    assert predictions.read("a").dtype == np.uint8
    assert predictions.read("a").ravel().tolist() == [(level + 4) // 10 for level in levels]


def test_all_256_levels_are_reached(store, predictions):
    class Same(Tenths):
        def predict_clip(self, frames, first_mask=None):
            return frames.astype(np.float32) / 255

    frames = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    store.write("a", Clip(0, 0, frames))
    predict_clips(Same(), [MaskedClip("a", 1)], store, predictions)
    np.testing.assert_array_equal(predictions.read("a"), frames)


def test_every_clip_is_predicted_and_its_first_mask_handed_on(clips, store, predictions):
    system = Tenths()
    done = predict_clips(system, clips, store, predictions)
    assert done.n_frames == 12
    assert done.seconds > 0
    assert [length for length, _ in system.seen] == [3, 4, 5]
    for clip, (_, mask) in zip(clips[:2], system.seen, strict=False):
        np.testing.assert_array_equal(mask, store.masks(clip.name)[0])
    assert system.seen[2][1] is None
    for clip in clips:
        expected = np.rint(store.frames(clip.name) / 10)
        assert np.abs(predictions.read(clip.name) - expected).max() <= 0.5


def test_finished_clips_are_passed_over_after_a_stop(clips, store, predictions):
    with pytest.raises(KeyboardInterrupt):
        predict_clips(Tenths(fails_at=2), clips, store, predictions)
    assert [clip.name for clip in clips if predictions.holds(clip.name)] == ["v_3"]
    kept = predictions.path("v_3").stat().st_mtime_ns
    system = Tenths()
    assert predict_clips(system, clips, store, predictions).n_frames == 9
    assert [length for length, _ in system.seen] == [4, 5]
    assert predictions.path("v_3").stat().st_mtime_ns == kept
    again = Tenths()
    assert predict_clips(again, clips, store, predictions).n_frames == 0
    assert again.seen == []


def test_predictions_of_clips_that_are_gone_are_removed(clips, store, predictions):
    predict_clips(Tenths(), clips, store, predictions)
    predict_clips(Tenths(), clips[1:], store, predictions)
    assert [predictions.holds(clip.name) for clip in clips] == [False, True, True]


def test_one_bar_counts_the_frames_that_are_missing(clips, store, predictions, capsys):
    predict_clips(Tenths(), clips[:1], store, predictions)
    capsys.readouterr()
    predict_clips(Tenths(), clips, store, predictions)
    shown = capsys.readouterr().err
    assert "predicting (tenths): 100%" in shown
    assert "9/9" in shown
