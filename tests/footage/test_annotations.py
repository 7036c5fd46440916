import base64
import json
import re
import time
from itertools import groupby

import cv2
import numpy as np
import pytest
from matplotlib.path import Path as Outline

from fgstp.core.errors import FootageError
from fgstp.footage.annotations import find_annotations
from fgstp.footage.areas import Polygon, Runs, decode_counts, run_lengths

HEIGHT, WIDTH = 6, 8
# Centres at whole numbers, or the corners rounded, would give another mask.
BOX = [2.4, 1.4, 6.4, 1.4, 6.4, 4.4, 2.4, 4.4]
BOX_MASK = np.zeros((HEIGHT, WIDTH), np.uint8)
BOX_MASK[1:4, 2:6] = 1
# A blot with a hole that touches the corner of the picture.
BLOT = np.zeros((HEIGHT, WIDTH), np.uint8)
BLOT[0:4, 0:5] = 1
BLOT[1, 2] = 0
EMPTY = np.zeros((HEIGHT, WIDTH), np.uint8)


def runs_of(pixels):
    """Run lengths of a flat mask, written with `groupby` so as to share nothing with the reader."""
    runs = [(value, len(list(run))) for value, run in groupby(int(each) for each in pixels)]
    return ([0] if runs[0][0] else []) + [length for _, length in runs]


def compressed(counts):
    """COCO's text of run lengths: groups of five bits, as the description of the format has it."""
    text = ""
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        while True:
            bits, value = value & 31, value >> 5
            is_last = value == (-1 if bits & 16 else 0)
            text += chr(48 + bits + (0 if is_last else 32))
            if is_last:
                break
    return text


def numbers_of(stems):
    """Numbers of frames of a video of ten frames."""
    last = [re.findall(r"\d+", stem)[-1:] for stem in stems]
    return [int(digits[0]) if digits and int(digits[0]) < 10 else None for digits in last]


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def found(folder, labelmap=None):
    return find_annotations(folder, numbers_of, labelmap or {})


def masks_of(annotations, size=(HEIGHT, WIDTH)):
    return {number: annotations.read(number, size) for number in annotations.shapes}


def assert_masks(annotations, expected):
    masks = masks_of(annotations)
    assert sorted(masks) == sorted(expected)
    for number, mask in expected.items():
        np.testing.assert_array_equal(masks[number], mask, err_msg=f"frame {number}")
        assert masks[number].dtype == np.uint8


# What each tool would write of the same three frames: a box, a blot, and nothing.


def points_of(numbers):
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def cvat_mask(more="", label="gas"):
    rle = ", ".join(map(str, runs_of(BLOT[0:4, 0:5].ravel())))
    return f'<mask label="{label}" rle="{rle}" left="0" top="0" width="5" height="4" {more}/>'


def cvat_polygon(more="", points=BOX, label="gas"):
    joined = ";".join(f"{x},{y}" for x, y in points_of(points))
    return f'<polygon label="{label}" points="{joined}" {more}/>'


def cvat_images(*shapes):
    images = "".join(
        f'<image id="{place}" name="a b/frame_00000{3 * place}.png" width="8" height="6">'
        f"{each}</image>"
        for place, each in enumerate(shapes)
    )
    return f"<?xml version='1.0' encoding='utf-8'?><annotations>{images}</annotations>"


def cvat_video(tracks, task="<stop_frame>7</stop_frame><frame_filter>step=3</frame_filter>"):
    return (
        "<annotations><meta><task><size>3</size><start_frame>0</start_frame>"
        f"{task}<original_size><width>8</width><height>6</height></original_size></task></meta>"
        f'<track id="0" label="gas">{tracks}</track></annotations>'
    )


def coco(*segmentations, n_images=3, **more):
    return {
        "images": [
            {"id": 70 + n, "file_name": f"x\\{3 * n:05}.png", "height": HEIGHT, "width": WIDTH}
            for n in range(n_images)
        ],
        "annotations": [
            {"id": n, "image_id": 70 + n, "category_id": 1, "segmentation": each, "iscrowd": 1}
            for n, each in enumerate(segmentations)
        ],
        "categories": [{"id": 1, "name": "gas"}],
        **more,
    }


