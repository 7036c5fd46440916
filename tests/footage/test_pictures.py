import struct
import tracemalloc
import zlib
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fgstp.core.errors import FootageError
from fgstp.footage.pictures import (
    check_names,
    list_pictures,
    n_pages,
    natural_key,
    read_pages,
    read_picture,
)


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


@pytest.mark.parametrize("names", [("7.png", "007.jpg"), ("a/1.png", "a/1.tif")])
def test_two_names_that_mean_the_same_are_refused(names):
    with pytest.raises(FootageError, match="same name"):
        check_names(map(Path, names))
    check_names([Path("7.png"), Path("8.png"), Path("a7.png")])


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".bmp", ".webp"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(12, 16), (12, 16, 3), (12, 16, 4)])
def test_a_picture_keeps_its_depth_and_channels(tmp_path, suffix, dtype, shape):
    if suffix in {".bmp", ".webp"} and (dtype is np.uint16 or shape != (12, 16, 3)):
        pytest.skip("not a picture of this format")
    image = noise(*shape, dtype=dtype)
    path = tmp_path / f"Aufnahme für Ñandú{suffix}"
    lossless = [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == ".webp" else []
    assert cv2.imwrite(str(path), image, lossless)
    picture = read_picture(path)
    assert picture.pixels.dtype == dtype
    np.testing.assert_array_equal(picture.pixels, image[..., :3] if image.ndim == 3 else image)
    if image.shape[2:] == (4,):
        np.testing.assert_array_equal(picture.alpha, image[..., 3] >> 8 * (dtype is np.uint16))
    assert picture.remarks == ()


def test_indices_of_a_palette_are_kept(tmp_path):
    image = Image.fromarray(noise(12, 16, 3)).quantize(16)
    image.save(tmp_path / "0.png")
    picture = read_picture(tmp_path / "0.png")
    np.testing.assert_array_equal(picture.indices, np.asarray(image))
    np.testing.assert_array_equal(picture.pixels[..., ::-1], np.asarray(image.convert("RGB")))
    assert picture.alpha is None


def test_opacity_is_kept(tmp_path):
    grey, opacity = noise(2, 12, 16)
    Image.fromarray(np.dstack([grey, opacity]), "LA").save(tmp_path / "0.png")
    picture = read_picture(tmp_path / "0.png")
    np.testing.assert_array_equal(picture.pixels, grey)
    np.testing.assert_array_equal(picture.alpha, opacity)


# What each EXIF orientation demands to be done with the stored pixels.
ORIENTED = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).swapaxes(0, 1),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", ORIENTED)
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_pictures_are_turned_as_their_exif_data_say(tmp_path, suffix, orientation):
    for stored in (noise(12, 16, 3), noise(12, 16, dtype=np.uint16)):
        if stored.dtype == np.uint16 and suffix != ".tif":
            continue
        exif = Image.Exif()
        exif[274] = orientation
        path = tmp_path / f"0{suffix}"
        options = {"lossless": True} if suffix == ".webp" else {}
        Image.fromarray(stored).save(path, exif=exif, **options)
        picture = read_picture(path)
        seen = picture.pixels[..., ::-1] if stored.ndim == 3 else picture.pixels
        np.testing.assert_array_equal(seen, ORIENTED[orientation](stored))
        assert len(picture.remarks) == (orientation != 1)


