import numpy as np
import pytest

from fgstp.reporting.timelines import MOST_VIDEOS, timeline_figure

FACTS = {"fgstp": {}, "slt_net": {}}


@pytest.fixture
def lines(timeline):
    """Two models on a video with a leak and on one of which nothing is known."""
    videos = {
        "a": ([0, 0, 1, 1, 7, 8], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
        "b": ([None] * 2, [0.7] * 2),
    }
    return {
        "fgstp": timeline("fgstp", threshold=0.25, **videos),
        "slt_net": timeline("slt_net", threshold=0.75, **videos),
    }


def curves(ax):
    return [line for line in ax.lines if line.get_linestyle() == "-"]


def test_each_video_has_a_row_with_a_line_and_a_threshold_for_each_model(lines):
    figure = timeline_figure(lines, FACTS)
    assert [ax.get_ylabel() for ax in figure.axes] == ["a", "b"]
    for ax in figure.axes:
        assert len(curves(ax)) == 2
        dashed = [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--"]
        assert sorted(dashed) == [0.25, 0.75]
    np.testing.assert_allclose(curves(figure.axes[0])[0].get_ydata(), lines["fgstp"]["score"][:6])


def test_leaks_are_shaded_by_their_class(lines):
    weak, strong = timeline_figure(lines, FACTS).axes[0].patches
    assert weak.get_extents().width > 0
    assert (weak.get_x(), weak.get_width()) == (2.0, 2.0)
    assert (strong.get_x(), strong.get_width()) == (4.0, 1.0)
    assert weak.get_alpha() < strong.get_alpha()
    assert not timeline_figure(lines, FACTS).axes[1].patches


def test_a_line_breaks_where_clips_are_missing(lines):
    rows = lines["fgstp"]
    rows = rows[~((rows["video"] == "a") & rows["frame"].isin([2, 3]))]
    [line] = curves(timeline_figure({"fgstp": rows}, {"fgstp": {}}).axes[0])
    np.testing.assert_array_equal(np.isnan(line.get_ydata()), [0, 0, 1, 0, 0])


def test_of_many_videos_some_are_shown_and_that_is_told(timeline):
    videos = {f"v{number:02d}": ([0], [0.5]) for number in range(30)}
    figure = timeline_figure({"fgstp": timeline("fgstp", **videos)}, {"fgstp": {}})
    names = [ax.get_ylabel() for ax in figure.axes]
    assert (len(names), names[0], names[-1]) == (MOST_VIDEOS, "v00", "v29")
    assert f"{MOST_VIDEOS} of 30 videos" in figure._supxlabel.get_text()