def coco_rle(counts):
    return {"counts": counts, "size": [HEIGHT, WIDTH]}


def labelme(number, *shapes):
    return {
        "version": "6.3.1",
        "shapes": list(shapes),
        "imagePath": f"..\\images\\{number}.jpg",
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
    }


def labelme_polygon(points=BOX, label="gas"):
    return {"label": label, "points": points_of(points), "shape_type": "polygon"}


def labelme_mask():
    picture = base64.b64encode(cv2.imencode(".png", BLOT[0:4, 0:5] * 255)[1].tobytes()).decode()
    corners = [[0, 0], [4, 3]]  # both pixels belong to the box
    return {"label": "gas", "points": corners, "shape_type": "mask", "mask": picture}


def brushed(mask):
    """Label Studio's text of a mask: runs of white and of black, and single values at corners."""
    values = np.repeat(mask.ravel() * 255, 4).tolist()
    bits = f"{len(values):032b}{8 - 1:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    for value, run in groupby(values):
        length = len(list(run))
        if length > 8:
            bits += f"1{2:02b}{length - 1:08b}{value:08b}"
        else:
            bits += f"0{0:02b}{length - 1:03b}" + f"{value:08b}" * length
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def studio_result(kind, label="gas", **value):
    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    return {"type": kind, "id": "a1", **size, "value": {kind: [label], **value}}


def studio_polygon(points=BOX):
    percent = [[x / WIDTH * 100, y / HEIGHT * 100] for x, y in points_of(points)]
    return studio_result("polygonlabels", points=percent, closed=True)


def studio_brush(mask=BLOT, **changes):
    return studio_result("brushlabels", format="rle", rle=brushed(mask)) | changes


def studio_task(image, *results):
    return {"id": 1, "annotations": [{"result": list(results)}], "data": {"image": image}}


def write_label_studio(folder):
    tasks = [
        studio_task("/data/upload/1/a1b2c3d4-frame_000000.png", studio_polygon()),
        studio_task("/data/local-files/?d=x/0f1e2d3c-frame_3.png", studio_brush()),
        studio_task("s3://bucket/99887766-frame_6.png", studio_result("choices")),
        {"annotations": [], "data": {"image": "11223344-frame_7.png"}},  # nobody looked at it
        {
            "annotations": [{"result": [studio_polygon()], "was_cancelled": True}],
            "data": {"n": 3, "image": "11223355-frame_8.png"},
        },
    ]
    write(folder / "project-1-at-2026-11-27.json", tasks)


def write_cvat_images(folder):
    write(folder / "annotations.xml", cvat_images(cvat_polygon(), cvat_mask(), ""))


def write_cvat_video(folder):
    tracks = (
        cvat_polygon('frame="0" outside="0"')
        + cvat_polygon('frame="3" outside="1"')
        + cvat_mask('frame="3" outside="0"')
    )
    write(folder / "annotations.xml", cvat_video(tracks))


def write_coco_numbers(folder):
    blot = coco_rle(runs_of(BLOT.ravel(order="F")))
    write(folder / "annotations/instances_default.json", coco([BOX], blot))


def write_coco_text(folder):
    blot = coco_rle(compressed(runs_of(BLOT.ravel(order="F"))))
    write(folder / "annotations/instances_default.json", coco([BOX[:2] * 3, BOX], blot))


def write_labelme(folder):
    write(folder / "0.json", labelme(0, labelme_polygon()))
    write(folder / "3.json", labelme(3, labelme_mask()))
    write(folder / "6.json", labelme(6))


