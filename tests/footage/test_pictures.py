from pathlib import Path

import numpy as np
import pytest

from fgstp.core.errors import FootageError
from fgstp.footage.pictures import (
    GreySpan,
    list_pictures,
    measure_span,
    natural_key,
    read_picture,
    to_grey,
)
from fgstp.footage.settings import SpanSettings


def ordered(*names):
    return [path.name for path in sorted(map(Path, names), key=natural_key)]


@pytest.mark.parametrize(
    "names",
    [
        ["f1.png", "f9.png", "f10.png", "f100.png"],
        ["c2_f9.png", "c2_f10.png", "c10_f1.png"],
        ["3.png", "12.png", "a", "a.png", "b.png", "½.png"],
    ],
)
def test_numbers_in_names_are_compared_as_numbers(names):
    assert ordered(*names[::-1]) == names
    assert ordered(*names[1:], names[0]) == names


def test_the_order_never_depends_on_the_file_system():
    # Equal as numbers: without more to go by, the order would be that of the directory.
    assert ordered("f1.png", "f01.png", "f001.png") == ordered("f001.png", "f1.png", "f01.png")


def test_only_pictures_are_listed(tmp_path):
    for name in ("2.PNG", "1.jpeg", "10.tif", "notes.txt", ".3.png", "png", "4.png.part"):
        (tmp_path / name).touch()
    assert [path.name for path in list_pictures(tmp_path)] == ["1.jpeg", "2.PNG", "10.tif"]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(12, 16), (12, 16, 3)])
def test_a_picture_keeps_its_depth_and_channels(tmp_path, write_picture, suffix, dtype, shape):
    image = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype)
    path = write_picture(tmp_path / f"Aufnahme für Ñandú{suffix}", image)
    np.testing.assert_array_equal(read_picture(path), image)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is empty; copy it again or remove it"),
        (b"text", "it cannot be read as a picture; copy it again or remove it"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "it cannot be read as a picture"),  # truncated
        (None, "it cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, data, message):
    path = tmp_path / "0.png"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(FootageError, match=message):
        read_picture(path)


BGR = (10, 20, 200)
LUMA = 0.114 * 10 + 0.587 * 20 + 0.299 * 200  # ITU-R BT.601: 72.68


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_one_channel_stays_as_it_is(dtype):
    grey = np.arange(12, dtype=dtype).reshape(3, 4) * 20
    np.testing.assert_array_equal(to_grey(grey), grey)
    np.testing.assert_array_equal(to_grey(grey[..., None]), grey)
    assert to_grey(grey).dtype == dtype


@pytest.mark.parametrize(
    ("dtype", "factor", "tolerance"), [(np.uint8, 1, 0.5), (np.uint16, 200, 1)]
)
def test_colours_become_their_luma_at_the_same_depth(dtype, factor, tolerance):
    colour = (np.full((3, 4, 3), BGR) * factor).astype(dtype)
    alpha = np.concatenate([colour, np.zeros((3, 4, 1), dtype)], axis=2)
    for image in (colour, alpha):
        grey = to_grey(image)
        assert grey.shape == (3, 4)
        assert grey.dtype == dtype
        np.testing.assert_allclose(grey, LUMA * factor, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint32, np.bool_])
def test_other_depths_are_refused(dtype):
    with pytest.raises(FootageError, match="8 or 16 bit whole numbers are read; convert it") as e:
        to_grey(np.zeros((3, 4), dtype))
    assert np.dtype(dtype).name in str(e.value)


def test_a_span_is_a_straight_line_between_its_ends():
    table = GreySpan(1000, 1510).table()
    assert table.shape == (65536,)
    assert table.dtype == np.uint8
    # Two counts a grey level; what lies outside is clipped and does not wrap around.
    assert [table[c] for c in (0, 1000, 1002, 1100, 1508, 1510, 1511, 65535)] == [
        *(0, 0, 1, 50),
        *(254, 255, 255, 255),
    ]
    # Rounded, not cut off: 1.8 counts of 2 are nearer to 1 than to 0.
    assert GreySpan(0, 255 * 10).table()[[4, 6, 14, 16]].tolist() == [0, 1, 1, 2]


def test_a_fixed_span_does_not_look_at_the_frames():
    settings = SpanSettings(mode="fixed", low_counts=7, high_counts=4000)
    span = measure_span(iter([np.full((4, 5), 60000, np.uint16)]), 1, settings)
    assert span == GreySpan(7, 4000)


def test_a_robust_span_lies_at_the_percentiles_and_ignores_dead_pixels():
    # Counts 1001 to 2000 equally often: 1 % lies at 1010, 99 % at 1990.
    frame = np.arange(1001, 2001, dtype=np.uint16).reshape(20, 50)
    settings = SpanSettings(low_percentile=1, high_percentile=99)
    assert measure_span([frame] * 3, 3, settings) == GreySpan(1010, 1990)

    dead = frame.copy()
    dead[0, 0], dead[0, 1] = 0, 65535
    span = measure_span([dead] * 3, 3, settings)
    assert abs(span.low_counts - 1010) <= 2
    assert abs(span.high_counts - 1990) <= 2


def test_one_span_serves_all_frames_so_that_a_plume_stays_as_bright():
    # The same plume, 400 counts above its background, in a dark and in a bright frame.
    dark = np.linspace(3000, 4000, 2000).reshape(40, 50).astype(np.uint16)
    bright = (dark + 5000).astype(np.uint16)
    plume = np.zeros((40, 50), np.uint16)
    plume[10:20, 10:20] = 400
    span = measure_span([dark, dark + plume, bright, bright + plume], 4, SpanSettings())
    table = span.table().astype(float)
    contrast_dark = (table[dark + plume] - table[dark])[10:20, 10:20].mean()
    contrast_bright = (table[bright + plume] - table[bright])[10:20, 10:20].mean()
    # 6000 counts span 255 levels, so 400 counts are 17 levels; a stretched frame gives 102.
    assert contrast_dark == pytest.approx(17, abs=0.5)
    assert contrast_bright == pytest.approx(contrast_dark, abs=0.5)


def test_a_flat_video_has_a_span_of_one_count():
    span = measure_span([np.full((4, 5), 500, np.uint16)] * 2, 2, SpanSettings())
    assert span == GreySpan(500, 501)
    assert span.table()[500] == 0


def test_a_long_video_is_sampled_evenly_to_its_end():
    # Counts grow by one a frame; the middle percentile must lie in the middle of the video.
    frames = (np.full((2, 2), number, np.uint16) for number in range(4000))
    settings = SpanSettings(low_percentile=50, high_percentile=99)
    span = measure_span(frames, 4000, settings)
    assert span.low_counts == pytest.approx(2000, abs=40)
    assert span.high_counts == pytest.approx(3960, abs=40)


def test_a_video_of_unknown_length_is_looked_at_whole():
    frames = [np.full((2, 2), number, np.uint16) for number in range(101)]
    settings = SpanSettings(low_percentile=0.5, high_percentile=99.5)
    assert measure_span(iter(frames), 1, settings) == GreySpan(0, 100)
