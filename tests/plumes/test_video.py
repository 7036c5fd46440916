import dataclasses
import itertools

import cv2
import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.plumes import CATEGORIES, SyntheticVideo
from fgstp.plumes.camera import PRESETS, Camera
from fgstp.plumes.leak import LEAK_RATES_G_PER_H

SMALL = {"fps_hz": 5.0, "height_px": 60, "width_px": 80}


def _frames(category="close_clear", seed=1, n_frames=40, **more):
    return list(SyntheticVideo(category, seed, n_frames=n_frames, **(SMALL | more)))


def _bytes(frames):
    return b"".join(
        f.grey.tobytes() + f.mask.tobytes() + f.column_density_ppm_m.tobytes() for f in frames
    )


def _change(monkeypatch, category, **values):
    monkeypatch.setitem(PRESETS, category, dataclasses.replace(PRESETS[category], **values))


@pytest.mark.parametrize("category", CATEGORIES)
def test_frames_have_the_promised_types_and_facts(category):
    frames = _frames(category, n_frames=110)
    assert len(frames) == 110
    for frame in frames:
        assert frame.grey.dtype == frame.mask.dtype == np.uint8
        assert frame.column_density_ppm_m.dtype == np.float32
        assert frame.grey.shape == frame.mask.shape == frame.column_density_ppm_m.shape == (60, 80)
        assert set(np.unique(frame.mask)) <= {0, 1}
        assert frame.column_density_ppm_m.min() >= 0.0
        assert frame.leak_rate_g_per_h == LEAK_RATES_G_PER_H[frame.leak_class]
    assert {frame.leak_class > 0 for frame in frames} == {True, False}
    assert any(frame.column_density_ppm_m.max() > 100.0 for frame in frames)


def test_same_arguments_same_bytes_even_of_two_iterations_at_once():
    video = SyntheticVideo("close_complex", 3, n_frames=20, **SMALL)
    one, other = zip(*zip(video, video, strict=True), strict=True)
    assert _bytes(one) == _bytes(other) == _bytes(_frames("close_complex", 3, n_frames=20))


def test_a_video_of_any_length_starts_at_once_and_its_frames_do_not_depend_on_the_length():
    endless = SyntheticVideo("long_complex", 3, n_frames=10**12, **SMALL)
    assert _bytes(itertools.islice(endless, 20)) == _bytes(_frames("long_complex", 3, n_frames=20))


def test_other_seeds_and_categories_give_other_scenes():
    pictures = [
        _frames(category, seed, n_frames=1)[0].grey.astype(float)
        for category, seed in [("close_clear", 1), ("close_clear", 2), ("medium_clear", 1)]
    ]
    for one, other in itertools.combinations(pictures, 2):
        assert np.abs(one - other).mean() > 5.0


@pytest.mark.parametrize("seed", [0, 7])
def test_there_is_neither_gas_nor_mask_before_the_first_release(seed):
    before = list(itertools.takewhile(lambda each: each.leak_class == 0, _frames(seed=seed)))
    assert len(before) > 30
    for frame in before:
        assert not frame.mask.any()
        assert not frame.column_density_ppm_m.any()


def test_gas_shows_up_in_the_mask_near_the_source():
    video = SyntheticVideo("close_clear", 1, n_frames=80, **SMALL)
    x, y = (round(place) for place in video.source_xy_px)
    near = np.s_[max(0, y - 8) : y + 6, max(0, x - 8) : x + 9]
    leaking = [frame for frame in video if frame.leak_class >= 2]
    assert np.mean([frame.mask[near].any() for frame in leaking[3:]]) > 0.8


