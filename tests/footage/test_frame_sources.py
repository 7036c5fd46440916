import os

import cv2
import numpy as np
import pytest
from PIL import Image

from fgstp.core.errors import FootageError, UserError
from fgstp.footage.frame_sources import PictureSequence, frames_of, read_video, timed_frames
from fgstp.footage.pictures import list_pictures
from fgstp.footage.video import Frame
from fgstp.footage.video_file import VideoFile

ODD_FOLDER = "Aufnahmen für Ñandú 漏れ"


def decoded(source, remarks=None):
    frames = list(source.frames([] if remarks is None else remarks))
    assert all(frame.mask is None and frame.leak_class is None for frame in frames)
    return np.stack([frame.grey for frame in frames])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pictures_are_frames_in_natural_order(tmp_path, write_picture, noise_frames, dtype):
    folder = tmp_path / ODD_FOLDER
    frames = noise_frames(12, dtype=dtype)
    for number, frame in enumerate(frames):
        write_picture(folder / f"frame {number}.png", frame)
    source = PictureSequence(tuple(list_pictures(folder)))
    grey = decoded(source)
    assert grey.dtype == dtype
    np.testing.assert_array_equal(grey, frames)
    np.testing.assert_array_equal(decoded(source), frames)
    assert source.n_frames_hint() == 12
    assert source.fps_hz() is source.timing is None


