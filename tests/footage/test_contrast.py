import numpy as np
import pytest

from fgstp.footage.contrast import Contrast


def remarks(frames, has_span=False):
    contrast = Contrast(has_span=has_span)
    for start in range(0, len(frames), 20):
        contrast.take(frames[start : start + 20], np.arange(20.0))
    return contrast.remarks()


def noise(low, high, shape=(40, 32, 48)):
    return np.random.default_rng(0).integers(low, high, shape).astype(np.uint8)


@pytest.mark.parametrize(("n_levels", "is_told"), [(1, True), (4, True), (30, False)])
def test_levels_of_most_pixels_are_counted(n_levels, is_told):
    frames = noise(100, 100 + n_levels)
    told = remarks(frames)
    assert len(told) == is_told
    assert not told or f"only {n_levels} grey levels" in told[0]


@pytest.mark.parametrize(("rows", "is_told"), [(2, True), (6, False)])
def test_a_few_rows_of_all_levels_hide_no_lack_of_contrast(rows, is_told):
    frames = noise(100, 104)
    frames[:, :rows] = noise(0, 256, (40, rows, 48))
    assert len(remarks(frames)) == is_told


@pytest.mark.parametrize("has_span", [True, False])
def test_a_span_is_advised_where_there_is_one(has_span):
    (told,) = remarks(noise(0, 3), has_span)
    assert ("ingest.span" in told) == has_span


def test_without_frames_there_is_nothing_to_tell():
    assert remarks(noise(0, 9)[:0]) == []