def test_steam_is_never_in_the_mask(monkeypatch):
    runs = []
    for probability in (1.0, 0.0):
        _change(monkeypatch, "close_complex", steam_probability=probability)
        runs.append(_frames("close_complex", 2, n_frames=80))
    seen_together = 0
    for steamy, clear in zip(*runs, strict=True):
        # The gas is the same, so where none is, nothing may be marked, however bright.
        np.testing.assert_array_equal(steamy.column_density_ppm_m, clear.column_density_ppm_m)
        # Lens and blur carry the mask up to 3 pixels beyond the gas.
        gas = (steamy.column_density_ppm_m > 1.0).astype(np.uint8)
        without_gas = cv2.dilate(gas, np.ones((7, 7), np.uint8)) == 0
        assert not steamy.mask[without_gas].any()
        steam = (np.abs(steamy.grey.astype(int) - clear.grey) > 20) & without_gas
        seen_together += int(steam.any() and steamy.mask.any())
    assert seen_together > 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"category": "medium_complex"}, "medium_clear"),
        ({"seed": -1}, "seed"),
        ({"n_frames": 0}, "frames"),
        ({"fps_hz": 0.0}, "frame rate"),
        ({"fps_hz": float("nan")}, "frame rate"),
        ({"height_px": 31}, "32"),
        ({"width_px": 8}, "32"),
        ({"still_plumes": -1}, "still plumes"),
    ],
)
def test_wrong_arguments_are_told_in_one_sentence(change, message):
    arguments = {"category": "close_clear", "seed": 1, "n_frames": 5} | SMALL | change
    with pytest.raises(UserError, match=message):
        SyntheticVideo(**arguments)


def test_smallest_and_odd_sizes_work():
    for height_px, width_px in [(32, 32), (64, 81), (75, 64)]:
        frames = _frames(n_frames=12, height_px=height_px, width_px=width_px)
        assert frames[-1].grey.shape == (height_px, width_px)


def test_grey_levels_resemble_real_footage():
    # Measured on GasVid: median 30-45, 95th percentile 141-171, a dark sky at the top.
    medians, tops, brights = [], [], []
    for seed in range(8):
        video = SyntheticVideo("close_complex", seed, n_frames=1, height_px=120, width_px=160)
        if video._view.hill:
            continue
        grey = next(iter(video)).grey
        medians.append(np.median(grey))
        tops.append(np.median(grey[:12]))
        brights.append(np.percentile(grey, 99))
    assert 15 < np.mean(medians) < 60
    assert np.mean(tops) < 20
    assert 180 < np.mean(brights) < 245


def test_clouds_are_behind_the_hill(monkeypatch):
    shown = []
    expose = Camera.expose
    monkeypatch.setattr(
        Camera, "expose", lambda *args: shown.append(args[1].copy()) or expose(*args)
    )
    for contrast_k in (0.0, 4.0):
        _change(
            monkeypatch, "close_clear", hill_probability=1.0, cloud_contrast_k=(contrast_k,) * 2
        )
        _frames(n_frames=1)
    clear, cloudy = shown
    assert np.abs(cloudy - clear)[:15].max() > 0.5
    np.testing.assert_array_equal(clear[-10:], cloudy[-10:])


@pytest.fixture(scope="module")
def pairs():
    """Frames with three still plumes and without any."""
    return list(zip(*(_frames(seed=7, n_frames=60, still_plumes=n) for n in (3, 0)), strict=True))


def _likeness(one, other):
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


def test_still_plumes_are_seen_but_change_no_gas_no_leak_and_no_empty_mask(pairs):
    empty = 0
    for still, plain in pairs:
        assert still.leak_class == plain.leak_class
        np.testing.assert_array_equal(still.column_density_ppm_m, plain.column_density_ppm_m)
        if not plain.column_density_ppm_m.any():
            empty += 1
            assert not still.mask.any()
            assert np.mean(np.abs(still.grey.astype(int) - plain.grey) > 3) > 0.02
    assert empty > 10


def test_still_plumes_do_not_move(pairs):
    """What they add to the picture is the same in all frames, up to noise and gain control."""
    added = [
        still.grey.astype(float) - plain.grey
        for still, plain in pairs
        if not still.column_density_ppm_m.any()
    ]
    assert np.std(np.mean(added, axis=0)) > 1.0
    assert all(_likeness(one, other) > 0.9 for one, other in itertools.pairwise(added))


def test_each_still_plume_has_its_own_place_at_any_frame_rate():
    added = []
    for fps_hz in (5.0, 30.0):
        videos = (_frames(seed=7, n_frames=1, fps_hz=fps_hz, still_plumes=n) for n in range(3))
        first = [frame.grey.astype(float) for [frame] in videos]
        added.append([more - less for less, more in itertools.pairwise(first)])
    assert min(np.std(each) for each in added[0]) > 1.0
    assert _likeness(*added[0]) < 0.3
    assert all(_likeness(*rates) > 0.95 for rates in zip(*added, strict=True))