def write_yolo(folder):
    # The blot as a polygon whose hole is reached by a cut, the way that YOLO has to write it.
    blot = [0, 0, 5, 0, 5, 4, 0, 4, 0, 1, 2, 1, 2, 2, 3, 2, 3, 1, 0, 1]
    for number, points in ((0, BOX), (3, blot)):
        fractions = (v / (HEIGHT if place % 2 else WIDTH) for place, v in enumerate(points))
        write(folder / f"labels/train/x_{number}.txt", f"0 {' '.join(map(str, fractions))}\n\n")
    write(folder / "labels/train/x_6.txt", "")
    write(folder / "data.yaml", "names: {0: gas}\npath: .\n")
    write(folder / "train.txt", "images/train/x_0.png\n")


WRITERS = [
    write_cvat_images,
    write_cvat_video,
    write_coco_numbers,
    write_coco_text,
    write_labelme,
    write_label_studio,
    write_yolo,
]


@pytest.mark.parametrize("write_export", WRITERS)
@pytest.mark.parametrize("labelmap", [{}, {"gas": "gas", "cloud": "background"}])
def test_each_format_gives_the_masks_that_were_drawn(tmp_path, write_export, labelmap):
    folder = tmp_path / "Öl_masks"
    write_export(folder)
    write(folder / ".cache/broken.json", "{")
    annotations = found(folder, labelmap)
    assert_masks(annotations, {0: BOX_MASK, 3: BLOT, 6: EMPTY})
    assert all(path.is_file() for path in annotations.files)


@pytest.mark.parametrize("write_export", WRITERS[:-1])  # YOLO knows no size
def test_masks_are_brought_to_the_size_of_the_frames(tmp_path, write_export):
    write_export(tmp_path)
    annotations = found(tmp_path)
    twice = annotations.read(0, (2 * HEIGHT, 2 * WIDTH))
    np.testing.assert_array_equal(twice, np.kron(BOX_MASK, np.ones((2, 2), np.uint8)))
    with pytest.raises(FootageError, match=r"8 x 6.*7 x 6"):
        annotations.read(0, (6, 7))


def test_a_single_file_is_an_export_and_what_is_none_is_not(tmp_path):
    path = write(tmp_path / "leak.json", coco([BOX]))
    assert_masks(found(path), {0: BOX_MASK, 3: EMPTY, 6: EMPTY})
    assert found(path).files == (path,)
    other = tmp_path / "masks"
    assert found(other) is None
    write(other / "settings.json", {"fps": 3})
    write(other / "voc.xml", "<annotation><size/></annotation>")
    write(other / "notes 1.txt", "")
    write(other / "notes 2.txt", "2 people took this by hand")
    assert found(other) is None


def test_scaling_is_remarked_once(tmp_path):
    annotations = found(write(tmp_path / "leak.json", coco([BOX])))
    before = annotations.remarks
    for _ in range(2):
        large = annotations.read(0, (2 * HEIGHT, 2 * WIDTH))
        np.testing.assert_array_equal(large, BOX_MASK.repeat(2, 0).repeat(2, 1))
    assert annotations.remarks == (*before, "masks of 8 x 6 were scaled to 16 x 12")


def test_a_pixel_is_inside_if_its_centre_is():
    # By hand: the line from (0, 0) to (4, 4) passes through the centres of the diagonal, and
    # x = 1.5 through those of the second column: a line belongs to what is right of it.
    mask = np.zeros((4, 4), np.uint8)
    Polygon.of([0, 0, 4, 4, 0, 4]).draw(mask, 1)
    np.testing.assert_array_equal(mask, np.tril(np.ones((4, 4)), -1))
    mask[:] = 0
    Polygon.of([1.5, 0.5, 3.5, 0.5, 3.5, 2.5, 1.5, 2.5]).draw(mask, 7)
    np.testing.assert_array_equal(mask, [[0, 7, 7, 0], [0, 7, 7, 0], [0] * 4, [0] * 4])


@pytest.mark.parametrize("seed", range(5))
def test_polygons_agree_with_another_test_of_points(seed):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 40))
    spokes = rng.uniform(3, 30, 40)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = np.array([20.3, 17.7]) + spokes  # reaches beyond the picture
    rows, columns = np.mgrid[0:40, 0:32] + 0.5
    centres = np.stack([columns.ravel(), rows.ravel()], axis=1)
    expected = Outline([*points, points[0]], closed=True).contains_points(centres).reshape(40, 32)
    for turned in (points, points[::-1], np.roll(points, 7, axis=0)):
        mask = np.zeros((40, 32), np.uint8)
        Polygon.of(turned.ravel().tolist()).draw(mask, 1)
        np.testing.assert_array_equal(mask, expected)


