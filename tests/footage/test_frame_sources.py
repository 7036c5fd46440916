import os
import shutil

import cv2
import numpy as np
import pytest

from fgstp.core.errors import FootageError, UserError
from fgstp.footage.frame_sources import FrameFolder, VideoFile, read_video
from fgstp.footage.pictures import list_pictures

ODD_FOLDER = "Aufnahmen für Ñandú 漏れ"


def smooth(count, channels=()):
    """Frames that a lossy codec can keep: a slope that moves."""
    rows, columns = np.mgrid[:48, :64]
    grey = [60 + rows + columns + 2 * number for number in range(count)]
    frames = np.stack(grey).astype(np.uint8)
    return np.stack([frames] * 3, axis=3) if channels else frames


def decoded(source):
    frames = list(source)
    assert all(frame.mask is None and frame.leak_class is None for frame in frames)
    return np.stack([frame.grey for frame in frames])


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".MKV"])
def test_ffv1_comes_back_byte_by_byte(tmp_path, footage, noise_frames, suffix):
    frames = noise_frames(12)
    path = footage.video(tmp_path / ODD_FOLDER / f"Film 1{suffix}", frames)
    source = VideoFile(path)
    np.testing.assert_array_equal(decoded(source), frames)
    # Each iteration begins at the first frame.
    np.testing.assert_array_equal(decoded(source), frames)
    assert source.n_frames_hint() == 12


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".m4v"])
def test_mpeg_4_is_decoded_in_order(tmp_path, footage, suffix):
    frames = smooth(20, channels=(3,))
    path = footage.video(tmp_path / ODD_FOLDER / f"Film 1{suffix}", frames, fps=7.5)
    source = VideoFile(path)
    grey = decoded(source)
    assert grey.dtype == np.uint8
    assert np.abs(grey.astype(int) - frames[..., 0]).mean() < 3
    assert source.n_frames_hint() == 20
    assert source.fps_hz() == pytest.approx(7.5)


def test_counts_of_16_bit_stay_as_they_are(tmp_path, footage, noise_frames):
    frames = noise_frames(6, dtype=np.uint16)
    counts = decoded(VideoFile(footage.video(tmp_path / "raw counts.mkv", frames)))
    assert counts.dtype == np.uint16
    np.testing.assert_array_equal(counts, frames)


def test_colours_become_grey(tmp_path, footage):
    colour = np.full((3, 48, 64, 3), (10, 20, 200), np.uint8)
    grey = decoded(VideoFile(footage.video(tmp_path / "colour.mkv", colour)))
    # ITU-R BT.601: 0.114 * 10 + 0.587 * 20 + 0.299 * 200.
    np.testing.assert_allclose(grey, 72.68, atol=1)


