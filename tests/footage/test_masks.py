import numpy as np
import pytest

from fgstp.core.errors import FootageError
from fgstp.footage.masks import MaskFolder, binarise, fit_mask
from fgstp.footage.packed_masks import first_frame_with_gas

PATTERN = np.array([[0, 1, 0], [1, 1, 0]], np.uint8)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (PATTERN, "zeros and ones"),
        (PATTERN * np.uint8(255), "0 and 255"),
        (PATTERN * np.uint8(128), "just above half"),
        (PATTERN * np.uint8(155) + np.uint8(100), "grey edges of a lossy picture"),
        (PATTERN.astype(np.uint16), "zeros and ones of 16 bit"),
        (PATTERN.astype(np.uint16) * 65535, "16 bit"),
        (PATTERN.astype(np.uint16) * 32768, "just above half of 16 bit"),
        (PATTERN[..., None] * np.array([255, 255, 255], np.uint8), "white"),
        (PATTERN[..., None] * np.array([0, 0, 255], np.uint8), "red"),
        (PATTERN[..., None] * np.array([255, 0, 0], np.uint8), "blue"),
        (np.dstack([PATTERN * np.uint8(255)] * 3 + [PATTERN * 0 + np.uint8(255)]), "opaque"),
    ],
)
def test_foreground_of_any_depth_and_colour(image, why):
    mask = binarise(image)
    np.testing.assert_array_equal(mask, PATTERN, err_msg=why)
    assert mask.dtype == np.uint8


def test_an_opaque_black_picture_is_empty():
    black = np.zeros((2, 3, 4), np.uint8)
    black[..., 3] = 255
    assert not binarise(black).any()
    assert not binarise(np.zeros((2, 3), np.uint16)).any()


@pytest.mark.parametrize(
    ("image", "value"),
    [
        (PATTERN * np.uint8(2), "2 of 255"),
        (PATTERN * np.uint8(127), "127 of 255"),
        (PATTERN.astype(np.uint16) * 255, "255 of 65535"),
        (PATTERN.astype(np.uint16) * 32767, "32767 of 65535"),
    ],
)
def test_values_that_are_neither_are_refused(image, value):
    with pytest.raises(FootageError, match=f"brightest value is {value}.* save masks with 0 and 1"):
        binarise(image)


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_numbers_that_are_no_pixels_are_refused(dtype):
    with pytest.raises(FootageError, match="save masks as 8 or 16 bit pictures") as error:
        binarise(PATTERN.astype(dtype))
    assert np.dtype(dtype).name in str(error.value)


def test_a_mask_of_another_size_is_scaled_without_greys():
    mask = np.zeros((120, 160), np.uint8)
    mask[30:60, 40:80] = 1
    large, small = fit_mask(mask, (240, 320)), fit_mask(mask, (60, 80))
    by_hand = np.zeros((240, 320), np.uint8)
    by_hand[60:120, 80:160] = 1
    np.testing.assert_array_equal(large, by_hand)
    np.testing.assert_array_equal(small, by_hand[::4, ::4])
    assert fit_mask(mask, (120, 160)) is mask
    # A pixel becomes a block: interpolation would round its corners off.
    pixel = np.zeros((6, 8), np.uint8)
    pixel[2, 3] = 1
    block = np.zeros((30, 40), np.uint8)
    block[10:15, 15:20] = 1
    np.testing.assert_array_equal(fit_mask(pixel, (30, 40)), block)


def test_proportions_may_differ_by_a_rounded_pixel_and_no_more():
    # 352 x 352 is what networks see of 320 x 240: such masks cannot be mapped back blindly.
    assert fit_mask(np.ones((121, 160), np.uint8), (240, 320)).shape == (240, 320)
    for shape in [(352, 352), (320, 240), (124, 160)]:
        with pytest.raises(FootageError, match=f"{shape[1]} x {shape[0]}.*320 x 240.*proportions"):
            fit_mask(np.ones(shape, np.uint8), (240, 320))


@pytest.fixture
def mask_folder(tmp_path, write_picture):
    """Makes a folder of masks, each with as many foreground pixels as its place, from 1."""

    def make(*names, shape=(6, 8)):
        folder = tmp_path / "Máscaras von Öl"
        folder.mkdir(exist_ok=True)
        for place, name in enumerate(names, start=1):
            image = np.zeros(shape, np.uint8)
            image.flat[:place] = 255
            write_picture(folder / name, image)
        return folder

    return make


