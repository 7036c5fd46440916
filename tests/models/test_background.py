import numpy as np
import pytest
import torch
from pydantic import ValidationError

from fgstp.core.errors import UserError
from fgstp.models.background import BackgroundSettings
from fgstp.models.checkpoint import load_model, read_checkpoint, save_checkpoint
from fgstp.models.registry import create_model

HEIGHT, WIDTH = 40, 60


def predict(frames, **settings):
    return create_model("background", settings).predict_clip(frames)


@pytest.fixture
def square():
    """A noisy still scene that a bright square crosses from frame 1 on; where the square is."""
    rng = np.random.default_rng(0)
    frames = rng.uniform(60, 140, (HEIGHT, WIDTH)) + rng.normal(0, 1.5, (25, HEIGHT, WIDTH))
    gas = np.zeros(frames.shape, bool)
    for number in range(1, len(frames)):
        top, left = 10 * (number % 3), 10 * (number % 5)
        gas[number, top : top + 10, left : left + 10] = True
    return np.rint(frames + 60 * gas).astype(np.uint8), gas


def still(n_frames, level=100):
    return np.full((n_frames, HEIGHT, WIDTH), level, np.uint8)


@pytest.mark.parametrize("method", ["mog2", "percentile"])
def test_a_bright_square_on_a_noisy_still_scene_is_found_and_nothing_else(square, method):
    frames, gas = square
    maps = predict(frames, method=method)
    assert maps.shape == frames.shape
    assert maps.dtype == np.float32
    found = maps > 0.5
    assert (found & gas).sum() > 0.9 * gas.sum()
    assert (found & ~gas).mean() < 1e-4


def test_the_mixture_finds_nothing_in_the_first_frame_whatever_is_in_it(square):
    frames, _ = square
    for start in (0, 3):
        maps = predict(frames[start:])
        assert not maps[0].any()
        assert set(np.unique(maps)) == {0, 1}
        assert not predict(frames[start : start + 1]).any()


@pytest.mark.parametrize(("history_frames", "last"), [(10, 1), (40, 4), (160, 17)])
def test_the_mixture_takes_what_stays_for_background(history_frames, last):
    """It does once the old level weighs less than 0.9: (1 - 1 / history) ^ frames < 0.9."""
    frames = still(110)
    frames[80:, 10:20, 10:20] += 60
    found = predict(frames, history_frames=history_frames)[:, 15, 15].nonzero()[0]
    assert found[0] == 80
    assert found[-1] - 80 == pytest.approx(last, abs=1)


def test_the_mixture_looks_back_only(square):
    frames, _ = square
    whole = predict(frames)
    np.testing.assert_array_equal(predict(frames[:10]), whole[:10])
    assert not np.array_equal(predict(frames[::-1])[::-1], whole)


def test_a_higher_variance_threshold_finds_less():
    """The variance is 15 at first, 149/150 of it after a repetition: 15.4 and 19.3 levels."""
    frames = still(2)
    frames[1, 10:20, 10:20] += 17
    assert predict(frames)[1].sum() > 90
    assert not predict(frames, variance_threshold=25.0).any()


def test_the_soft_map_is_one_half_at_half_levels_of_either_sign():
    frames = still(5)
    frames[2, :10, :10] += 6
    frames[2, 20:30, :10] -= 6
    frames[3, :10, :10] += 18
    maps = predict(frames, method="percentile", opening_px=1)
    assert (maps[2, :10, :10] == 0.5).all()
    assert (maps[2, 20:30, :10] == 0.5).all()
    assert (maps[3, :10, :10] == 0.75).all()  # 18 / (18 + 6)
    assert np.count_nonzero(maps) == 300
    halved = predict(frames, method="percentile", opening_px=1, half_levels=18)
    assert (halved[3, :10, :10] == 0.5).all()