@pytest.mark.parametrize("kind", ["folder", "stack"])
def test_a_sample_of_pictures_is_spread_evenly(tmp_path, write_picture, kind):
    pictures = [np.full((24, 32), 300 * number, np.uint16) for number in range(50)]
    if kind == "folder":
        source = picture_folder(tmp_path, write_picture, *pictures)
    else:
        cv2.imwritemulti(str(tmp_path / "a.tif"), pictures)
        source = frames_of(tmp_path / "a.tif")
    assert [frame[2, 3] // 300 for frame in source.sample(10)] == list(range(0, 50, 5))
    assert [frame[2, 3] // 300 for frame in source.sample(30)] == list(range(50))


def picture_folder(tmp_path, write_picture, *images):
    paths = [write_picture(tmp_path / f"{n}.png", image) for n, image in enumerate(images)]
    return PictureSequence(tuple(paths))


def test_remarks_on_pictures_are_told_together(tmp_path, write_picture, noise_frames):
    for number, frame in enumerate(noise_frames(6)):
        exif = Image.Exif()
        exif[274] = 3 if number in (2, 4) else 1
        Image.fromarray(frame).save(tmp_path / f"{number}.png", exif=exif)
    remarks = []
    decoded(frames_of(tmp_path), remarks)
    (remark,) = remarks
    assert "orientation 3" in remark
    assert "2 pictures, the first is 2.png" in remark


def test_a_picture_of_another_size_is_refused(tmp_path, write_picture):
    small, large = np.zeros((48, 64), np.uint8), np.zeros((60, 80), np.uint8)
    source = picture_folder(tmp_path, write_picture, small, small, large)
    with pytest.raises(FootageError, match=r"2.png is 80 x 60, .* are 64 x 48; .* scale it"):
        list(source.frames([]))


@pytest.mark.parametrize("first", [np.uint8, np.uint16])
def test_a_picture_of_another_depth_is_refused(tmp_path, write_picture, first):
    second = np.uint16 if first is np.uint8 else np.uint8
    images = [np.zeros((48, 64), dtype) for dtype in (first, second)]
    source = picture_folder(tmp_path, write_picture, *images)
    frames = source.frames([])
    next(frames)
    message = f"1.png has {second.__name__} pixels, .* have {first.__name__}; convert"
    with pytest.raises(FootageError, match=message):
        next(frames)


@pytest.mark.parametrize(
    ("data", "message"), [(b"", "1.png is empty"), (b"text", "1.png: it is no picture")]
)
def test_an_unreadable_picture_is_named(tmp_path, write_picture, data, message):
    source = picture_folder(tmp_path, write_picture, *[np.zeros((48, 64), np.uint8)] * 3)
    (tmp_path / "1.png").write_bytes(data)
    with pytest.raises(FootageError, match=message):
        list(source.frames([]))


def test_pictures_of_an_unknown_depth_are_refused(tmp_path):
    path = tmp_path / "0.tif"
    cv2.imwrite(str(path), np.zeros((48, 64), np.float32))
    with pytest.raises(FootageError, match=r"0.tif: its pixels are float32, .* convert it"):
        list(PictureSequence((path,)).frames([]))


def test_a_folder_is_known_by_its_pictures(tmp_path, write_picture, noise_frames):
    source = picture_folder(tmp_path, write_picture, *noise_frames(3))
    keys = source.signature(), source.content_hash()
    os.utime(source.files[0], ns=(10**18, 10**18))
    assert source.signature() != keys[0]
    assert source.content_hash() == keys[1]
    fewer = PictureSequence(source.files[:2])
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


@pytest.mark.parametrize("shape", [(24, 32), (24, 32, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_pages_of_a_stack_are_frames(tmp_path, shape, dtype):
    top = np.iinfo(dtype).max
    pages = np.random.default_rng(0).integers(0, top, (7, *shape)).astype(dtype)
    path = tmp_path / "a.tiff"
    cv2.imwritemulti(str(path), list(pages))
    source = frames_of(path)
    assert source.n_frames_hint() == 7
    expected = [
        page if page.ndim == 2 else cv2.cvtColor(page, cv2.COLOR_BGR2GRAY) for page in pages
    ]
    np.testing.assert_array_equal(decoded(source), expected)


def test_pages_of_two_sizes_are_refused(tmp_path):
    cv2.imwritemulti(
        str(tmp_path / "a.tif"), [np.zeros((6, 8), np.uint8), np.zeros((3, 4), np.uint8)]
    )
    with pytest.raises(FootageError, match=r"page 1 of a.tif is 4 x 3"):
        list(frames_of(tmp_path / "a.tif").frames([]))


def test_a_stack_among_frames_is_refused(tmp_path, write_picture):
    write_picture(tmp_path / "0.tif", np.zeros((6, 8), np.uint8))
    cv2.imwritemulti(str(tmp_path / "1.tif"), [np.zeros((6, 8), np.uint8)] * 3)
    with pytest.raises(FootageError, match=r"1.tif: it has 3 pages"):
        list(frames_of(tmp_path).frames([]))


def test_frames_that_come_twice_are_refused(tmp_path, write_picture):
    for name in ("0.png", "1.png", "0.jpg", "1.jpg"):
        write_picture(tmp_path / name, np.zeros((6, 8), np.uint8))
    with pytest.raises(FootageError, match="same name"):
        frames_of(tmp_path)


@pytest.mark.parametrize("names", [["ir_1", "ir_2", "rgb_1", "rgb_2"], ["0", "1", "2", "cover"]])
def test_pictures_of_several_series_are_remarked(tmp_path, write_picture, names):
    for name in names:
        write_picture(tmp_path / f"{name}.png", np.zeros((6, 8), np.uint8))
    remarks = []
    assert len(list(frames_of(tmp_path).frames(remarks))) == len(names)
    (remark,) = remarks
    assert f"names of 2 kinds, such as {names[0]} and {names[-1][:-1]}" in remark


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        ([f"f_{number}" for number in (1, 2, 3, 7, 8)], 3),
        ([f"{number:04d}" for number in (0, 5, 10, 20)], 1),
        ([f"{number:04d}" for number in (0, 5, 10, 15)], 0),
        (["a", "b", "c", "d"], 0),
    ],
)
def test_gaps_in_the_numbering_are_remarked(tmp_path, write_picture, names, missing):
    for name in names:
        write_picture(tmp_path / f"{name}.png", np.zeros((6, 8), np.uint8))
    remarks = []
    list(frames_of(tmp_path).frames(remarks))
    assert len(remarks) == (missing > 0)
    assert not missing or remarks[0].startswith(f"{missing} numbers are missing")


@pytest.mark.parametrize("is_coloured", [True, False])
def test_a_colour_palette_is_remarked_once(tmp_path, write_picture, is_coloured):
    slope = np.tile(np.arange(256, dtype=np.uint8), (24, 1))
    shown = cv2.applyColorMap(slope, cv2.COLORMAP_JET)
    for number in range(20):
        grey = cv2.cvtColor(slope, cv2.COLOR_GRAY2BGR)
        write_picture(tmp_path / f"{number}.png", shown if is_coloured else grey)
    remarks = []
    list(frames_of(tmp_path).frames(remarks))
    assert len(remarks) == is_coloured
    assert all("colour" in remark for remark in remarks)


def test_a_path_has_the_source_of_its_kind(tmp_path, write_picture):
    write_picture(tmp_path / "x.mp4" / "0.png", np.zeros((6, 8), np.uint8))
    assert isinstance(frames_of(tmp_path / "x.mp4"), PictureSequence)
    assert isinstance(frames_of(tmp_path / "y.mp4"), VideoFile)
    assert isinstance(frames_of(tmp_path / "y.TIF"), PictureSequence)


def test_numbers_of_frames_count_those_that_cannot_be_decoded():
    class Damaged:
        def frames(self, remarks):
            for place in (0, 1, 4):
                yield Frame(np.full((2, 3), place, np.uint8), time_s=place / 2, place=place)

    found = list(timed_frames(Damaged(), []))
    assert [(number, time_s) for number, _, time_s in found] == [(0, 0.0), (1, 0.5), (4, 2.0)]
    assert [levels.max() for _, levels, _ in found] == [0, 1, 4]