def test_neighbouring_polygons_share_no_pixel_and_leave_none_out():
    corner = [[0, 0], [31, 0], [31, 23], [0, 23]]
    cover = np.zeros((23, 31), int)
    for one, two in zip(corner, corner[1:] + corner[:1], strict=True):
        mask = np.zeros(cover.shape, np.uint8)
        Polygon.of([one, two, [14.5, 8.5]]).draw(mask, 1)
        cover += mask
    assert (cover == 1).all()


def test_many_edges_at_once_make_no_difference():
    zigzag = [[x / 100, 5 + x % 2] for x in range(3001)] + [[30, 20], [0, 20]]
    mask = np.zeros((24, 32), np.uint8)
    Polygon.of(zigzag).draw(mask, 1)
    assert mask[6:20, :30].all()
    assert not mask[:5].any() and not mask[20:].any() and not mask[:, 30:].any()


@pytest.mark.parametrize("seed", range(5))
def test_compressed_run_lengths_survive_a_round_trip(seed):
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 2, (9, 7)).astype(np.uint8)
    mask = np.kron(blocks, np.ones((20 + seed, 30), np.uint8))
    counts = runs_of(mask.ravel(order="F"))
    assert decode_counts(compressed(counts)) == counts
    drawn = np.zeros_like(mask)
    Runs(0, 0, *mask.shape[::-1], run_lengths(counts), by_columns=True).draw(drawn, 1)
    np.testing.assert_array_equal(drawn, mask)


def test_run_lengths_of_the_reference_encoder():
    # By pycocotools 2.0.11, of a disc of radius 9 around (12, 10) in 24 x 20 pixels.
    rows, columns = np.mgrid[0:20, 0:24]
    disc = (rows - 10) ** 2 + (columns - 12) ** 2 <= 81
    text = "V21?8K2N2N2N2O00000O20N1000001N2N2N2N5HR1"
    assert decode_counts(text) == runs_of(disc.ravel(order="F"))


def test_a_brushed_mask_of_the_reference_encoder(tmp_path):
    # By label-studio-sdk 2.1.2, of a disc of radius 9 around (12, 10) in 24 x 20 pixels.
    rows, columns = np.mgrid[0:20, 0:24]
    disc = (rows - 10) ** 2 + (columns - 12) ** 2 <= 81
    rle = [
        *(0, 0, 7, 128, 57, 27, 254, 143, 0, 143, 255, 37, 128, 98, 63, 252, 110, 1, 138, 255),
        *(241, 120, 6, 51, 255, 196, 224, 24, 239, 255, 15, 128, 100, 63, 252, 54, 1, 144, 255),
        *(240, 216, 6, 67, 255, 195, 96, 25, 15, 255, 11, 128, 100, 191, 252, 46, 1, 144, 255),
        *(240, 216, 6, 67, 255, 195, 96, 25, 15, 255, 13, 128, 100, 63, 252, 62, 1, 142, 255),
        *(241, 56, 6, 51, 255, 197, 224, 24, 175, 255, 27, 128, 98, 63, 252, 150, 1, 31, 254),
        *(43, 0, 0),
    ]
    result = studio_result("brushlabels", rle=rle)
    result |= {"original_width": 24, "original_height": 20}
    write(tmp_path / "a.json", [studio_task("0.png", result)])
    np.testing.assert_array_equal(found(tmp_path).read(0, (20, 24)), disc)


def test_names_are_those_of_the_images_whatever_tools_add(tmp_path):
    for number in (0, 4):
        name = f"x_mp4-{number:04d}_jpg.rf.{'7f' * 15}{number}3.txt"
        write(tmp_path / name, "0 .1 .1 .2 .2 .3 .3")
    assert sorted(found(tmp_path).numbers) == [0, 4]


