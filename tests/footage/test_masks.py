import os

import numpy as np
import pytest
from PIL import Image

from fgstp.core.errors import FootageError
from fgstp.footage.masks import find_masks
from fgstp.footage.packed_masks import first_frame_with_gas

SIZE = (6, 8)
VIDEO = "leak.mp4"


@pytest.fixture
def place(tmp_path):
    return tmp_path / "Máscaras von Öl"


@pytest.fixture
def masks_of(place, tmp_path, write_picture):
    """Finds the masks with these names; the n-th of them, from 1, has its n-th pixel set.

    They are those of a video file, or of a folder with these frames.
    """

    def make(*names, frames=None, void=(), labelmap=None):
        place.mkdir(exist_ok=True)
        for number, name in enumerate(names, start=1):
            image = np.zeros(SIZE, np.uint8)
            image.flat[number] = 1
            for pixel in void:
                image.flat[pixel] = 255 if pixel != number else 1
            write_picture(place / name, image)
        for name in frames or ():
            write_picture(tmp_path / "frames" / name, np.zeros(SIZE, np.uint8))
        footage = tmp_path / (VIDEO if frames is None else "frames")
        return find_masks(place, footage, labelmap or {})

    return make


def pixels(masks):
    """Pixels of gas of each annotated frame."""
    return {
        number: np.flatnonzero(masks.read(number, SIZE) == 1).tolist() for number in masks.numbers
    }


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["9.png", "10.TIF", "011.bmp"], {9: [1], 10: [2], 11: [3]}),
        (["MOV_1467_000010.png", "MOV_1467_9.png"], {10: [1], 9: [2]}),
        (["MOV_1467_10.png"], {10: [1]}),
        (["frame_7_v2.png", "frame_8_v2.png"], {7: [1], 8: [2]}),
        # A file an object: what varies most is the frame.
        (["0_0.png", "0_1.png", "1_0.png", "2_0.png"], {0: [1, 2], 1: [3], 2: [4]}),
        (["gas1_0.png", "gas2_0.png", "gas1_5.png", "gas1_9.png"], {0: [1, 2], 5: [3], 9: [4]}),
        (
            [f"task-{n}-annotation-{n}-by-1-tag-gas-{k}.png" for n in (3, 4, 8) for k in (0, 1)][
                :4
            ],
            None,
        ),
        (
            [f"task-{n}-annotation-{n}-by-1-tag-gas-{k}.png" for n in range(5) for k in (0, 1)],
            {n: [2 * n + 1, 2 * n + 2] for n in range(5)},
        ),
        (["0_0.png", "0_1.png", "1_0.png", "1_1.png"], None),
        (["12-30-01.png", "12-30-59.png", "12-31-01.png"], None),  # times of day
        (["0.png", "last.png"], None),
        (["12.png", "000012.png"], None),
        (["7.png", "7.bmp"], None),
    ],
)
def test_masks_of_a_video_file_are_numbered(masks_of, names, found):
    if found is None:
        with pytest.raises(FootageError):
            pytest.fail(str(pixels(masks_of(*names))))
        return
    masks = masks_of(*names)
    assert pixels(masks) == found
    assert bool(masks.remarks) == any(len(each) > 1 for each in found.values())


FRAMES = ("b 2.jpg", "a.png", "c.png")  # in natural order: a, b 2, c
NUMBERED = ("img_0008.png", "img_0009.png", "img_0010.png")


@pytest.mark.parametrize(
    ("frames", "names", "found"),
    [
        (FRAMES, ["b 2.png", "a.png"], {1: [1], 0: [2]}),
        (FRAMES, ["c_mask.png", "b 2-gt.png", "b 2-7.png"], {2: [1], 1: [2, 3]}),
        (FRAMES, ["a.png", "x.png"], None),
        (FRAMES, ["0.png"], None),
        (NUMBERED, ["img_0010.png"], {2: [1]}),
        (NUMBERED, ["mask_8.png", "mask_10.png"], {0: [1], 2: [2]}),
        (NUMBERED, ["00009.png"], {1: [1]}),
        (NUMBERED, ["0.png", "1.png", "2.png"], None),  # by number none is of a frame
        (NUMBERED, ["img_0008.png", "9.png"], None),
        (("x1.png", "y1.png"), ["1.png"], None),
    ],
)
def test_masks_of_a_folder_have_the_names_of_its_frames(masks_of, frames, names, found):
    if found is None:
        with pytest.raises(FootageError, match="belong to no frame"):
            masks_of(*names, frames=frames)
    else:
        assert pixels(masks_of(*names, frames=frames)) == found


