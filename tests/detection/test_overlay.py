import av
import numpy as np
import pytest

from fgstp.detection.overlay import drawn, overlay_video


def chroma(picture):
    """How far pixels are from grey."""
    return np.ptp(picture.astype(int), axis=2)


@pytest.mark.parametrize(
    ("size", "width_px"),
    [
        ((60, 80), 640),
        ((240, 320), 640),
        ((241, 321), 642),
        ((512, 640), 640),
        ((1080, 1920), 1280),
    ],
)
def test_it_is_wide_enough_to_read_and_even(results_at, size, width_px):
    [result] = results_at([3], size)
    height, width, _ = drawn(result, 0).shape
    assert width == width_px
    assert height % 2 == width % 2 == 0
    assert height == pytest.approx(width * size[0] / size[1] + 28, abs=4)


def test_the_picture_stays_grey_but_for_what_is_drawn(results_at):
    [calm] = results_at([3], (240, 320))
    picture = drawn(calm, 0)
    assert not chroma(picture[:480]).any()
    np.testing.assert_allclose(picture[100:400:2, 50, 0], np.arange(50, 200), atol=1)


def test_an_outline_a_cross_and_a_label_tell_of_an_event(results_at):
    [leak] = results_at([3], (240, 320), alarm_at=0)
    picture = drawn(leak, 1)[:480]
    coloured = chroma(picture) > 60
    rows, columns = np.nonzero(coloured[:, :101])
    assert (rows.min(), columns.min()) == pytest.approx((41, 61), abs=2)  # twice row 20, column 30
    assert coloured[41, 61:99].all()
    assert not coloured[46:52, 64:68].any()  # inside, where there is neither cross nor label
    assert coloured[56, 73:79].any()  # left arm of the cross at 35, 28
    assert coloured.mean() < 0.01


def test_regions_without_an_event_have_another_colour(results_at):
    [leak] = results_at([3], (240, 320), alarm_at=0)
    of_event = drawn(leak, 1)[41, 80]
    of_none = drawn(leak._replace(events=[]), 0)[41, 80]
    assert np.abs(of_event.astype(int) - of_none).max() > 60


def test_the_bar_tells_time_state_and_events(results_at):
    def bar(time_s, n_events=0):
        [result] = results_at([time_s], (240, 320))
        return drawn(result, n_events)[480:]

    assert (bar(70) != bar(71))[:, :80].any()
    assert not (bar(70) != bar(70.5)).any()
    assert (bar(1)[:, 80:320] != bar(3)[:, 80:320]).any()
    assert (bar(70, 1) != bar(70, 2))[:, 500:].any()


def test_the_video_has_the_times_of_the_frames(new_report, results_at, tmp_path):
    times_s = [0, 0.1, 0.3, 2.5, 2.6, 9.0]
    report = new_report()
    with overlay_video(report, tmp_path) as write:
        for result in results_at(times_s, alarm_at=2):
            report.take(result)
            write(result)
    with av.open(str(tmp_path / "overlay.webm")) as container:
        assert [frame.time for frame in container.decode()] == pytest.approx(times_s, abs=2e-3)
