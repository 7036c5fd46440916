import cv2
import numpy as np
import pytest

from fgstp.core.errors import FootageError
from fgstp.footage.grey import GreySpan, is_coloured, measure_span, to_grey, to_levels
from fgstp.footage.settings import SpanSettings

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
    table = GreySpan(1000, 1510).table
    assert table.shape == (65536,)
    assert table.dtype == np.uint8
    # Two counts a grey level; what lies outside is clipped and does not wrap around.
    assert [table[c] for c in (0, 1000, 1002, 1100, 1508, 1510, 1511, 65535)] == [
        *(0, 0, 1, 50),
        *(254, 255, 255, 255),
    ]
    # Rounded, not cut off: 1.8 counts of 2 are nearer to 1 than to 0.
    assert GreySpan(0, 255 * 10).table[[4, 6, 14, 16]].tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize("span", [GreySpan(16, 235), GreySpan(0, 255), GreySpan(40, 41)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_span_turns_counts_of_both_depths_into_the_rounded_line(span, dtype):
    counts = np.arange(np.iinfo(dtype).max + 1, dtype=dtype).reshape(-1, 64)
    levels = np.zeros((len(counts), 70), np.uint8)
    to_levels(counts, span, levels[:, 3:67])
    line = 255 * (counts.astype(float) - span.low_counts) / (span.high_counts - span.low_counts)
    np.testing.assert_array_equal(levels[:, 3:67], np.rint(line.clip(0, 255)))
    assert not levels[:, :3].any() and not levels[:, 67:].any()


def test_a_fixed_span_does_not_look_at_the_frames():
    settings = SpanSettings(mode="fixed", low_counts=7, high_counts=4000)
    span = measure_span(iter([np.full((4, 5), 60000, np.uint16)]), settings)
    assert span == (GreySpan(7, 4000), [])


def test_a_robust_span_lies_at_the_percentiles_and_ignores_dead_pixels():
    # Counts 1001 to 2000 equally often: 1 % lies at 1010, 99 % at 1990.
    frame = np.arange(1001, 2001, dtype=np.uint16).reshape(20, 50)
    settings = SpanSettings(low_percentile=1, high_percentile=99)
    assert measure_span([frame] * 3, settings) == (GreySpan(1010, 1990), [])

    dead = frame.copy()
    dead[0, 0], dead[0, 1] = 0, 65535
    span, _ = measure_span([dead] * 3, settings)
    assert abs(span.low_counts - 1010) <= 2
    assert abs(span.high_counts - 1990) <= 2


def test_one_span_serves_all_frames_so_that_a_plume_stays_as_bright():
    # The same plume, 400 counts above its background, in a dark and in a bright frame.
    dark = np.linspace(3000, 4000, 2000).reshape(40, 50).astype(np.uint16)
    bright = (dark + 5000).astype(np.uint16)
    plume = np.zeros((40, 50), np.uint16)
    plume[10:20, 10:20] = 400
    frames = [dark, dark + plume, bright, bright + plume]
    span, _ = measure_span(frames, SpanSettings())
    table = span.table.astype(float)
    contrast_dark = (table[dark + plume] - table[dark])[10:20, 10:20].mean()
    contrast_bright = (table[bright + plume] - table[bright])[10:20, 10:20].mean()
    # 6000 counts span 255 levels, so 400 counts are 17 levels; a stretched frame gives 102.
    assert contrast_dark == pytest.approx(17, abs=0.5)
    assert contrast_bright == pytest.approx(contrast_dark, abs=0.5)


def test_a_flat_video_has_a_span_of_one_count():
    span, remarks = measure_span([np.full((4, 5), 500, np.uint16)] * 2, SpanSettings())
    assert (span, remarks) == (GreySpan(500, 501), [])
    assert span.table[500] == 0


def scene_with(oddity):
    """A noisy scene of 20 counts, a plume of 60 counts in every other frame, and an oddity."""
    rng = np.random.default_rng(0)
    frames = np.clip(6000 + rng.normal(0, 20, (20, 240, 320)), 0, 16383).astype(np.uint16)
    frames[1::2, 16:32, 20:36] += 60
    match oddity:
        case "telemetry":
            frames[:, -1, :] = rng.integers(0, 65536, (20, 320))
        case "three rows of telemetry":
            frames[:, :3, :] = rng.integers(0, 65536, (20, 3, 320))
        case "flare":
            frames[:, 100:120, 100:120] = 16383
        case "dead pixels":
            frames[:, 5, 5:100] = 0
        case "flare and telemetry":
            frames[:, 100:115, 100:115] = 16383
            frames[:, -1, :] = 0
        case "a flare that comes late":
            frames[15:, 100:130, 100:130] = 16383
        case "flare and a cold pipe":
            frames[:, 100:115, 100:115] = 16383
            frames[:, 150:160, 40:60] = 3000
    return frames


@pytest.mark.parametrize(
    "oddity",
    [
        *("telemetry", "three rows of telemetry", "flare", "dead pixels"),
        *("flare and telemetry", "a flare that comes late", "flare and a cold pipe"),
    ],
)
def test_a_flare_or_telemetry_does_not_take_the_span_from_a_plume(oddity):
    frames = scene_with(oddity)
    span, remarks = measure_span(frames, SpanSettings())
    grey = span.table[frames].astype(float)
    contrast = grey[1::2, 16:32, 20:36].mean() - grey[0::2, 16:32, 20:36].mean()
    assert contrast >= 60
    assert any("flare" in remark for remark in remarks)


def test_a_scene_without_oddities_has_the_span_of_its_percentiles():
    frames = scene_with("")
    span, remarks = measure_span(frames, SpanSettings())
    expected = np.percentile(frames, [0.1, 99.9])
    np.testing.assert_allclose([span.low_counts, span.high_counts], expected, atol=1)
    assert remarks == []


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_palette_is_coloured_but_neither_grey_nor_a_logo(dtype):
    levels = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
    factor = np.iinfo(dtype).max // 255
    for palette in ("JET", "TURBO", "RAINBOW", "INFERNO", "HOT"):
        image = cv2.applyColorMap(levels, getattr(cv2, f"COLORMAP_{palette}"))
        assert is_coloured(image.astype(dtype) * factor)
    grey = cv2.cvtColor(levels, cv2.COLOR_GRAY2BGR)
    grey[:10, :10] = (0, 0, 255)
    assert not is_coloured(grey.astype(dtype) * factor)
    assert not is_coloured(levels.astype(dtype) * factor)
