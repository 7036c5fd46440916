import itertools

import numpy as np
import pytest

from fgstp.plumes import SyntheticVideo

SMALL = {"fps_hz": 5.0, "height_px": 60, "width_px": 80}


def frames(still_plumes, n_frames=60, category="close_clear", seed=7, **more):
    size = SMALL | more
    return list(
        SyntheticVideo(category, seed, n_frames=n_frames, still_plumes=still_plumes, **size)
    )


def added_by_each(n_plumes, **more):
    """What each still plume of a video changes in its first frame: float (H, W) each."""
    first = [frames(n, n_frames=1, **more)[0].grey.astype(float) for n in range(n_plumes + 1)]
    return [one - other for other, one in itertools.pairwise(first)]


def likeness(one, other):
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


@pytest.fixture(scope="module")
def without():
    return frames(0)


@pytest.fixture(scope="module")
def with_three():
    return frames(3)


def test_gas_and_leaks_are_the_same_with_and_without_still_plumes(without, with_three):
    for one, other in zip(without, with_three, strict=True):
        assert one.leak_class == other.leak_class
        np.testing.assert_array_equal(one.column_density_ppm_m, other.column_density_ppm_m)


def test_still_plumes_are_seen_and_no_mask_shows_them(without, with_three):
    empty = [i for i, frame in enumerate(without) if not frame.column_density_ppm_m.any()]
    assert len(empty) > 10
    for i in empty:
        assert not with_three[i].mask.any()
        change = np.abs(with_three[i].grey.astype(int) - without[i].grey)
        assert np.mean(change > 3) > 0.02


def test_still_plumes_do_not_move(without, with_three):
    """What they add to the picture is the same in all frames, up to noise and gain control."""
    added = [
        one.grey.astype(float) - other.grey
        for one, other in zip(with_three, without, strict=True)
        if not one.column_density_ppm_m.any()
    ]
    size = np.std(np.mean(added, axis=0))
    assert size > 1.0
    for one, other in itertools.pairwise(added):
        assert likeness(one, other) > 0.9


def test_each_still_plume_has_its_own_place():
    """Each further plume of a video changes other pixels than the one before it."""
    added = added_by_each(3)
    assert min(np.std(each) for each in added) > 1.0
    for one, other in itertools.combinations(added, 2):
        assert likeness(one, other) < 0.3


def test_the_frame_rate_does_not_change_still_plumes():
    other_rate = added_by_each(2, fps_hz=30.0)
    for one, other in zip(added_by_each(2), other_rate, strict=True):
        assert likeness(one, other) > 0.95
