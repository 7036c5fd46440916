from pathlib import Path

import numpy as np
import pytest

from fgstp.core.errors import FootageError
from fgstp.footage.pictures import list_pictures, natural_key, read_picture


def ordered(*names):
    return [path.name for path in sorted(map(Path, names), key=natural_key)]


def test_numbers_in_names_are_compared_as_numbers():
    assert ordered("f10.png", "f9.png", "f100.png", "f1.png") == [
        *("f1.png", "f9.png", "f10.png", "f100.png")
    ]
    assert ordered("c2_f10.png", "c10_f1.png", "c2_f9.png") == [
        *("c2_f9.png", "c2_f10.png", "c10_f1.png")
    ]


def test_names_that_begin_with_numbers_and_with_letters_can_be_compared():
    assert ordered("b.png", "12.png", "a.png", "3.png", "½.png", "a") == [
        *("3.png", "12.png", "a", "a.png", "b.png", "½.png")
    ]


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
        (None, "it cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, data, message):
    path = tmp_path / "0.png"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(FootageError, match=message):
        read_picture(path)


def test_a_picture_that_breaks_off_is_refused(tmp_path, write_picture, noise_frames):
    path = write_picture(tmp_path / "0.png", noise_frames(1)[0])
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(FootageError, match="cannot be read as a picture"):
        read_picture(path)
