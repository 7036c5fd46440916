import itertools

import cv2
import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.plumes import CATEGORIES, Conditions, SyntheticVideo
from fgstp.plumes.camera import Camera
from fgstp.plumes.schedule import LEAK_RATES_G_PER_H

SMALL = {"fps_hz": 5.0, "height_px": 60, "width_px": 80}


def _frames(category="close_clear", seed=1, n_frames=40, **more):
    return list(SyntheticVideo(category, seed, n_frames=n_frames, **(SMALL | more)))


def _bytes(frames):
    return b"".join(
        f.grey.tobytes() + f.mask.tobytes() + f.column_density_ppm_m.tobytes() for f in frames
    )


def _conditions(**changes):
    """The conditions of the demo, with changes."""
    return Conditions.model_validate(changes)


@pytest.mark.parametrize("conditions", ["demo", "wide"])
@pytest.mark.parametrize("category", CATEGORIES)
def test_frames_have_the_promised_types_and_facts(category, conditions):
    frames = _frames(category, n_frames=110, conditions=conditions)
    assert len(frames) == 110
    for frame in frames:
        assert frame.grey.dtype == frame.mask.dtype == np.uint8
        for other in (frame.steam, frame.movers):
            assert other.dtype == np.uint8
            assert other.shape == (60, 80)
            assert set(np.unique(other)) <= {0, 1}
        assert frame.column_density_ppm_m.dtype == np.float32
        assert frame.grey.shape == frame.mask.shape == frame.column_density_ppm_m.shape == (60, 80)
        assert set(np.unique(frame.mask)) <= {0, 1}
        assert frame.column_density_ppm_m.min() >= 0.0
        assert frame.leak_rate_g_per_h == LEAK_RATES_G_PER_H[frame.leak_class]
    if conditions == "demo":  # whose phases are short
        assert {frame.leak_class > 0 for frame in frames} == {True, False}
        assert any(frame.column_density_ppm_m.max() > 100.0 for frame in frames)


@pytest.mark.parametrize("conditions", ["demo", "wide"])
def test_same_arguments_same_bytes_even_of_two_iterations_at_once(conditions):
    given = {"n_frames": 20, "conditions": conditions} | SMALL
    video = SyntheticVideo("close_complex", 3, **given)
    one, other = zip(*zip(video, video, strict=True), strict=True)
    assert _bytes(one) == _bytes(other) == _bytes(_frames("close_complex", 3, **given))


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


def test_gas_is_there_in_the_first_frame_if_the_leak_is_on_at_the_start():
    for fraction in (1.0, 0.0):
        conditions = _conditions(leak={"started_fraction": fraction, "phase_s": (60.0, 60.0)})
        frames = [_frames(seed=seed, n_frames=1, conditions=conditions)[0] for seed in range(6)]
        assert [frame.leak_class > 0 for frame in frames] == [fraction == 1.0] * 6
        reach = [(frame.column_density_ppm_m > 1.0).mean() for frame in frames]
        assert (min(reach) > 0.01) if fraction else (max(reach) == 0.0)


def test_steam_is_never_in_the_mask_but_in_its_own():
    runs = []
    for fraction in (1.0, 0.0):
        conditions = _conditions(complex={"steam_fraction": fraction})
        runs.append(_frames("close_complex", 2, n_frames=80, conditions=conditions))
    seen_together = 0
    for steamy, clear in zip(*runs, strict=True):
        # The gas is the same, so where none is, nothing may be marked, however bright.
        np.testing.assert_array_equal(steamy.column_density_ppm_m, clear.column_density_ppm_m)
        # Lens and blur carry the mask up to 3 pixels beyond the gas.
        gas = (steamy.column_density_ppm_m > 1.0).astype(np.uint8)
        without_gas = cv2.dilate(gas, np.ones((7, 7), np.uint8)) == 0
        assert not steamy.mask[without_gas].any()
        assert not clear.steam.any()
        steam = (steamy.steam == 1) & without_gas
        if steam.any():
            change = np.abs(steamy.grey.astype(float) - clear.grey)
            assert change[steam].mean() > 2.0 * change[without_gas & ~steam].mean()
        seen_together += int(steam.any() and steamy.mask.any())
    assert seen_together > 10


def test_birds_are_in_the_mask_of_movers_and_where_they_are():
    runs = []
    for rate in (60.0, 0.0):
        conditions = _conditions(
            clear={"birds_per_minute": rate, "people_per_minute": 0.0},
            leak={"started_fraction": 0.0, "phase_s": (60.0, 60.0)},
        )
        runs.append(_frames(seed=3, n_frames=60, conditions=conditions))
    seen = 0
    for busy, empty in zip(*runs, strict=True):
        assert not empty.movers.any()
        changed = np.abs(busy.grey.astype(int) - empty.grey) > 25
        seen += int(changed.sum())
        assert busy.movers[changed].mean() > 0.9 if changed.any() else True
    assert seen > 20


def test_source_moves_with_the_camera():
    conditions = _conditions(camera={"jitter_fraction": 1.0, "jitter_px": (4.0, 4.0)})
    video = SyntheticVideo("close_clear", 1, n_frames=20, conditions=conditions, **SMALL)
    places = np.array([frame.source_xy_px for frame in video])
    # 4 pixels at a width of 320 are 1 at 80.
    assert places.std(axis=0) == pytest.approx([1.0, 1.0], rel=0.6)
    assert places.mean(axis=0) == pytest.approx(video.source_xy_px, abs=1.5)


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
        ({"conditions": "wild"}, "wide"),
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
        plant = _conditions(scenes={"plant": 1.0})
        size = {"height_px": 120, "width_px": 160}
        video = SyntheticVideo("close_complex", seed, n_frames=1, conditions=plant, **size)
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
        Camera, "expose", lambda *args: shown.append(args[1][0].copy()) or expose(*args)
    )
    for contrast_k in (0.0, 4.0):
        clouds = {"cloud_contrast_k": (contrast_k, contrast_k)}
        _frames(n_frames=1, conditions=_conditions(scenes={"hill": 1.0}, clear=clouds))
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