@pytest.mark.parametrize(
    ("percentile", "expected"),
    [(0, [0, 0.5, 0.75]), (50, [0.5, 0, 2 / 3]), (100, [0.75, 2 / 3, 0])],
)
def test_the_background_is_the_percentile_over_the_clip(percentile, expected):
    """Levels 10, 20 and 40 at one place, at 10 levels to the half."""
    frames = still(3, level=10)
    frames[:, 5:15, 5:15] = np.array([10, 20, 40])[:, None, None]
    maps = predict(frames, method="percentile", percentile=percentile, half_levels=10)
    np.testing.assert_allclose(maps[:, 10, 10], expected, rtol=1e-6)


def test_a_level_that_the_whole_frame_shares_changes_nothing():
    rng = np.random.default_rng(0)
    frames = np.repeat(rng.integers(60, 140, (1, HEIGHT, WIDTH)), 9, axis=0).astype(np.uint8)
    frames[4, 5:15, 5:15] += 20
    for sign in (1, -1):
        shifted = frames.copy()
        shifted[4] += np.uint8(sign * 30 % 256)
        maps = predict(shifted, method="percentile")
        np.testing.assert_array_equal(maps, predict(frames, method="percentile"))
        assert maps[4, 10, 10] == np.float32(20 / 26)


@pytest.mark.parametrize("method", ["mog2", "percentile"])
def test_specks_are_opened_away(method):
    frames = still(5)
    frames[3, 5, 5] += 100  # one pixel
    frames[3, 20:30, 20:30] += 100
    opened, raw = (predict(frames, method=method, opening_px=side)[3] > 0.5 for side in (3, 1))
    assert raw.sum() == 101
    assert raw[5, 5]
    assert not opened[5, 5]
    assert opened.sum() == 96  # a disc of 3 is a cross, which reaches no corner
    wide = predict(frames, method=method, opening_px=11)
    assert not wide.any()


@pytest.mark.parametrize("method", ["mog2", "percentile"])
def test_frames_on_disk_serve_and_the_first_mask_is_not_looked_at(square, tmp_path, method):
    frames, gas = square
    np.save(tmp_path / "frames.npy", frames)
    model = create_model("background", {"method": method})
    maps = model.predict_clip(frames)
    mapped = np.load(tmp_path / "frames.npy", mmap_mode="r")
    for mask in (None, gas[0].astype(np.uint8)):
        np.testing.assert_array_equal(model.predict_clip(mapped, mask), maps)


def test_one_clip_leaves_no_trace_in_the_next(square):
    frames, _ = square
    model = create_model("background")
    before = model.predict_clip(frames)
    model.predict_clip(frames[::-1])
    np.testing.assert_array_equal(model.predict_clip(frames), before)


def test_a_checkpoint_keeps_it_though_it_has_no_weights(square, tmp_path):
    frames, _ = square
    model = create_model("background", {"method": "percentile", "half_levels": 9.5})
    save_checkpoint(model, tmp_path / "best.ckpt", {"why": "no training"})
    assert read_checkpoint(tmp_path / "best.ckpt").weights == {}
    loaded = load_model(tmp_path / "best.ckpt", model="background")
    assert loaded.settings == model.settings
    assert loaded.device == torch.device("cpu")
    np.testing.assert_array_equal(loaded.predict_clip(frames), model.predict_clip(frames))


def test_it_says_that_it_is_not_trained():
    model = create_model("background")
    assert model.name == "background"
    assert not model.trainable
    with pytest.raises(UserError, match="background is not trained; evaluate it as it is"):
        model.training_step(None, 0.0)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"method": "mog"}, "method"),
        ({"opening_px": 4}, "opening_px"),
        ({"percentile": 101}, "percentile"),
        ({"half_levels": 0}, "half_levels"),
        ({"history_frames": 0}, "history_frames"),
        ({"variance_threshold": 0}, "variance_threshold"),
        ({"history": 3}, "history"),
    ],
)
def test_wrong_settings_are_named(changes, place):
    with pytest.raises(ValidationError) as error:
        BackgroundSettings(**changes)
    assert [fault["loc"] for fault in error.value.errors()] == [(place,)]
    with pytest.raises(UserError, match=rf"background\.{place} is .*; correct the settings"):
        create_model("background", changes)