def test_labels_mean_what_the_map_says_and_higher_shapes_cover_lower_ones(tmp_path):
    left, right = [0, 0, 5, 0, 5, 6, 0, 6], [3, 0, 8, 0, 8, 6, 3, 6]
    middle = [4, 0, 6, 0, 6, 2, 4, 2]
    shapes = (
        cvat_polygon('z_order="1"', right, "unsure")
        + cvat_polygon('z_order="0"', left, "leak")
        + cvat_polygon('z_order="2"', middle, "sky")
    )
    write(tmp_path / "annotations.xml", cvat_images(shapes))
    annotations = found(tmp_path, {"leak": "gas", "unsure": "void", "sky": "background"})
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[:, :5], expected[:, 3:], expected[:2, 4:6] = 1, 255, 0
    assert_masks(annotations, {0: expected})
    assert annotations.remarks == ()
    guessed = found(tmp_path)
    assert guessed.read(0, (HEIGHT, WIDTH)).all()
    assert all(label in guessed.remarks[0] for label in ("leak", "unsure", "sky"))
    with pytest.raises(FootageError, match=r"label leak .* knows unsure, sky, leek .*mean leek"):
        found(tmp_path, {"unsure": "gas", "sky": "void", "leek": "gas"})


def test_numbers_are_labels_of_yolo_without_names(tmp_path):
    write(tmp_path / "1.txt", "4 .25 0 .75 0 .75 1 .25 1")
    assert found(tmp_path, {"4": "void"}).read(1, (2, 4)).tolist() == [[0, 255, 255, 0]] * 2
    write(tmp_path / "classes.txt", "a\nb\nc\nd\nleak\n")
    assert found(tmp_path, {"leak": "gas"}).read(1, (2, 4)).tolist() == [[0, 1, 1, 0]] * 2
    write(tmp_path / "classes.txt", "a\nb\n")
    with pytest.raises(FootageError, match=r"1\.txt has the class 4, .* classes\.txt"):
        found(tmp_path)


CVAT_BOX = '<box label="gas" xtl="1" ytl="1" xbr="2" ybr="2"/>'


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("0.xml", cvat_images(CVAT_BOX)),
        ("0.xml", cvat_images(CVAT_BOX.replace("box", "skeleton"))),
        ("0.json", coco([], n_images=1)),
        ("0.json", coco(None, n_images=1)),
        ("0.json", labelme(0, {"label": "gas", "points": [[1, 1]], "shape_type": "point"})),
        ("0.txt", "0 .5 .5 .1 .1"),
        ("0.txt", "0 .5 .5 .1 .1 .98"),
    ],
)
def test_an_export_of_boxes_or_points_is_refused(tmp_path, file, content):
    write(tmp_path / file, content)
    with pytest.raises(FootageError, match=r"no image has a polygon or a mask.*(box|point|skel)"):
        found(tmp_path)


def test_frames_in_which_a_track_goes_on_unseen_are_not_free_of_gas(tmp_path):
    tracks = (
        cvat_polygon('frame="1" outside="0"')
        + cvat_polygon('frame="4" outside="0"')
        + cvat_polygon('frame="5" outside="1"')
    )
    write(tmp_path / "a.xml", cvat_video(tracks, "<stop_frame>6</stop_frame>"))
    none = np.zeros((HEIGHT, WIDTH), np.uint8)
    masks = masks_of(found(tmp_path))
    assert sorted(masks) == [0, 1, 4, 5, 6]
    np.testing.assert_array_equal(masks[1], masks[4])
    assert masks[1].any()
    for number in (0, 5, 6):
        np.testing.assert_array_equal(masks[number], none)


def test_old_files_of_labelme_tell_no_size(tmp_path):
    polygon = {"label": "gas", "points": points_of(BOX)}
    write(tmp_path / "0.json", {"shapes": [polygon], "imagePath": "0.png", "imageData": None})
    annotations = found(tmp_path)
    assert annotations.read(0, (HEIGHT, WIDTH)).sum() > 0
    assert annotations.read(0, (2 * HEIGHT, WIDTH)).shape == (2 * HEIGHT, WIDTH)


