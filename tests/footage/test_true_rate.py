import numpy as np
import pytest

from fgstp.footage.frame_sources import frames_of, timed_frames

TIMES_S = [0.0, 0.1, 0.2, 0.5, 0.6]  # 10 Hz, with a gap of two frames


@pytest.fixture
def pictures(tmp_path, write_picture, noise_frames):
    for number, frame in enumerate(noise_frames(5)):
        write_picture(tmp_path / "pictures" / f"{number}.png", frame)
    return tmp_path / "pictures"


def test_pictures_have_the_rate_that_they_are_given(pictures):
    assert frames_of(pictures).fps_hz() is None
    slow = frames_of(pictures, 0.5)
    assert slow.fps_hz() == 0.5
    assert slow.timing is None
    as_they_are, at_rate = (
        [frame.grey for frame in each.frames([])] for each in (frames_of(pictures), slow)
    )
    np.testing.assert_array_equal(at_rate, as_they_are)


def test_times_of_a_file_are_stretched_with_its_gaps(tmp_path, numbered):
    times_ms = [round(1000 * each) for each in TIMES_S]
    path = numbered.write(tmp_path / "a.mkv", numbered.frames(5), "ffv1", "gray", 10, times_ms)
    stated, true = frames_of(path), frames_of(path, 1.0)
    assert stated.fps_hz() == pytest.approx(10)
    assert true.fps_hz() == 1.0
    assert true.timing.fps_hz == 1.0
    np.testing.assert_allclose(true.timing.times_s, 10 * np.array(TIMES_S), atol=1e-6)
    np.testing.assert_array_equal(true.timing.slots, stated.timing.slots)
    times_s = [time_s for _, _, time_s in timed_frames(true, [])]
    np.testing.assert_allclose(times_s, 10 * np.array(TIMES_S), atol=1e-6)


def test_the_rate_is_part_of_what_is_signed_but_not_of_the_content(pictures):
    one, two = frames_of(pictures, 1.0), frames_of(pictures, 2.0)
    assert one.signature() != two.signature()
    assert one.content_hash() == two.content_hash() == frames_of(pictures).content_hash()
