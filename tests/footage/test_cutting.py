import numpy as np
import pytest
from xxhash import xxh3_128

from fgstp.core.errors import FootageError
from fgstp.footage.cutting import ClipCutter, read_ahead
from fgstp.footage.grey import GreySpan
from fgstp.footage.video import Frame


def stream(count, **more):
    """Frames whose grey level is their number, at one frame a second."""
    for number in range(count):
        facts = {"time_s": number} | {name: make(number) for name, make in more.items()}
        yield Frame(np.full((4, 6), number, np.uint8), **facts)


def stretch_of(classes):
    frames = stream(len(classes), leak_class=lambda number: classes[number])
    return next(ClipCutter(len(classes)).clips(frames))


@pytest.mark.parametrize("count", [0, 3, 5, 10, 13])
def test_clips_follow_each_other_and_what_is_left_over_is_kept(count):
    cutter = ClipCutter(5)
    clips = list(cutter.clips(stream(count)))
    assert [clip.index for clip in clips] == list(range(count // 5))
    rest = [] if cutter.left_over is None else [cutter.left_over]
    assert len(rest) == (count % 5 > 0)
    for place, clip in enumerate([*clips, *rest]):
        assert clip.frames.dtype == np.uint8
        assert clip.frames.shape[1:] == (4, 6)
        assert clip.first_frame == 5 * place
        numbers = clip.frames[:, 0, 0].tolist()
        assert numbers == list(range(5 * place, min(count, 5 * place + 5)))


def test_clips_are_in_grey_whatever_the_span_of_each_frame():
    counts = [np.full((4, 6), count, np.uint8) for count in (16, 16, 125, 125)]
    spans = [None, GreySpan(16, 235), GreySpan(25, 225), GreySpan(0, 125)]
    frames = [Frame(each, span=span) for each, span in zip(counts, spans, strict=True)]
    (clip,) = ClipCutter(4).clips(iter(frames))
    assert clip.frames[:, 2, 3].tolist() == [16, 0, 128, 255]
    assert [frame.grey[2, 3] for frame in frames] == [16, 0, 128, 255]


def test_levels_of_8_bits_take_no_memory_of_their_own():
    frames = [Frame(np.full((4, 6), 125, np.uint8), span=GreySpan(25, 225))] * 2
    (clip,) = ClipCutter(2).clips(iter(frames))
    counts = clip.counts
    assert np.shares_memory(clip.frames, counts)
    assert clip.frames.tolist() == np.full((2, 4, 6), 128).tolist()
    assert clip.frames is clip.frames
    assert frames[0].counts[0, 0] == 125


def test_clips_come_as_soon_as_they_are_full():
    seen = []

    def noting():
        for frame in stream(10):
            seen.append(frame)
            yield frame

    next(ClipCutter(4).clips(noting()))
    assert len(seen) == 4


def test_what_the_frames_do_not_tell_is_unknown():
    (clip,) = ClipCutter(3, "annotated").clips(stream(3))
    assert clip.annotated.tolist() == []
    assert clip.masks.shape == (0, 4, 6)
    assert clip.mask_source == "none"
    assert clip.leak_class is None
    assert (clip.main_class(), clip.gas_fraction()) == (None, None)


def test_masks_classes_and_times_go_with_their_frames():
    def mask(number):
        if number % 3:
            return None
        picture = np.zeros((4, 6), np.uint8)
        picture.flat[:number] = 1
        return picture

    facts = {"mask": mask, "leak_class": lambda n: n - 1, "time_s": lambda n: n**2}
    first, second = ClipCutter(4, "annotated").clips(stream(8, **facts))
    assert [clip.mask_source for clip in (first, second)] == ["annotated"] * 2
    assert (first.annotated.tolist(), second.annotated.tolist()) == ([0, 3], [2])
    assert first.masks.dtype == np.uint8
    assert first.masks.sum(axis=(1, 2)).tolist() == [0, 3]
    assert second.masks.sum(axis=(1, 2)).tolist() == [6]
    assert first.gas_fraction() == pytest.approx(3 / 48, abs=1e-6)
    assert first.leak_class.tolist() == [-1, 0, 1, 2]
    assert second.times_s.tolist() == [16, 25, 36, 49]


def test_the_hash_is_of_frames_masks_and_their_numbers():
    def hashed(change=0, places=(1, 2), void=0):
        frames = list(stream(3))
        frames[0].grey[0, 0] += change
        for place in places:
            mask = np.eye(4, 6, dtype=np.uint8)
            mask[0, 5] = void
            frames[place] = frames[place]._replace(mask=mask)
        return next(ClipCutter(3).clips(iter(frames))).content_hash()

    def records(mask):
        bits = np.packbits(mask).tobytes()
        return b"\1\0\0\0" + bits + b"\2\0\0\0" + bits

    content = b"".join(bytes([number] * 24) for number in range(3))
    content += records(np.eye(4, 6, dtype=np.uint8))
    assert hashed() == xxh3_128(content).hexdigest()
    void = np.zeros((4, 6), np.uint8)
    void[0, 5] = 1
    assert hashed(void=255) == xxh3_128(content + records(void)).hexdigest()
    assert (
        len({hashed(), hashed(1), hashed(places=(0, 2)), hashed(places=(1,)), hashed(void=1)}) == 5
    )


def test_void_counts_neither_as_gas_nor_as_free_of_it():
    mask = np.zeros((4, 6), np.uint8)
    mask[0], mask[1] = 1, 255
    (clip,) = ClipCutter(2, "annotated").clips(stream(2, mask=lambda number: mask))
    assert clip.gas_fraction() == pytest.approx(6 / 18, abs=1e-6)
    mask[:] = 255
    (clip,) = ClipCutter(2, "annotated").clips(stream(2, mask=lambda number: mask))
    assert clip.gas_fraction() is None


@pytest.mark.parametrize(
    ("classes", "main"), [([0, 0, 1], 0), ([0, 1, 1], 1), ([2, 1, 1, 2], 1), ([-1, 8, 8], 8)]
)
def test_the_main_class_is_that_of_most_frames(classes, main):
    assert stretch_of(classes).main_class() == main


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


@pytest.mark.parametrize(
    "error", [FootageError("the disk is gone"), OSError(5, "the disk is gone")]
)
def test_an_error_in_making_a_clip_comes_in_its_place(error):
    def frames():
        yield from stream(4)
        raise error

    ahead = read_ahead(ClipCutter(2).clips(frames()))
    assert [next(ahead).index, next(ahead).index] == [0, 1]
    with pytest.raises(FootageError, match="the disk is gone"):
        next(ahead)
