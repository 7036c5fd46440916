import cv2
import numpy as np
import pytest

from fgstp.footage.cutting import Stretch
from fgstp.footage.pseudo_masks import add_pseudo_masks, clips_around, segment
from fgstp.footage.settings import PseudoMaskSettings

HEIGHT, WIDTH = 60, 80
RADIUS_PX = 9
SETTINGS = PseudoMaskSettings(enabled=True)


def background():
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return 100 + 30 * np.sin(rows / 7) * np.cos(columns / 11)


def disc(row, column, radius=RADIUS_PX):
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


CROSSING = 27  # frames that the blob takes to cross the picture


def moving_blob(count, levels, row=30, seed=0):
    """A disc that crosses the picture once, 3 pixels a frame, under sensor noise."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((count, HEIGHT, WIDTH), bool)
    for number in range(min(count, CROSSING)):
        truth[number] = disc(row, 3 * number)
    frames = background() + levels * truth + rng.normal(0, 2, truth.shape)
    return grey(frames), truth


def grey(frames):
    return np.rint(np.clip(frames, 0, 255)).astype(np.uint8)


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize(
    ("polarity", "levels", "found"),
    [
        ("bright", 25, True),
        ("dark", -25, True),
        ("both", 25, True),
        ("both", -25, True),
        ("bright", -25, False),
        ("dark", 25, False),
    ],
)
def test_a_moving_blob_is_found_if_it_has_the_polarity(polarity, levels, found):
    frames, truth = moving_blob(80, levels)
    settings = PseudoMaskSettings(polarity=polarity)
    masks = segment(frames, frames[1::2], settings)
    assert masks.shape == frames.shape
    assert masks.dtype == np.uint8
    assert set(np.unique(masks)) <= {0, 1}
    assert iou(masks == 1, truth) > 0.9 if found else not masks.any()


def test_both_polarities_at_once():
    frames, bright = moving_blob(80, 25, row=15)
    _, dark = moving_blob(80, 25, row=45)
    frames = grey(frames - 25.0 * dark)
    masks = segment(frames, frames, PseudoMaskSettings(polarity="both"))
    assert iou(masks == 1, bright | dark) > 0.9


@pytest.mark.parametrize(("polarity", "levels"), [("bright", 25), ("dark", -25)])
def test_gas_may_be_there_most_of_the_time(polarity, levels):
    # The background is what shows in the 10 % of the time that are freest of gas.
    truth = np.stack([disc(30, 40) & (number % 5 > 0) for number in range(40)])
    frames = grey(background() + levels * truth)
    masks = segment(frames, frames, PseudoMaskSettings(polarity=polarity))
    assert iou(masks == 1, truth) > 0.95
    rare = PseudoMaskSettings(polarity=polarity, percentile=30)
    assert not segment(frames, frames, rare)[1].any()


@pytest.mark.parametrize(("levels", "found"), [(8, False), (12, True)])
def test_gas_is_what_exceeds_the_threshold(levels, found):
    truth = disc(30, 40)
    surroundings = np.stack([grey(background())] * 10)
    frames = grey(surroundings[:3] + levels * truth)
    masks = segment(frames, surroundings, PseudoMaskSettings(threshold_levels=10))
    assert iou(masks == 1, np.stack([truth] * 3)) > 0.95 if found else not masks.any()


@pytest.mark.parametrize("step", [30, -30])
def test_gain_steps_of_the_camera_are_no_gas(step):
    # All of the frame grows brighter or darker, as when an automatic gain reacts.
    frames, truth = moving_blob(80, 25)
    stepping = grey(frames + step * (np.arange(80) // 13 % 2)[:, None, None])
    masks = segment(stepping, stepping, PseudoMaskSettings(polarity="both"))
    assert iou(masks == 1, truth) > 0.9


def test_the_background_comes_from_the_surroundings_and_not_from_the_clip():
    # Gas that stands still for a whole clip, but was not there before.
    truth = disc(30, 40)
    clip = np.stack([grey(background() + 25 * truth)] * 5)
    before = np.stack([grey(background())] * 5)
    assert not segment(clip, clip, SETTINGS).any()
    masks = segment(clip, np.concatenate([before, clip, before]), SETTINGS)
    assert iou(masks[0] == 1, truth) > 0.95


def test_small_and_thin_parts_are_dropped():
    still = np.stack([grey(background())] * 4)
    large, small = disc(20, 20, 6), disc(40, 60, 3)
    thin = np.zeros((HEIGHT, WIDTH), bool)
    thin[50, 5:75] = True  # 70 pixels, more than the smallest area
    frames = grey(still + 40.0 * (large | small | thin))
    assert 29 == small.sum() < SETTINGS.min_area_px < large.sum() == 113

    def masks(**settings):
        return segment(frames, still, PseudoMaskSettings(**settings))[0] == 1

    assert iou(masks(), large) > 0.9
    assert not (masks() & ~large).any()
    assert iou(masks(opening_px=1), large | thin) > 0.99
    assert iou(masks(min_area_px=0), large | small) > 0.9
    np.testing.assert_array_equal(masks(opening_px=1, min_area_px=0), large | small | thin)


CROSS = np.s_[20:51, 40], np.s_[35, 25:56]
CORNERS = np.s_[20:25, 20:25], np.s_[25:30, 25:30]
FORTY = (np.s_[20:28, 20:25],)


@pytest.mark.parametrize(
    ("parts", "opening_px", "min_area_px", "found"),
    [
        (FORTY, 1, 40, True),
        (FORTY, 1, 41, False),
        (CORNERS, 1, 50, True),  # 25 pixels each: parts that touch at a corner are one
        (CROSS, 5, 1, False),  # a crossing of thin lines is thin
    ],
)
def test_a_part_is_found_whole_or_not_at_all(parts, opening_px, min_area_px, found):
    still = np.stack([grey(background())] * 4)
    shape = np.zeros((HEIGHT, WIDTH), bool)
    for part in parts:
        shape[part] = True
    settings = PseudoMaskSettings(opening_px=opening_px, min_area_px=min_area_px)
    masks = segment(grey(still + 40.0 * shape), still, settings)
    np.testing.assert_array_equal(masks == 1, np.stack([shape & found] * 4))


@pytest.mark.parametrize("opening_px", range(1, 8, 2))
def test_opening_only_takes_away(opening_px):
    # By definition an opening lies within what it opens, and opened again it stays.
    blobs = cv2.GaussianBlur(np.random.default_rng(3).normal(size=(HEIGHT, WIDTH)), (0, 0), 2) > 0
    still = np.full((4, HEIGHT, WIDTH), 100, np.uint8)
    frames = grey(still + 40.0 * (blobs & disc(30, 40, 20)))
    settings = PseudoMaskSettings(opening_px=opening_px, min_area_px=0)
    once = segment(frames, still, settings)
    assert 0 < once[0].sum() <= (blobs & disc(30, 40, 20)).sum()
    assert not (once[0] & ~(blobs & disc(30, 40, 20))).any()
    twice = segment(grey(still + 40.0 * once), still, settings)
    np.testing.assert_array_equal(once, twice)


@pytest.mark.parametrize(
    ("window_s", "clip_length", "fps_hz", "reach"),
    [
        (60, 150, 15, 2),  # clips of 10 s: 5 or 6 of them span a minute
        (50, 150, 15, 2),
        (30, 150, 15, 1),
        (1, 150, 15, 1),  # never none
        (70, 150, 15, 3),
        (60, 150, 1.5, 1),  # a clip is longer than the window
    ],
)
def test_clips_around(window_s, clip_length, fps_hz, reach):
    assert clips_around(window_s, clip_length, fps_hz) == reach


LENGTH, FPS_HZ = 4, 1.0  # every frame is a sample


def stretch(frames, first_frame=0, annotated=False, classes=None):
    masks = np.ones_like(frames[:1] if annotated else frames[:0])
    source = "annotated" if annotated else "none"
    times_s = first_frame + np.arange(len(frames), dtype=float)
    return Stretch(first_frame, frames, np.arange(len(masks)), masks, times_s, source, classes)


def some_clips(count, with_masks=()):
    frames, _ = moving_blob(count * LENGTH, 25)
    for index in range(count):
        part = frames[index * LENGTH : (index + 1) * LENGTH]
        classes = np.full(LENGTH, index, np.int8)
        yield stretch(part, index * LENGTH, index in with_masks, classes)


@pytest.mark.parametrize("reach", [1, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 10])
def test_streaming_gives_what_each_window_gives_by_itself(reach, count):
    settings = PseudoMaskSettings(window_s=LENGTH * (2 * reach + 1), min_area_px=10)
    done = list(add_pseudo_masks(some_clips(count), settings, FPS_HZ))
    clips = list(some_clips(count))
    assert [clip.index for clip in done] == list(range(count))
    for place, clip in enumerate(done):
        window = clips[max(0, place - reach) : place + reach + 1]
        surroundings = np.concatenate([other.frames for other in window])
        expected = segment(clip.frames, surroundings, settings)
        # The first clip is of leak class 0.
        np.testing.assert_array_equal(clip.masks, expected if place else np.zeros_like(expected))
        np.testing.assert_array_equal(clip.frames, clips[place].frames)
        assert clip.mask_source == "pseudo"
        assert clip.annotated.tolist() == list(range(LENGTH))
        assert clip.first_frame == place * LENGTH
        assert clip.leak_class.tolist() == [place] * LENGTH
    if count == 10:
        assert sum(clip.masks.any() for clip in done) > 3


def test_no_gas_is_found_before_it_is_released():
    """Before the release, class 0, then two classes of gas, and a time that nothing is known of."""
    frames = np.stack([grey(background() + 25 * disc(30, 10 * number)) for number in range(8)])
    classes = np.array([-1, 0, 0, 1, 7, 8, 0, 1], np.int8)
    settings = PseudoMaskSettings(min_area_px=10)
    [unknown] = add_pseudo_masks(iter([stretch(frames)]), settings, FPS_HZ)
    [known] = add_pseudo_masks(iter([stretch(frames, classes=classes)]), settings, FPS_HZ)
    found = unknown.masks.any(axis=(1, 2))
    assert found.sum() >= 6  # clouds look like gas
    np.testing.assert_array_equal(known.masks, unknown.masks * (classes > 0)[:, None, None])
    assert known.annotated.tolist() == list(range(8))  # they are known to have none


def test_clips_with_masks_pass_untouched_but_serve_as_surroundings():
    settings = PseudoMaskSettings(window_s=LENGTH * 3)
    done = list(add_pseudo_masks(some_clips(5, with_masks={1, 4}), settings, FPS_HZ))
    assert [clip.mask_source for clip in done] == [
        *("pseudo", "annotated", "pseudo", "pseudo", "annotated")
    ]
    assert done[1].annotated.tolist() == [0]
    assert done[1].masks.all()
    unmasked = list(add_pseudo_masks(some_clips(5), settings, FPS_HZ))
    for place in (0, 2, 3):
        np.testing.assert_array_equal(done[place].masks, unmasked[place].masks)


@pytest.mark.parametrize("reach", [1, 4])
def test_no_more_clips_are_held_back_than_the_window_needs(reach):
    pulled = []

    def noting():
        for clip in some_clips(12):
            pulled.append(clip.index)
            yield clip

    settings = PseudoMaskSettings(window_s=LENGTH * (2 * reach + 1))
    for clip in add_pseudo_masks(noting(), settings, FPS_HZ):
        assert len(pulled) == min(12, clip.index + reach + 1)


def test_samples_are_a_second_apart():
    # Gas fills every frame but each 15th: at one sample a second it is never seen.
    frames = np.full((30, HEIGHT, WIDTH), 100, np.uint8)
    gas = np.arange(30) % 15 != 0
    frames[gas, 20:40, 20:40] += 50
    (clip,) = add_pseudo_masks(iter([stretch(frames)]), SETTINGS, 15.0)
    assert clip.masks[:, 25, 25].tolist() == gas.astype(int).tolist()
    # At 1 frame a second all frames count, and the gas is the background.
    (clip,) = add_pseudo_masks(iter([stretch(frames)]), SETTINGS, 1.0)
    assert not clip.masks.any()
