import numpy as np
import pytest

from fgstp.core.errors import FootageError
from fgstp.footage.clips import Clip, ClipCutter, read_ahead
from fgstp.footage.video import Frame


def stream(count, **more):
    """Frames whose grey level is their number."""
    for number in range(count):
        facts = {name: make(number) for name, make in more.items()}
        yield Frame(np.full((4, 6), number, np.uint8), **facts)


def test_clips_follow_each_other_and_what_is_left_over_is_counted():
    cutter = ClipCutter(5)
    clips = list(cutter.clips(stream(13)))
    assert [(clip.index, clip.first_frame) for clip in clips] == [(0, 0), (1, 5)]
    for clip in clips:
        assert clip.frames.shape == (5, 4, 6)
        assert clip.frames.dtype == np.uint8
        numbers = clip.frames[:, 0, 0].tolist()
        assert numbers == list(range(clip.first_frame, clip.first_frame + 5))
    assert cutter.n_frames == 13
    assert cutter.left_over() == 3
    cutter.check_length()


def test_a_clip_does_not_change_when_the_next_is_cut():
    clips = ClipCutter(3).clips(stream(9))
    first = next(clips)
    before = first.frames.copy()
    list(clips)
    np.testing.assert_array_equal(first.frames, before)


def test_clips_come_as_soon_as_they_are_full():
    seen = []

    def noting():
        for frame in stream(10):
            seen.append(frame)
            yield frame

    clips = ClipCutter(4).clips(noting())
    next(clips)
    assert len(seen) == 4


def test_a_stream_that_fits_leaves_nothing_over():
    cutter = ClipCutter(5)
    assert len(list(cutter.clips(stream(10)))) == 2
    assert cutter.left_over() == 0


def test_without_masks_and_classes_there_are_none():
    (clip,) = ClipCutter(3).clips(stream(3))
    assert clip.masks is None
    assert clip.leak_class is None
    assert clip.mask_source == "none"
    assert clip.main_class() is None


def test_masks_and_classes_go_with_their_frames():
    def mask(number):
        picture = np.zeros((4, 6), np.uint8)
        picture.flat[:number] = 1
        return picture

    clips = list(ClipCutter(4).clips(stream(8, mask=mask, leak_class=lambda n: n - 1)))
    assert [clip.mask_source for clip in clips] == ["synthetic", "synthetic"]
    assert clips[1].masks.sum(axis=(1, 2)).tolist() == [4, 5, 6, 7]
    assert clips[1].masks.dtype == np.uint8
    assert clips[0].leak_class.tolist() == [-1, 0, 1, 2]
    assert clips[0].leak_class.dtype == np.int8


@pytest.mark.parametrize(
    ("classes", "main"), [([0, 0, 1], 0), ([0, 1, 1], 1), ([2, 1, 1, 2], 1), ([-1, 8, 8], 8)]
)
def test_the_main_class_is_that_of_most_frames(classes, main):
    frames = np.zeros((len(classes), 4, 6), np.uint8)
    assert Clip(0, 0, frames, leak_class=np.array(classes, np.int8)).main_class() == main


def test_a_video_without_a_frame_is_refused():
    cutter = ClipCutter(150)
    assert list(cutter.clips(stream(0))) == []
    with pytest.raises(FootageError, match="no frame that can be decoded; copy it again"):
        cutter.check_length()


def test_a_video_shorter_than_a_clip_is_refused_with_both_lengths():
    cutter = ClipCutter(150)
    assert list(cutter.clips(stream(149))) == []
    with pytest.raises(FootageError, match=r"149 frames.* takes 150; .*ingest.clip_length_frames"):
        cutter.check_length()


def test_reading_ahead_changes_nothing_but_the_time():
    plain = list(ClipCutter(5).clips(stream(23)))
    ahead = list(read_ahead(ClipCutter(5).clips(stream(23))))
    assert [clip.first_frame for clip in ahead] == [clip.first_frame for clip in plain]
    for one, other in zip(ahead, plain, strict=True):
        np.testing.assert_array_equal(one.frames, other.frames)
    assert list(read_ahead(ClipCutter(5).clips(stream(4)))) == []


def test_reading_ahead_is_one_clip_ahead_at_most():
    made = []

    def clips():
        for clip in ClipCutter(2).clips(stream(20)):
            made.append(clip.index)
            yield clip

    ahead = read_ahead(clips())
    for number in range(5):
        assert next(ahead).index == number
        assert len(made) <= number + 2
    ahead.close()
    assert len(made) <= 6


def test_an_error_in_making_a_clip_comes_in_its_place():
    def clips():
        yield from ClipCutter(2).clips(stream(4))
        raise FootageError("the rest is lost")

    ahead = read_ahead(clips())
    assert [next(ahead).index, next(ahead).index] == [0, 1]
    with pytest.raises(FootageError, match="the rest is lost"):
        next(ahead)
