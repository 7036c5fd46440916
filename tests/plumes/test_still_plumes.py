import itertools

import numpy as np
import pytest

from fgstp.plumes import SyntheticVideo

SMALL = {"fps_hz": 5.0, "height_px": 60, "width_px": 80}


def frames(still_plumes, n_frames=60, category="close_clear", seed=7):
    video = SyntheticVideo(category, seed, n_frames=n_frames, still_plumes=still_plumes, **SMALL)
    return list(video)


@pytest.fixture(scope="module")
def without():
    return frames(0)


@pytest.fixture(scope="module")
def with_three():
    return frames(3)


def test_they_leave_everything_else_as_it_was(without, with_three):
    for one, other in zip(without, with_three, strict=True):
        assert one.leak_class == other.leak_class
        np.testing.assert_array_equal(one.column_density_ppm_m, other.column_density_ppm_m)


def test_they_are_seen_and_no_mask_shows_them(without, with_three):
    empty = [i for i, frame in enumerate(without) if not frame.column_density_ppm_m.any()]
    assert len(empty) > 10
    for i in empty:
        assert not with_three[i].mask.any()
        change = np.abs(with_three[i].grey.astype(int) - without[i].grey)
        assert np.mean(change > 3) > 0.02


def test_they_do_not_move(without, with_three):
    """What they add to the picture is the same in all frames, up to noise and gain control."""
    added = [
        one.grey.astype(float) - other.grey
        for one, other in zip(with_three, without, strict=True)
        if not one.column_density_ppm_m.any()
    ]
    size = np.std(np.mean(added, axis=0))
    assert size > 1.0
    for one, other in itertools.pairwise(added):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9


def test_each_has_a_place_of_its_own():
    changes = []
    for seed in (1, 2):
        pair = [frames(n, n_frames=1, seed=seed)[0].grey.astype(int) for n in (0, 1)]
        changes.append(np.abs(pair[1] - pair[0]) > 3)
    both = np.count_nonzero(changes[0] & changes[1])
    assert 0 <= both < 0.5 * min(np.count_nonzero(each) for each in changes)
