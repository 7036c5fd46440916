import itertools

import numpy as np
import pytest

from fgstp.plumes import SyntheticVideo


def frames(still_plumes, n_frames=60, fps_hz=5.0):
    size = {"fps_hz": fps_hz, "height_px": 60, "width_px": 80}
    return list(
        SyntheticVideo("close_clear", 7, n_frames=n_frames, still_plumes=still_plumes, **size)
    )


def added_by_each(n_plumes, fps_hz=5.0):
    """What each still plume of a video changes in its first frame: float (H, W) each."""
    first = [frames(n, 1, fps_hz)[0].grey.astype(float) for n in range(n_plumes + 1)]
    return [one - other for other, one in itertools.pairwise(first)]


def likeness(one, other):
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


@pytest.fixture(scope="module")
def pairs():
    """Frames with three still plumes and without any."""
    return list(zip(frames(3), frames(0), strict=True))


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
    assert all(likeness(one, other) > 0.9 for one, other in itertools.pairwise(added))


def test_each_still_plume_has_its_own_place_at_any_frame_rate():
    added = added_by_each(2)
    assert min(np.std(each) for each in added) > 1.0
    assert likeness(*added) < 0.3
    for one, other in zip(added, added_by_each(2, fps_hz=30.0), strict=True):
        assert likeness(one, other) > 0.95
