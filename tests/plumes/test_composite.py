"""Composites: what the gas changes, what it leaves alone, and the playing order of footage."""

import numpy as np
import pytest

from fgstp.plumes.composite import CompositeVideo


def backdrop(n=12, level=30):
    """Frames whose first row tells their number."""
    frames = np.full((n, 96, 128), level, np.uint8)
    frames[:, 0, 0] = np.arange(n)
    return frames


def composite(frames, seed=3, n_frames=120, fps_hz=15.0):
    return list(CompositeVideo(lambda: frames, seed, n_frames=n_frames, fps_hz=fps_hz))


def test_short_footage_is_played_there_and_back():
    found = composite(backdrop(4), n_frames=14)
    order = [int(frame.grey[0, 0]) for frame in found]
    assert order == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]


def test_a_single_frame_is_repeated():
    assert [int(frame.grey[0, 0]) for frame in composite(backdrop(1), n_frames=3)] == [0, 0, 0]


def test_long_footage_is_not_kept():
    passed = []

    def endless():
        for number in range(1000):
            passed.append(number)
            yield backdrop(1)[0]

    found = CompositeVideo(endless, 1, n_frames=5, fps_hz=15.0)
    assert len(list(found)) == 5
    assert len(passed) <= 6


@pytest.mark.parametrize("seed", range(4))
def test_masks_mark_what_changes_by_more_than_three_levels(seed):
    frames = backdrop(1)
    for found in composite(frames, seed, n_frames=150)[::10]:
        change = np.abs(found.grey.astype(int) - frames[0])
        assert change[found.column_density_ppm_m == 0].max(initial=0) == 0
        inside, outside = found.mask > 0, found.mask == 0
        # Blurring by a pixel moves the border by little: on either side it is near three levels.
        assert change[inside].min(initial=255) >= 1
        assert np.quantile(change[outside], 0.999) <= 6


def test_gas_is_bright_before_dark_and_dark_before_bright_footage():
    dark, bright = backdrop(1, level=5), backdrop(1, level=250)
    for seed in range(8):
        pairs = [composite(frames, seed) for frames in (dark, bright)]
        if not all(frame.mask.any() for frame in pairs[0][-1:] + pairs[1][-1:]):
            continue
        on_dark, on_bright = (each[-1] for each in pairs)
        assert on_dark.grey[on_dark.mask > 0].mean() > 5
        assert on_bright.grey[on_bright.mask > 0].mean() < 250
        return
    pytest.fail("no seed shows gas on both")


def test_the_same_seed_gives_the_same_bytes():
    one, two, other = (composite(backdrop(2), seed) for seed in (7, 7, 8))
    assert all(np.array_equal(a.grey, b.grey) for a, b in zip(one, two, strict=True))
    assert not all(np.array_equal(a.grey, b.grey) for a, b in zip(one, other, strict=True))


def test_leaks_begin_and_end():
    classes = {frame.leak_class > 0 for frame in composite(backdrop(1), n_frames=600)}
    assert classes == {True, False}


def test_a_leak_that_is_on_at_the_start_has_a_plume_at_its_source_by_then():
    frames, n_seen = backdrop(1), 0
    for seed in range(12):
        video = CompositeVideo(lambda: frames, seed, n_frames=1, fps_hz=15.0)
        [first] = video
        if first.leak_class:
            n_seen += 1
            column, row = (round(each) for each in video.source_xy_px)
            assert first.column_density_ppm_m[row, column] > 0
            # A single frame's release covers a few pixels.
            assert np.count_nonzero(first.column_density_ppm_m > 1) > 200
        else:
            assert not first.column_density_ppm_m.any()
    assert n_seen
