import numpy as np
import pytest

from fgstp.footage.descriptors import ClipDescriptor
from fgstp.footage.duplicates import DuplicateFilter
from fgstp.footage.settings import DuplicateSettings
from fgstp.reporting.duplicate_curve import draw_duplicate_curve, kept_by_threshold

FLOOR = 2.0
SETTINGS = DuplicateSettings(threshold=0.25, floor_levels=FLOOR)
GRID = [round(0.02 * n, 2) for n in range(1, 51)]


def clip(level):
    rest = np.zeros((24, 32), np.float32)
    return ClipDescriptor(rest, rest + np.float32(FLOOR + level), rest)


@pytest.fixture
def descriptors():
    # Similarity of two levels is about the smaller over the larger.
    return {
        "a": [clip(level) for level in (10, 20, 40, 10)],
        "b": [clip(level) for level in (10, 10.5)],
        "c": [clip(10)],
    }


def test_the_curve_counts_what_the_filter_would_keep(descriptors):
    curve = kept_by_threshold(descriptors, SETTINGS)
    for threshold, clips_kept in curve.itertuples(index=False):
        kept = 0
        for clips in descriptors.values():
            duplicates = DuplicateFilter(threshold, FLOOR)
            kept += sum(duplicates.repeats(i, d) is None for i, d in enumerate(clips))
        assert clips_kept == kept


def test_the_curve_worked_by_hand(descriptors):
    # a: 10 and 20 are 0.50 alike, 20 and 40 too, 10 and 40 0.25; b: 0.95. The last clip of a
    # repeats its first at any threshold, and a clip of another video is never a duplicate.
    curve = kept_by_threshold(descriptors, SETTINGS).set_index("threshold")["clips_kept"]
    assert [curve[t] for t in (0.24, 0.26, 0.48, 0.52, 0.94, 0.96, 1.0)] == [*(3, 4, 4, 5, 5, 6, 6)]


@pytest.mark.parametrize("in_use", [0.25, 0.3, 1.0, 1.01])
def test_thresholds_are_short_numbers_and_the_one_in_use_is_among_them(descriptors, in_use):
    settings = DuplicateSettings(threshold=in_use, floor_levels=FLOOR)
    curve = kept_by_threshold(descriptors, settings)
    assert curve["threshold"].tolist() == sorted({*GRID, in_use})


def test_without_videos_nothing_is_kept():
    assert kept_by_threshold({}, SETTINGS)["clips_kept"].tolist() == [0] * 51


def test_the_figure_shows_the_curve_and_the_threshold_in_use(descriptors):
    curve = kept_by_threshold(descriptors, SETTINGS)
    figure = draw_duplicate_curve(curve, 7, SETTINGS)
    (ax,) = figure.axes
    step, total, in_use = ax.lines
    np.testing.assert_array_equal(step.get_xdata(), curve["threshold"])
    np.testing.assert_array_equal(step.get_ydata(), curve["clips_kept"])
    assert set(total.get_ydata()) == {7}
    assert set(in_use.get_xdata()) == {0.25}
    assert {text.get_text() for text in ax.texts} >= {"all 7 clips", "in use: 0.25 keeps 3"}
    assert ax.get_xlabel() == "similarity from which a clip is a duplicate"
    assert ax.get_ylabel() == "clips kept"
    figure.canvas.draw()