def write_tiff(path, pixels, tags, order="<"):
    """Write pixels, (H, W) or (H, W, channels), uncompressed."""
    height, width = pixels.shape[:2]
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    known = {256: width, 257: height, 258: 8 * pixels.itemsize, 259: 1, 277: 1, 278: height}
    tags = known | {273: 0, 279: len(data)} | tags
    tags[273] = 8 + 2 + len(tags) * 12 + 4
    fields = [struct.pack(f"{order}HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags)]
    header = struct.pack(f"{order}HIH", 42, 8, len(tags)) + b"".join(fields) + bytes(4)
    path.write_bytes((b"II" if order == "<" else b"MM") + header + data)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("photometric", "is_inverted"), [(0, True), (1, False)])
def test_white_is_zero_is_inverted(tmp_path, bits, photometric, is_inverted, order):
    counts = noise(12, 16, dtype=np.uint8 if bits == 8 else np.uint16)
    path = write_tiff(tmp_path / "0.tif", counts, {262: photometric}, order)
    expected = np.iinfo(counts.dtype).max - counts if is_inverted else counts
    np.testing.assert_array_equal(read_picture(path).pixels, expected)


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
def test_negative_pixels_are_refused(tmp_path, dtype):
    counts = np.arange(192, dtype=dtype).reshape(12, 16) % 100
    path = write_tiff(tmp_path / "0.tif", counts, {262: 1, 339: 2})
    np.testing.assert_array_equal(read_picture(path).pixels, counts)
    counts[3, 4] = -1
    with pytest.raises(FootageError, match="negative"):
        read_picture(write_tiff(tmp_path / "0.tif", counts, {262: 1, 339: 2}))


def test_deep_colour_that_would_be_misread_is_refused(tmp_path):
    planes = noise(36, 16, dtype=np.uint16)  # three planes, one after the other
    size = planes.nbytes // 3
    path = write_tiff(tmp_path / "0.tif", planes, {257: 12, 262: 2, 277: 3, 278: 12, 284: 2})
    with path.open("ab") as file:  # the values of tags that have three
        at = file.tell()
        start = at - 3 * size
        values = [start, start + size, start + 2 * size, size, size, size, 16, 16, 16]
        file.write(struct.pack("<9I", *values))
    data = path.read_bytes()
    for tag, place in ((273, 0), (279, 12), (258, 24)):
        entry = data.index(struct.pack("<HH", tag, 4))
        data = data[: entry + 4] + struct.pack("<II", 3, at + place) + data[entry + 12 :]
    path.write_bytes(data)
    with pytest.raises(FootageError, match="in planes"):
        read_picture(path)


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 3)])
def test_a_stack_has_pages_and_is_no_picture(tmp_path, shape):
    pages = noise(5, *shape, dtype=np.uint16)
    path = tmp_path / "0.tif"
    cv2.imwritemulti(str(path), list(pages))
    assert n_pages(path) == 5
    np.testing.assert_array_equal([picture.pixels for picture in read_pages(path)], pages)
    with pytest.raises(FootageError, match="5 pages"):
        read_picture(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".webp", ".pgm"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_truncated_picture_is_refused(tmp_path, write_picture, suffix, share):
    path = write_picture(tmp_path / f"0{suffix}", noise(48, 64))
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(FootageError, match="it"):
        read_picture(path)


@pytest.mark.parametrize("largest", [1, 255, 4095, 65535])
def test_counts_of_a_pgm_reach_from_black_to_the_white_that_it_states(tmp_path, largest):
    counts = np.random.default_rng(0).integers(0, largest + 1, (12, 16))
    data = counts.astype("u1" if largest < 256 else ">u2").tobytes()
    (tmp_path / "0.pgm").write_bytes(b"P5 16 12 %d\n" % largest + data)
    pixels = read_picture(tmp_path / "0.pgm").pixels
    full = 255 if largest < 256 else 65535
    assert pixels.dtype == (np.uint8 if largest < 256 else np.uint16)
    np.testing.assert_array_equal(pixels, np.rint(counts * full / largest))


def test_colours_of_a_ppm_are_read_at_8_bits_and_never_cut(tmp_path):
    image = noise(12, 16, 3)
    (tmp_path / "0.ppm").write_bytes(b"P6 16 12 255\n" + image.tobytes())
    np.testing.assert_array_equal(read_picture(tmp_path / "0.ppm").pixels, image[..., ::-1])
    (tmp_path / "0.ppm").write_bytes(b"P6 16 12 65535\n" + image.astype(">u2").tobytes())
    with pytest.raises(FootageError, match="16 bits"):
        read_picture(tmp_path / "0.ppm")


def smooth():
    return cv2.GaussianBlur(noise(120, 160), (0, 0), 2)


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("gap", [b"", bytes(300), None])
def test_a_damaged_jpeg_is_refused_or_remarked(tmp_path, write_picture, place, gap):
    path = write_picture(tmp_path / "0.jpg", smooth())
    data = path.read_bytes()
    assert read_picture(path).remarks == ()
    at = int(place * (len(data) - 400))
    gap = noise(300).tobytes() if gap is None else gap
    path.write_bytes(data[:at] + gap + data[at + 300 :])
    with suppress(FootageError):
        assert "damaged" in read_picture(path).remarks[0]


def test_sound_jpeg_of_many_kinds_is_not_called_damaged(tmp_path):
    image = Image.fromarray(smooth())
    kinds = [
        {"mode": mode, "quality": quality, "progressive": is_progressive, **more}
        for mode in ("L", "RGB", "CMYK")
        for quality in (1, 60, 100)
        for is_progressive in (False, True)
        for more in ({}, {"restart_marker_blocks": 3}, {"subsampling": "4:2:2"})
    ]
    for kind in kinds:
        image.convert(kind.pop("mode")).save(tmp_path / "0.jpg", **kind)
        assert read_picture(tmp_path / "0.jpg").remarks == ()
    for size in ((1, 1), (7, 9), (17, 3)):
        image.crop((0, 0, *size)).save(tmp_path / "0.jpg", comment=b"x" * 5000)
        with (tmp_path / "0.jpg").open("ab") as file:
            file.write(b"what a camera adds")
        assert read_picture(tmp_path / "0.jpg").remarks == ()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_any_destroyed_byte_of_a_png_is_seen(tmp_path, write_picture, dtype):
    path = write_picture(tmp_path / "0.png", smooth().astype(dtype))
    data = path.read_bytes()
    for place in np.random.default_rng(0).integers(8, len(data) - 12, 40):
        damaged = bytearray(data)
        damaged[place] ^= 255
        path.write_bytes(damaged)
        with pytest.raises(FootageError, match="it"):
            read_picture(path)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate"])
def test_damaged_tiff_prints_nothing(tmp_path, capfd, compression):
    path = tmp_path / "0.tif"
    Image.fromarray(smooth()).save(path, compression=compression)
    data = bytearray(path.read_bytes())
    data[300:900] = bytes(600)
    path.write_bytes(data)
    for read in (read_picture, lambda path: list(read_pages(path))):
        with pytest.raises(FootageError, match="to its end"):
            read(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"text", "no picture of a known kind"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "no picture of a known kind"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "to its end"),
        (None, "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, data, message):
    path = tmp_path / "0.png"
    if data is not None:
        path.write_bytes(data)
    for read in (read_picture, n_pages):
        with pytest.raises(FootageError, match=message):
            read(path)


@pytest.mark.parametrize("size", [(9000, 9000), (20_000, 20_000), (100_000, 100_000)])
def test_a_huge_picture_is_refused_before_it_takes_memory(tmp_path, size):
    header = b"IHDR" + struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    chunks = [
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in (header, data, b"IEND")
    ]
    (tmp_path / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    tracemalloc.start()
    with pytest.raises(FootageError, match="67 million pixels"):
        read_picture(tmp_path / "0.png")
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp", ".webp", ".pgm", ".ppm"])
def test_whatever_a_damaged_header_says_is_no_other_error(tmp_path, write_picture, suffix):
    rng = np.random.default_rng(0)
    shape = (12, 16, 3) if suffix == ".ppm" else (12, 16)
    path = write_picture(tmp_path / f"0{suffix}", noise(*shape))
    whole = path.read_bytes()
    n_refused = 0
    for _ in range(200):
        data = bytearray(whole)
        for place in rng.integers(0, min(len(data), 200), 4):
            data[place] = rng.integers(0, 256)
        path.write_bytes(data)
        for read in (read_picture, n_pages):
            try:
                read(path)
            except FootageError:
                n_refused += 1
    assert n_refused > 20


def test_a_tag_that_is_not_known_prints_nothing(tmp_path, capfd):
    path = tmp_path / "0.tif"
    Image.fromarray(noise(12, 16, dtype=np.uint16)).save(path, tiffinfo={51044: b"radiometric"})
    read_picture(path)
    assert capfd.readouterr() == ("", "")
