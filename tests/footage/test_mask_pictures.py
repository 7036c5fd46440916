from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image

from fgstp.core.errors import FootageError
from fgstp.footage.mask_pictures import MaskReader, fit_mask, with_void_band
from fgstp.footage.pictures import Picture, read_picture

HEIGHT, WIDTH = 48, 64
SHAPE = np.zeros((HEIGHT, WIDTH), np.uint8)
SHAPE[8:20, 8:20] = 1
OTHER = np.zeros_like(SHAPE)
OTHER[8:20, 40:52] = 1
RIM = np.zeros_like(SHAPE)
RIM[7:21, 7:21] = 1
RIM -= SHAPE
BLACK, RED, BLUE, WHITE = (0, 0, 0), (255, 0, 0), (0, 0, 255), (255, 255, 255)
VOC_RED, VOC_VOID = (128, 0, 0), (224, 224, 192)
GREYS = [(level,) * 3 for level in range(256)]
UINT16 = np.uint16(1)


def colours(*areas):
    """(H, W, 3) RGB, black outside of the areas."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for area, colour in areas:
        picture[area == 1] = colour
    return picture


def with_alpha(picture, alpha):
    return np.dstack([picture, alpha * np.uint8(255)])


def palette(indices, *entries):
    image = Image.fromarray(indices, "P")
    image.putpalette([value for entry in entries for value in entry])
    return image


@pytest.fixture
def read(tmp_path):
    """Reads a picture as a mask, after it was a file: RGB arrays and images of Pillow."""

    def save_and_read(content, labelmap=None, suffix=".png", **options):
        path = tmp_path / f"mask{suffix}"
        if isinstance(content, np.ndarray) and content.dtype == np.uint16 and content.ndim == 3:
            assert cv2.imwrite(str(path), content[..., ::-1])  # Pillow writes no such picture
        else:
            image = content if isinstance(content, Image.Image) else Image.fromarray(content)
            image.save(path, **options)
        return MaskReader(labelmap or {}).read(read_picture(path))

    return save_and_read


def test_what_is_unambiguous_is_understood(read):
    white = np.full((HEIGHT, WIDTH), 255, np.uint8)
    transparent = palette(SHAPE, WHITE, WHITE)
    understood = {
        "zeros and ones": SHAPE,
        "0 and 255": SHAPE * np.uint8(255),
        "just above half": SHAPE * np.uint8(128),
        "16 bits, 0 and 1": SHAPE * UINT16,
        "16 bits, 0 and the maximum": SHAPE * (UINT16 * 65535),
        "1 bit": Image.fromarray(SHAPE * np.uint8(255)).convert("1"),
        "32 bits": SHAPE.astype(np.int32),
        "white": colours((SHAPE, WHITE)),
        "red": colours((SHAPE, RED)),
        "dark red, as in VOC": colours((SHAPE, VOC_RED)),
        "red of 16 bits": colours((SHAPE, RED)) * np.uint16(257),
        "opaque": with_alpha(colours((SHAPE, WHITE)), np.ones_like(SHAPE)),
        "a shape in alpha, white": with_alpha(colours((SHAPE * 0 == 0, WHITE)), SHAPE),
        "a shape in alpha, black": with_alpha(colours(), SHAPE),
        "grey with alpha": np.dstack([white, SHAPE * np.uint8(255)]),
        "indices": palette(SHAPE, BLACK, RED),
        "indices of a grey palette": palette(SHAPE * np.uint8(255), *GREYS),
        "a palette of black and white": palette(SHAPE * np.uint8(3), BLACK, RED, RED, WHITE),
    }
    for what, content in understood.items():
        suffix = ".tif" if what == "32 bits" else ".png"
        mask = read(content, suffix=suffix)
        np.testing.assert_array_equal(mask, SHAPE, err_msg=what)
        assert mask.dtype == np.uint8
    np.testing.assert_array_equal(read(transparent, transparency=0), SHAPE)


@pytest.mark.parametrize("quality", [20, 60, 95])
@pytest.mark.parametrize("colour", [WHITE, RED])
def test_fringes_of_jpeg_are_no_levels(colour, quality):
    disc = cv2.circle(np.zeros((240, 320), np.uint8), (150, 100), 60, 1, -1)
    file = BytesIO()
    image = disc[..., None] * np.array(colour, np.uint8)
    Image.fromarray(image).save(file, "JPEG", quality=quality, subsampling=0)
    picture = Picture(np.array(Image.open(file))[..., ::-1])
    reader = MaskReader({})
    found = reader.read(picture) == 1
    assert (found & (disc == 1)).sum() / (found | (disc == 1)).sum() > 0.98
    assert any("grey edges" in remark for remark in reader.remarks)


@pytest.mark.parametrize("level", [1, 255])
def test_a_mask_without_gas_and_one_that_is_all_gas(level):
    reader = MaskReader({})
    for pixels in (SHAPE * 0, SHAPE.astype(np.uint16) * 0):
        assert not reader.read(Picture(pixels)).any()
    clear = with_alpha(colours((SHAPE * 0 == 0, WHITE)), SHAPE * 0)
    assert not reader.read(Picture(clear[..., :3], None, clear[..., 3])).any()
    assert not reader.remarks
    assert (reader.read(Picture(np.full_like(SHAPE, level))) == 1).all()
    assert any("more than half" in remark for remark in reader.remarks)


@pytest.mark.parametrize(
    ("one", "other"),
    [(100, 200), (1, 255), (127, 128), (2, 255), (1, 2), (128, 255), (10, 250), (2, 0), (127, 0)],
)
@pytest.mark.parametrize("scale", [np.uint8(1), UINT16 * 257])
def test_levels_that_may_be_labels_are_refused(one, other, scale):
    for second in (OTHER, np.roll(OTHER, -20, 1)):  # apart, and in touch
        grey = scale * (SHAPE * scale.dtype.type(one) + second * scale.dtype.type(other))
        with pytest.raises(FootageError, match=r"may be labels.*ingest\.masks\.labelmap"):
            MaskReader({}).read(Picture(grey))


def test_a_thin_object_of_another_level_is_not_taken_for_an_edge():
    lines = np.zeros_like(SHAPE)
    lines[10, 5:40], lines[30, 5:40] = 100, 200
    with pytest.raises(FootageError, match="100, 200 of 255"):
        MaskReader({}).read(Picture(lines))


def test_what_could_mean_several_things_is_refused(read):
    ambiguous = {
        "two colours": colours((SHAPE, RED), (OTHER, BLUE)),
        "one of them small": colours((SHAPE, RED), (RIM * (np.indices(RIM.shape)[1] < 9), BLUE)),
        "colours and a shape in alpha": with_alpha(colours((SHAPE, RED)), SHAPE | OTHER),
        "a palette that does not begin with black": palette(SHAPE, RED, BLACK),
        "16 bits with the maximum of 8": SHAPE * (UINT16 * 255),
        "fractions": SHAPE.astype(np.float32),
    }
    for what, content in ambiguous.items():
        with pytest.raises(FootageError, match=r"it|its"):
            pytest.fail(f"{what} gives {np.unique(read(content, suffix='.tif'))}")


@pytest.mark.parametrize(
    "content",
    [
        SHAPE + RIM * np.uint8(255),
        palette(SHAPE + RIM * np.uint8(255), *GREYS),
        palette(SHAPE * np.uint8(7) + RIM * np.uint8(255), BLACK, *[RED] * 254, VOC_VOID),
        colours((SHAPE, VOC_RED), (RIM, VOC_VOID)),
    ],
    ids=["grey", "grey palette", "VOC", "VOC as colours"],
)
def test_void_is_neither_gas_nor_background(read, content):
    np.testing.assert_array_equal(read(content), SHAPE + RIM * np.uint8(255))


def test_one_video_has_one_meaning_of_255():
    reader = MaskReader({})
    reader.read(Picture(SHAPE))
    with pytest.raises(FootageError, match="the masks before it"):
        reader.read(Picture(SHAPE * np.uint8(255)))
    reader.read(Picture(SHAPE * 0))
    reader.read(Picture(OTHER))


@pytest.mark.parametrize(
    "pictures",
    [
        [SHAPE * np.uint8(255), OTHER * np.uint8(200)],
        [SHAPE * (UINT16 * 65535), OTHER * (UINT16 * 40000)],
        [SHAPE * np.uint8(255), OTHER * (UINT16 * 40000)],
        [colours((SHAPE, RED)), colours((OTHER, BLUE))],
        [colours((SHAPE, WHITE)), colours((OTHER, RED))],
    ],
)
def test_one_video_shows_one_label(pictures):
    reader, (first, second) = MaskReader({}), pictures
    reader.read(Picture(first))
    with pytest.raises(FootageError, match="than the masks before it"):
        reader.read(Picture(second))
    reader.read(Picture(first * 0))
    reader.read(Picture(first))


def test_compression_changes_no_label(tmp_path):
    reader = MaskReader({})
    for quality in (95, 60, 30):
        for colour in (RED, [level * 9 // 10 for level in RED]):
            picture = colours((cv2.resize(SHAPE, None, fx=4, fy=4)[:HEIGHT, :WIDTH], colour))
            Image.fromarray(picture).save(tmp_path / "a.jpg", quality=quality)
            mask = reader.read(read_picture(tmp_path / "a.jpg"))
            assert np.count_nonzero(mask) == pytest.approx(np.count_nonzero(picture), rel=0.1)


def test_labels_of_a_palette_are_remarked_also_where_each_mask_has_one():
    reader = MaskReader({})
    for label in (1, 2):
        indices = SHAPE * np.uint8(label)
        assert not reader.remarks
        reader.read(Picture(np.dstack([SHAPE * 0, SHAPE * 0, indices * 90]), indices))
    assert any("several labels" in remark for remark in reader.remarks)


def test_under_a_labelmap_what_cannot_be_seen_is_background(read):
    white = colours((np.ones_like(SHAPE), WHITE))
    picture = Image.fromarray(with_alpha(white, SHAPE))
    np.testing.assert_array_equal(read(picture, {"#ffffff": "gas"}), SHAPE)


@pytest.mark.parametrize(
    ("content", "labelmap"),
    [
        (SHAPE * np.uint8(100) + OTHER * np.uint8(200), {"100": "gas", "200": "void"}),
        (np.dstack([SHAPE + OTHER * np.uint8(2)] * 3), {"1": "gas", "2": "void"}),
        (SHAPE * np.uint16(300) + OTHER * np.uint16(7), {"300": "gas", "7": "void"}),
        (palette(SHAPE + OTHER * np.uint8(2), BLACK, RED, BLUE), {"1": "gas", "2": "void"}),
        (colours((SHAPE, RED), (OTHER, BLUE)), {"#FF0000": "gas", "#0000ff": "void"}),
        (
            colours((SHAPE, RED), (OTHER, BLUE)) * np.uint16(257),
            {"#ff0000": "gas", "#0000ff": "void"},
        ),
        (
            palette(SHAPE + OTHER * np.uint8(2), BLACK, RED, BLUE),
            {"#ff0000": "gas", "#0000ff": "void"},
        ),
        (
            np.uint8(255) - SHAPE * np.uint8(255) - OTHER,
            {"0": "gas", "254": "void", "255": "background"},
        ),
    ],
)
def test_a_labelmap_decides(read, content, labelmap):
    np.testing.assert_array_equal(read(content, labelmap), SHAPE + OTHER * np.uint8(255))
    known = dict([*labelmap.items()][1:])
    if "0" not in labelmap:
        with pytest.raises(FootageError, match=r"is not in ingest\.masks\.labelmap"):
            read(content, known)


# ------------------------------------------------------------------------ void band


def blobs(seed=3):
    noise = np.random.default_rng(seed).normal(size=(HEIGHT, WIDTH))
    return (cv2.GaussianBlur(noise, (0, 0), 3) > 0).astype(np.uint8)


@pytest.mark.parametrize("radius_px", [1, 2, 3, 5, 9])
def test_the_void_band_is_what_is_near_both_sides(radius_px):
    mask = blobs()
    band = with_void_band(mask, radius_px) == 255
    # The distance of each pixel to the nearest of the other kind, pixel by pixel.
    points = np.stack(np.nonzero(mask >= 0), axis=1)
    distance = np.empty(mask.size)
    for kind in (0, 1):
        own = mask.ravel() == kind
        away = points[own][:, None] - points[~own][None]
        distance[own] = np.sqrt((away**2).sum(axis=2)).min(axis=1)
    np.testing.assert_array_equal(band, (distance <= radius_px).reshape(mask.shape))
    exact = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    np.testing.assert_array_equal(band[mask == 1], exact[mask == 1] <= radius_px + 1e-4)
    kept = ~band
    np.testing.assert_array_equal(with_void_band(mask, radius_px)[kept], mask[kept])


def test_without_a_radius_or_an_edge_there_is_no_band():
    assert with_void_band(SHAPE, 0) is SHAPE
    for mask in (SHAPE * 0, SHAPE * 0 + np.uint8(1)):  # the frame's own edge is none
        np.testing.assert_array_equal(with_void_band(mask, 3), mask)


# ------------------------------------------------------------------------------ size


def test_a_mask_of_the_same_proportions_is_scaled_by_whole_pixels():
    mask = blobs()
    mask[20:30, 20:30] = 255
    large, remark = fit_mask(mask, (5 * HEIGHT, 5 * WIDTH))
    np.testing.assert_array_equal(large, mask.repeat(5, axis=0).repeat(5, axis=1))
    assert f"{WIDTH} x {HEIGHT}" in remark
    small, _ = fit_mask(large, (HEIGHT, WIDTH))
    np.testing.assert_array_equal(small, mask)
    same, remark = fit_mask(mask, (HEIGHT, WIDTH))
    assert same is mask
    assert remark == ""


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((1088, 1920), (1080, 1920)),
        ((128, 176), (120, 176)),
        ((128, 128), (127, 125)),
        ((104, 88), (100, 84)),
    ],
)
def test_rows_and_columns_that_fill_up_a_macroblock_are_cut(shape, size):
    mask = np.random.default_rng(0).integers(0, 2, shape).astype(np.uint8)
    fitted, remark = fit_mask(mask, size)
    np.testing.assert_array_equal(fitted, mask[: size[0], : size[1]])
    assert "cut" in remark


@pytest.mark.parametrize(
    "shape", [(352, 352), (320, 240), (239, 320), (241, 320), (121, 160), (1, 1)]
)
def test_other_proportions_are_refused(shape):
    # 352 x 352 is what networks see of 320 x 240: such masks cannot be mapped back blindly.
    with pytest.raises(FootageError, match=f"{shape[1]} x {shape[0]}.* 320 x 240"):
        fit_mask(np.ones(shape, np.uint8), (240, 320))