def test_a_frame_with_boxes_only_is_not_free_of_gas(tmp_path):
    tag = '<tag label="windy"/>'
    write(tmp_path / "a.xml", cvat_images(CVAT_BOX, CVAT_BOX + cvat_polygon(), tag))
    annotations = found(tmp_path)
    assert_masks(annotations, {3: BOX_MASK, 6: EMPTY})
    assert re.match(r"2 shapes .*box 2.* 1 frame", annotations.remarks[0])


def test_images_of_no_frame_are_counted_and_not_all_may_be(tmp_path):
    document = coco([BOX])
    document["images"][1]["file_name"] = "elsewhere.png"
    write(tmp_path / "a.json", document)
    annotations = found(tmp_path)
    assert_masks(annotations, {0: BOX_MASK, 6: EMPTY})
    assert "1 annotated image" in annotations.remarks[0] and "elsewhere" in annotations.remarks[0]
    for image in document["images"]:
        image["file_name"] = "elsewhere.png"
    write(tmp_path / "a.json", document)
    with pytest.raises(FootageError, match=r"none of the 3 .* elsewhere\.png"):
        found(tmp_path)


def test_files_beside_are_told(tmp_path, write_picture):
    write(tmp_path / "a.json", coco([BOX]))
    write_picture(tmp_path / "7.png", EMPTY)
    assert "7.png" in found(tmp_path).remarks[0]