def test_gas_covers_void_where_files_of_a_frame_are_joined(masks_of):
    mask = masks_of("0_0.png", "0_1.png", "1_0.png", "2_0.png", void=[2, 9]).read(0, SIZE)
    assert mask.dtype == np.uint8
    assert np.flatnonzero(mask == 1).tolist() == [1, 2]
    assert np.flatnonzero(mask == 255).tolist() == [9]


@pytest.mark.parametrize("left", [[], ["0.npy"], ["notes.txt", ".0.png"], ["0.png/"]])
def test_a_folder_without_masks_is_refused_by_what_it_holds(place, tmp_path, left):
    for name in left:
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if name.endswith("/") else path.touch()
    place.mkdir(exist_ok=True)
    with pytest.raises(FootageError) as error:
        find_masks(place, tmp_path / VIDEO, {})
    assert str(place) in str(error.value)
    for name in left:
        assert (name.strip("/") in str(error.value)) == (not name.startswith("."))


@pytest.mark.parametrize(
    "names",
    [
        ["again/0.png", "again/1.png"],
        ["a/b/0.png", "a/b/1.png", ".hidden/0.png"],
        ["SegmentationClass/0.png", "SegmentationClass/1.png", "SegmentationObject/0.png"],
    ],
)
def test_masks_may_lie_in_one_folder_more(masks_of, place, names):
    place.mkdir()
    (place / "labelmap.txt").write_text("# label:color_rgb:parts:actions\n")
    masks = masks_of(*names)
    assert pixels(masks) == {0: [1], 1: [2]}
    assert names[0].rpartition("/")[0] in masks.remarks[0]


def test_of_several_numbers_in_names_of_an_export_the_one_that_varies_is_of_the_frame(
    place, tmp_path
):
    place.mkdir()
    for number in (0, 3, 5):
        (place / f"{number}_run7.txt").write_text("0 .1 .1 .2 .2 .3 .3")
    assert sorted(find_masks(place, tmp_path / VIDEO, {}).numbers) == [0, 3, 5]


def test_masks_in_two_folders_are_refused(masks_of):
    with pytest.raises(FootageError, match="holds only a, b, but masks are pictures"):
        masks_of("a/0.png", "b/1.png")


def test_entries_that_are_no_masks_are_named(masks_of, place):
    place.mkdir()
    for name in ("readme 1.txt", ".1.png", b"x\xff\r.gif"):
        (place / os.fsdecode(name)).touch()
    masks = masks_of("0.png")
    (remark,) = masks.remarks
    assert "readme 1.txt" in remark
    assert ".1.png" not in remark
    assert remark.isprintable()


@pytest.mark.parametrize(
    ("damage", "message"),
    [(b"", "is empty"), (b"no picture", "no picture of a known kind"), (None, "is no file but")],
)
def test_an_unreadable_mask_is_named_with_its_folder(masks_of, place, damage, message):
    masks = masks_of("0.png", "1.png")
    if damage is None:
        (place / "1.png").unlink()
        os.mkfifo(place / "1.png")
    else:
        (place / "1.png").write_bytes(damage)
    assert masks.read(0, SIZE).sum() == 1
    with pytest.raises(FootageError, match=f"the mask 1.png in {place}: .*{message}"):
        masks.read(1, SIZE)
    with pytest.raises(FootageError, match=r"the mask 0.png in .*8 x 6.* 8 x 8"):
        masks.read(0, (8, 8))


def test_the_labelmap_reaches_the_pictures(masks_of):
    mask = masks_of("0.png", labelmap={"1": "void"}).read(0, SIZE)
    assert np.flatnonzero(mask == 255).tolist() == [1]


def test_what_was_done_to_masks_is_remarked_once(masks_of):
    masks = masks_of("0.png", "1.png")
    assert masks.remarks == []
    for number in (0, 1):
        large = masks.read(number, (12, 16))
        np.testing.assert_array_equal(
            large, masks.read(number, SIZE).repeat(2, axis=0).repeat(2, axis=1)
        )
    (remark,) = masks.remarks
    assert "8 x 6 were scaled to 16 x 12" in remark


def test_what_pictures_of_masks_tell_is_remarked_with_their_names(masks_of, place):
    masks = masks_of("0.png", "1.png", "2.png")
    for name in ("1.png", "2.png"):
        exif = Image.Exif()
        exif[274] = 3
        with Image.open(place / name) as image:
            image.load()
        image.save(place / name, exif=exif)
    read = pixels(masks)
    assert read == {0: [1], 1: [47 - 2], 2: [47 - 3]}
    (remark,) = masks.remarks
    assert "orientation 3" in remark
    assert "2 pictures, the first is 1.png" in remark


def test_the_signature_follows_the_files(masks_of, place):
    before = masks_of("0.png", "1.png")
    key = before.signature()
    assert before.signature() == key
    (place / "1.png").write_bytes((place / "0.png").read_bytes() + b" ")
    assert before.signature() != key


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