def test_masks_of_a_file_are_paired_by_the_last_number(mask_folder):
    folder = mask_folder("MOV_1467_000010.png", "MOV_1467_9.png", "11.TIF")
    (folder / "readme 1.txt").write_text("masks by Ana")
    (folder / ".1.png").write_bytes(b"left by a file manager")
    masks = MaskFolder.numbered(folder)
    assert {number: path.name for number, path in masks.files.items()} == {
        9: "MOV_1467_9.png",
        10: "MOV_1467_000010.png",
        11: "11.TIF",
    }
    read = masks.read([9, 10, 11], (6, 8))
    assert read.dtype == np.uint8
    assert read.sum(axis=(1, 2)).tolist() == [2, 1, 3]
    assert set(np.unique(read)) == {0, 1}


def test_masks_without_a_number_are_refused(mask_folder):
    folder = mask_folder("0.png", "last.png")
    with pytest.raises(
        FootageError,
        match=r"1 of the 2 masks in .* have no frame number in their name, .* last.png",
    ):
        MaskFolder.numbered(folder)


@pytest.mark.parametrize(("names", "frame"), [(("7.png", "a_007.png"), 7), (("a.png", "a.tif"), 0)])
def test_two_masks_of_one_frame_are_refused(mask_folder, tmp_path, names, frame):
    folder = mask_folder(*names)
    with pytest.raises(FootageError, match=f"both of frame {frame}; remove one") as error:
        MaskFolder.numbered(folder) if frame else MaskFolder.paired(folder, (tmp_path / "a.jpg",))
    assert all(name in str(error.value) for name in names)


def test_masks_of_a_folder_of_frames_are_paired_by_stem(mask_folder, tmp_path):
    folder = mask_folder("b 2.png", "a.png")
    frames = tuple(tmp_path / name for name in ("a.jpg", "b 2.tif", "c.jpg"))
    masks = MaskFolder.paired(folder, frames)
    assert {number: path.name for number, path in masks.files.items()} == {0: "a.png", 1: "b 2.png"}
    assert masks.read([0, 1], (6, 8)).sum(axis=(1, 2)).tolist() == [2, 1]
    assert masks.annotated(0, 3).tolist() == [0, 1]


def test_masks_of_no_frame_are_refused(mask_folder, tmp_path):
    folder = mask_folder("a.png", "x.png", "y.png")
    with pytest.raises(FootageError, match=r"2 of the 3 masks .* belong to no frame.* x.png;"):
        MaskFolder.paired(folder, (tmp_path / "a.jpg",))


def test_annotated_frames_are_numbered_from_the_first_of_the_stretch(mask_folder):
    masks = MaskFolder.numbered(mask_folder("4.png", "6.png"))
    assert masks.annotated(4, 1).tolist() == [0]
    assert masks.annotated(3, 5).tolist() == [1, 3]
    assert masks.annotated(7, 5).tolist() == []
    assert masks.read([], (6, 8)).shape == (0, 6, 8)


def test_masks_beyond_the_end_are_refused(mask_folder):
    masks = MaskFolder.numbered(mask_folder("0.png", "4.png", "a_10.png", "b_9.png"))
    masks.check_fits(11)
    for beyond, n_frames, name in [(1, 10, "a_10.png"), (2, 9, "b_9.png"), (3, 4, "4.png")]:
        message = f"{beyond} masks .* beyond its {n_frames} frames.* first is {name}"
        with pytest.raises(FootageError, match=message):
            masks.check_fits(n_frames)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (b"", "it is empty; copy it again or remove it"),
        (b"no picture", "cannot be read as a picture; copy it again or remove it"),
    ],
)
def test_an_unreadable_mask_is_named_with_its_folder(mask_folder, damage, message):
    folder = mask_folder("0.png", "1.png")
    (folder / "1.png").write_bytes(damage)
    masks = MaskFolder.numbered(folder)
    assert masks.read([0], (6, 8)).sum() == 1
    with pytest.raises(FootageError, match=f"the mask 1.png in {folder}: .*{message}"):
        masks.read([0, 1], (6, 8))
    with pytest.raises(FootageError, match=r"the mask 0.png in .*8 x 6.* 8 x 8"):
        masks.read([0], (8, 8))


def test_the_signature_follows_the_files(mask_folder):
    folder = mask_folder("0.png", "1.png")
    before = MaskFolder.numbered(folder)
    key = before.signature()
    assert before.signature() == key
    (folder / "1.png").write_bytes((folder / "0.png").read_bytes() + b" ")
    assert MaskFolder.numbered(folder).signature() != key


@pytest.mark.parametrize("gas", [1, 255, True])
@pytest.mark.parametrize("first", [0, 1, 4])
def test_one_pixel_of_gas_is_enough(first, gas):
    masks = np.zeros((5, 3, 4), np.uint8 if gas != 1 else type(gas))
    masks[first, 2, 3] = gas
    masks[first + 1 :] = gas
    assert first_frame_with_gas(masks) == first
    assert first_frame_with_gas(list(masks)) == first
    assert first_frame_with_gas(masks[:first]) is None
    assert first_frame_with_gas(iter([*masks[: first + 1], None])) == first  # reads no further