BOMB = "<!DOCTYPE z [<!ENTITY a0 'aaaaaaaaaa'>{}]><annotations>&a9;</annotations>".format(
    "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10))
)
FEW = [1, 1, 2, 2]
MISTAKES = [
    ("a.xml", "<annotations><image", "a.xml: it is no sound XML"),
    ("a.xml", BOMB, "document type"),
    ("a.xml", "<annotations/>", "0 tasks"),
    ("a.xml", cvat_images(cvat_polygon(points=FEW)), "image a b/frame_000000.png: .*three points"),
    ("a.xml", cvat_images(cvat_polygon()).replace('width="8"', ""), "width of image is missing"),
    ("a.xml", cvat_images().replace("</a", "<image/></a"), "name of image is missing"),
    ("a.xml", cvat_images(cvat_polygon()).replace('width="8"', 'width="80000000"'), "impossible"),
    ("a.xml", cvat_images(cvat_mask().replace('left="0"', 'left="5"')), "beyond the image"),
    ("a.xml", cvat_images(cvat_mask().replace('width="5"', 'width="6"')), "6 x 4.*not fill"),
    ("a.xml", cvat_images(cvat_mask().replace('rle="', 'rle="x,')), "no whole numbers"),
    ("a.xml", cvat_images(cvat_polygon(points=["nan", 1, 2, 2, 3, 3])), "pixels of a picture"),
    ("a.xml", cvat_video(cvat_polygon('frame="1" outside="0"')), "frame 1 .* not among"),
    ("a.xml", cvat_video("", "<stop_frame>99999999999</stop_frame>"), "impossible"),
    ("a.xml", cvat_video("", ""), "stop_frame of task is missing"),
    ("a.json", '{"images": [', "a.json: it is no sound JSON"),
    ("a.json", "[" * 100000, "no sound JSON"),
    ("a.json", "", "a.json is empty"),
    ("a.json", coco(images=[]), "none of the 0"),
    ("a.json", coco(images=[{"id": 1, "file_name": "1.png", "width": 3}]), r"images\.0\.height"),
    ("a.json", coco([FEW]), r"annotations\.0: .*three points"),
    ("a.json", coco([BOX[:-1]]), r"annotations\.0: .*three points"),
    ("a.json", coco(BOX), r"annotations\.0: .*three points"),
    ("a.json", coco([["a", *BOX[1:]]]), "pairs of numbers"),
    ("a.json", coco(coco_rle([5, 3])), "8 x 6.*not fill"),
    ("a.json", coco(coco_rle([-1, 49])), "8 x 6.*not fill"),
    ("a.json", coco(coco_rle([2**70, 49])), r"annotations\.0"),
    ("a.json", coco(coco_rle("é")), "cannot be read"),
    ("a.json", coco(coco_rle("o" * 1000)), "cannot be read"),
    ("a.json", coco(coco_rle("0o")), "break off"),
    ("a.json", coco({"counts": [48], "size": [48, 1]}), "1 x 48.* 8 x 6"),
    ("a.json", coco({"counts": [48]}), r"segmentation\..*size"),
    ("a.json", coco([BOX], [BOX], n_images=1), "no image 71"),
    ("0.json", labelme(0, labelme_polygon(FEW)), "three points"),
    ("0.json", labelme(0) | {"imageWidth": None}, "imageWidth"),
    ("0.json", labelme(0, labelme_mask() | {"points": [[0, 0], [5, 3]]}), "another size"),
    ("0.json", labelme(0, labelme_mask() | {"points": [[0, 0]]}), "two points"),
    ("0.json", labelme(0, labelme_mask() | {"mask": "iVBORw0KGgo="}), "cannot be read"),
    ("0.json", labelme(0, labelme_mask() | {"mask": None}), "cannot be read"),
    ("a.json", [studio_task("0.png", studio_polygon(FEW))], "task 0: .*three points"),
    ("a.json", [studio_task("0.png", studio_polygon() | {"image_rotation": 90})], "turn it back"),
    (
        "a.json",
        [studio_task("0.png", studio_polygon() | {"original_width": 9}, studio_brush())],
        "sizes",
    ),
    ("a.json", [studio_task("0.png", studio_brush(original_width=9))], "not fit its image"),
    ("a.json", [studio_task("0.png", studio_brush(value={"rle": brushed(BLOT)[:20]}))], "break"),
    ("a.json", [studio_task("0.png", studio_brush(value={"rle": [300]}))], r"rle\.0"),
    ("a.json", [studio_task("0.png", studio_brush(value={"rle": [255] * 40}))], "impossible"),
    ("a.json", [studio_task("sound.mp3")], "names no picture"),
    ("a.json", [{"annotations": [{"result": []}] * 2, "data": {"a": "0.png"}}], "by several"),
    ("0.txt", "0 .1 .1 .2 .2 .3 .3\n0 .1 x .2 .2 .3 .3", r"0\.txt, line 2: .*pairs of numbers"),
    ("0.txt", "0 10 10 20 20 30 30", r"0\.txt, line 1: .*fractions"),
    ("0.txt", "0 .1 .1 .2 .2 .3 .3 .4", r"0\.txt, line 1: .*three points"),
]


@pytest.mark.parametrize(("file", "content", "sentence"), MISTAKES)
def test_mistakes_are_told_in_a_sentence_with_their_place(tmp_path, file, content, sentence):
    write(tmp_path / file, content)
    started_s = time.monotonic()
    with pytest.raises(FootageError, match=sentence) as error:
        found(tmp_path)
    assert file in str(error.value) or "none of the" in sentence
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300
    assert time.monotonic() - started_s < 5


def test_two_exports_and_two_masks_of_a_frame_are_refused(tmp_path):
    write(tmp_path / "a.json", coco([BOX]))
    write(tmp_path / "b.json", coco([BOX]))
    with pytest.raises(FootageError, match=r"00000\.png and .*00000\.png are both .* frame 0"):
        found(tmp_path)
    (tmp_path / "b.json").unlink()
    write(tmp_path / "b.xml", cvat_images(cvat_polygon()))
    with pytest.raises(FootageError, match=r"several formats.* a\.json of COCO and b\.xml of CVAT"):
        found(tmp_path)


def test_files_that_are_too_large_are_not_read(tmp_path):
    path = write(tmp_path / "a.json", coco([BOX]))
    with path.open("r+b") as stream:
        stream.truncate(513 * 2**20)  # takes no space on the disk
    with pytest.raises(FootageError, match=r"a\.json has more than 512 MB"):
        found(tmp_path)