@pytest.mark.parametrize("suffix", [".mkv", ".avi"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_that_breaks_off_is_refused(tmp_path, footage, noise_frames, suffix, share):
    path = footage.video(tmp_path / f"cut{suffix}", noise_frames(60))
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(FootageError, match="truncated or damaged; copy it again") as error:
        list(VideoFile(path))
    assert f"cut{suffix} says that it holds 60 frames, but only" in str(error.value)


def test_an_mp4_that_breaks_off_cannot_be_opened(tmp_path, footage):
    path = footage.video(tmp_path / "cut.mp4", smooth(60, channels=(3,)))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(FootageError, match=r"cut.mp4 cannot be opened as a video.*convert it"):
        list(VideoFile(path))


class FakeCapture:
    """A container that states more frames than it holds."""

    def __init__(self, stated, frames):
        self.stated = stated
        self.frames = iter(frames)

    def get(self, _):
        return self.stated

    def read(self):
        frame = next(self.frames, None)
        return frame is not None, frame


@pytest.mark.parametrize(
    ("stated", "held", "sound"),
    [(10, 9, True), (10, 8, False), (1000, 990, True), (1000, 989, False), (0, 5, True)],
)
def test_one_frame_or_one_in_a_hundred_may_be_lost(tmp_path, monkeypatch, stated, held, sound):
    frames = [np.zeros((48, 64), np.uint8)] * held
    monkeypatch.setattr(VideoFile, "_open", lambda _: FakeCapture(stated, frames))
    source = VideoFile(tmp_path / "a.mp4")
    if sound:
        assert len(list(source)) == held
        assert source.n_frames_hint() == (stated or None)
        return
    with pytest.raises(FootageError, match=f"holds {stated} frames, but only {held} can"):
        list(source)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a.mp4 is empty; copy it again"),
        (b"this is a letter\n" * 50, "a.mp4 cannot be opened as a video"),
        (None, "a.mp4 cannot be read: No such file or directory"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path, data, message):
    path = tmp_path / "a.mp4"
    if data is not None:
        path.write_bytes(data)
    source = VideoFile(path)
    for read in (lambda: list(source), source.n_frames_hint, source.fps_hz):
        with pytest.raises(FootageError, match=message):
            read()


def test_a_video_is_known_by_its_content(tmp_path, footage, noise_frames):
    path = footage.video(tmp_path / "a.mkv", noise_frames(3))
    copy = tmp_path / "sub" / "b.mkv"
    copy.parent.mkdir()
    shutil.copy(path, copy)
    assert VideoFile(copy).content_hash() == VideoFile(path).content_hash()
    before = VideoFile(path).signature()
    os.utime(path, ns=(10**18, 10**18))
    assert VideoFile(path).signature() != before
    assert VideoFile(path).content_hash() == VideoFile(copy).content_hash()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pictures_are_frames_in_natural_order(tmp_path, write_picture, noise_frames, dtype):
    folder = tmp_path / ODD_FOLDER
    frames = noise_frames(12, dtype=dtype)
    for number, frame in enumerate(frames):
        write_picture(folder / f"frame {number}.png", frame)
    source = FrameFolder(tuple(list_pictures(folder)))
    grey = decoded(source)
    assert grey.dtype == dtype
    np.testing.assert_array_equal(grey, frames)
    np.testing.assert_array_equal(decoded(source), frames)
    assert source.n_frames_hint() == 12
    assert source.fps_hz() is None


def picture_folder(tmp_path, write_picture, *images):
    paths = [write_picture(tmp_path / f"{n}.png", image) for n, image in enumerate(images)]
    return FrameFolder(tuple(paths))


def test_a_picture_of_another_size_is_refused(tmp_path, write_picture):
    small, large = np.zeros((48, 64), np.uint8), np.zeros((60, 80), np.uint8)
    source = picture_folder(tmp_path, write_picture, small, small, large)
    with pytest.raises(FootageError, match=r"2.png is 80 x 60, .* are 64 x 48; .* scale it"):
        list(source)


@pytest.mark.parametrize("first", [np.uint8, np.uint16])
def test_a_picture_of_another_depth_is_refused(tmp_path, write_picture, first):
    second = np.uint16 if first is np.uint8 else np.uint8
    images = [np.zeros((48, 64), dtype) for dtype in (first, second)]
    source = picture_folder(tmp_path, write_picture, *images)
    frames = iter(source)
    next(frames)
    message = f"1.png has {second.__name__} pixels, .* have {first.__name__}; convert"
    with pytest.raises(FootageError, match=message):
        next(frames)


@pytest.mark.parametrize(
    ("data", "message"), [(b"", "1.png: it is empty"), (b"text", "1.png: it cannot be read as a")]
)
def test_an_unreadable_picture_is_named(tmp_path, write_picture, data, message):
    source = picture_folder(tmp_path, write_picture, *[np.zeros((48, 64), np.uint8)] * 3)
    (tmp_path / "1.png").write_bytes(data)
    with pytest.raises(FootageError, match=message):
        list(source)


def test_pictures_of_an_unknown_depth_are_refused(tmp_path):
    path = tmp_path / "0.tif"
    cv2.imwrite(str(path), np.zeros((48, 64), np.float32))
    with pytest.raises(FootageError, match=r"0.tif: its pixels are float32, .* convert it"):
        list(FrameFolder((path,)))


def test_a_folder_is_known_by_its_pictures(tmp_path, write_picture, noise_frames):
    source = picture_folder(tmp_path, write_picture, *noise_frames(3))
    keys = source.signature(), source.content_hash()
    os.utime(source.files[0], ns=(10**18, 10**18))
    assert source.signature() != keys[0]
    assert source.content_hash() == keys[1]
    fewer = FrameFolder(source.files[:2])
    assert fewer.signature() != keys[0]
    assert fewer.content_hash() != keys[1]
    write_picture(source.files[1], noise_frames(1, seed=5)[0])
    assert source.signature() != keys[0]
    assert source.content_hash() != keys[1]


def test_a_lossless_file_and_a_folder_give_their_frames(tmp_path, footage):
    frames = footage.frames([10], length=5)
    footage.video(tmp_path / "video.mkv", frames)
    footage.pictures(tmp_path / "pictures", frames, "frame_{}.png")
    np.testing.assert_array_equal(read_video(tmp_path / "video.mkv"), frames)
    np.testing.assert_array_equal(read_video(str(tmp_path / "pictures")), frames)


def test_16_bit_frames_are_mapped_by_one_range(tmp_path, footage):
    frames = footage.frames([10], length=5)
    footage.pictures(tmp_path / "pictures", 1000 + 20 * frames.astype(np.uint16))
    read = read_video(tmp_path / "pictures")
    assert read.dtype == np.uint8
    assert np.corrcoef(read.ravel(), frames.ravel())[0, 1] > 0.999
    assert read.max() == 255


@pytest.mark.parametrize("name", ["nothing.mkv", "empty"])
def test_nothing_to_read_is_a_mistake(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=name):
        read_video(tmp_path / name)
