import numpy as np
import pytest

from fgstp.footage.descriptors import (
    GRID_HEIGHT,
    GRID_WIDTH,
    ClipDescriptor,
    DuplicateFilter,
    describe,
    similarity,
    stacked,
)
from fgstp.footage.settings import DuplicateSettings

GRID = (GRID_HEIGHT, GRID_WIDTH)
HEIGHT, WIDTH = 96, 128  # four pixels a cell each way
STILL = np.tile(np.linspace(60, 160, WIDTH), (HEIGHT, 1))


def describe_rounded(frames):
    return describe(np.rint(np.clip(frames, 0, 255)).astype(np.uint8))


def cell(row, column):
    return np.s_[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]


def test_maps_have_the_promised_shapes_and_types():
    for shape in [(240, 320), (96, 128), (37, 53), (24, 32)]:
        descriptor = describe(np.random.default_rng(0).integers(0, 255, (7, *shape), np.uint8))
        for part in (descriptor.appearance, descriptor.change, descriptor.motion):
            assert part.shape == GRID
            assert part.dtype == np.float32
            assert np.isfinite(part).all()


def test_a_frame_does_not_reach_into_the_cells_of_the_next():
    # Dark and bright frames in turn, and a thing at their upper border.
    frames = np.stack([STILL, STILL + 50] * 8)
    frames[::4, :4] += 30
    descriptor = describe_rounded(frames)
    np.testing.assert_allclose(descriptor.change[1:], 0, atol=1)
    np.testing.assert_allclose(descriptor.change[0], 15, atol=1)


def test_a_still_clip_neither_changes_nor_moves():
    descriptor = describe_rounded(np.stack([STILL] * 10))
    assert descriptor.change.max() == 0
    assert descriptor.motion.max() == 0


def test_sensor_noise_is_taken_off():
    rng = np.random.default_rng(1)
    noisy = describe_rounded(STILL + rng.normal(0, 8, (60, HEIGHT, WIDTH)))
    # 8 levels over the 16 pixels of a cell are 2 levels a cell: next to nothing is left.
    assert np.median(noisy.change) < 0.3
    assert noisy.change.max() < 2
    assert noisy.motion.max() < 1


def test_a_blinking_cell_has_the_change_and_motion_of_its_blinking():
    # On for frames 0-1, off for 2-3, and so on: of every second frame half are on.
    frames = np.full((20, HEIGHT, WIDTH), 80.0)
    for start in range(0, 20, 4):
        frames[start : start + 2, *cell(5, 9)] += 60
    descriptor = describe_rounded(frames)
    assert np.unravel_index(descriptor.change.argmax(), GRID) == (5, 9)
    np.testing.assert_allclose(descriptor.change[5, 9], 30, atol=0.1)
    np.testing.assert_allclose(descriptor.motion[5, 9], 60, atol=0.1)
    assert (descriptor.change > 1).sum() == 1
    assert (descriptor.motion > 1).sum() == 1


@pytest.mark.parametrize(
    "offset", [12 * (np.arange(30) // 4 % 3), np.arange(30), 40 * (np.arange(30) > 15)]
)
def test_gain_steps_and_drifts_of_the_camera_are_no_change_of_the_scene(offset):
    stepping = describe_rounded(STILL + offset[:, None, None])
    steady = describe_rounded(np.stack([STILL] * 30))
    assert stepping.change.max() < 0.5
    assert stepping.motion.max() < 0.5
    np.testing.assert_allclose(stepping.appearance, steady.appearance, atol=0.5)


def test_appearance_shows_small_things_and_not_a_slow_slope_of_brightness():
    thing = STILL.copy()
    thing[cell(5, 9)] += 60
    slope = np.linspace(0, 60, HEIGHT)[:, None]
    still = describe_rounded(np.stack([STILL] * 3)).appearance
    with_thing = describe_rounded(np.stack([thing] * 3)).appearance
    with_slope = describe_rounded(np.stack([STILL + slope] * 3)).appearance
    difference = with_thing - still
    assert np.unravel_index(difference.argmax(), GRID) == (5, 9)
    assert difference.max() > 50
    # Away from the border, where a blur has no other side.
    assert np.abs(with_slope - still)[8:-8].max() < 2


# ---------------------------------------------------------------- duplicates

DEFAULT = DuplicateSettings()
FLOOR = DEFAULT.floor_levels
PLUME_SIZE = (40, 120, 160)


def scene():
    rows, columns = np.mgrid[:120, :160]
    return 90 + 40 * np.sin(rows / 9) * np.cos(columns / 13)


def plume(row, column, seed=0):
    """A blob that wavers and flickers around a place, as gas does."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:120, :160]
    frames = np.empty(PLUME_SIZE)
    for frame in frames:
        y, x = row + rng.normal(0, 4), column + rng.normal(0, 6)
        frame[:] = 50 * np.exp(-(((rows - y) / 10) ** 2 + ((columns - x) / 18) ** 2))
    return frames


def noise(sigma, seed):
    return np.random.default_rng(seed).normal(0, sigma, PLUME_SIZE)


def maps(appearance=0.0, change=0.0, motion=0.0):
    return ClipDescriptor(*(np.full(GRID, v, np.float32) for v in (appearance, change, motion)))


@pytest.mark.parametrize(("sigma", "other_sigma"), [(2, 2), (6, 6), (2, 6)])
@pytest.mark.parametrize("gas", [0, 1])
def test_clips_that_differ_by_sensor_noise_are_duplicates(sigma, other_sigma, gas):
    frames = scene() + gas * plume(60, 80)
    first = describe_rounded(frames + noise(sigma, 1))
    second = describe_rounded(frames + noise(other_sigma, 2))
    assert similarity(first, second, FLOOR) > max(0.8, DEFAULT.threshold)


THING = np.zeros((120, 160))
THING[30:70, 30:60] = 80


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (plume(40, 40), plume(80, 120)),
        (plume(60, 80), np.zeros(PLUME_SIZE)),  # gas and no gas
        (THING, np.roll(THING, 60, axis=1)),  # a thing that stands elsewhere
    ],
)
def test_clips_of_different_content_are_no_duplicates(one, other):
    first = describe_rounded(scene() + one + noise(2, 1))
    second = describe_rounded(scene() + other + noise(2, 2))
    assert similarity(first, second, FLOOR) < 0.1 < DEFAULT.threshold


def test_a_clip_is_like_itself_and_the_order_does_not_matter():
    clips = [describe_rounded(scene() + plume(60, x, seed=x) + noise(2, x)) for x in (40, 60, 90)]
    for one in clips:
        assert similarity(one, one, FLOOR) == 1
        for other in clips:
            assert similarity(one, other, FLOOR) == similarity(other, one, FLOOR)
            assert 0 <= similarity(one, other, FLOOR) <= 1


def test_an_offset_of_the_cameras_gain_changes_nothing():
    frames = scene() + plume(60, 80)
    steps = 10 * (np.arange(40) // 7 % 3)[:, None, None]
    plain, offset = describe_rounded(frames), describe_rounded(frames + 25)
    stepping = describe_rounded(frames + steps)
    assert similarity(plain, offset, FLOOR) > 0.99
    assert similarity(plain, stepping, FLOOR) > 0.9


def test_similarity_worked_by_hand():
    # 768 cells, floor 2: a blob is 0.02 * 768 * 2 = 30.72 level cells.
    blob = 30.72
    one, other = maps(change=5), maps(change=3, motion=4)
    # Above the floor: 3 against 1 of change, 0 against 2 of motion.
    by_hand = (768 * 1 + blob) / (768 * (3 + 2) + blob)
    assert similarity(one, other, 2.0) == pytest.approx(by_hand)
    # A difference of appearance of 7, 5 above the floor, counts as unlike.
    by_hand = (768 * 3 + blob) / (768 * (3 + 5) + blob)
    assert similarity(maps(7, 5), maps(0, 5), 2.0) == pytest.approx(by_hand)
    assert similarity(maps(2, 2, 2), maps(0, 0, 0), 2.0) == 1


def test_stacked_clips_are_as_similar_as_each_alone():
    clips = [describe_rounded(scene() + plume(60, x, seed=x)) for x in (40, 60, 90)]
    alone = [similarity(clip, clips[1], FLOOR) for clip in clips]
    np.testing.assert_array_equal(similarity(stacked(clips), clips[1], FLOOR), alone)
    assert alone[1] == 1


def numbered(value):
    """A clip whose only property is a level of change: alike if levels are near."""
    return maps(change=FLOOR + value)


def test_of_clips_that_are_alike_the_earliest_is_kept():
    clips = [numbered(v) for v in (10, 100, 11, 105, 9.5)]
    duplicates = DuplicateFilter(0.8, FLOOR)
    matches = [duplicates.repeats(index, clip) for index, clip in enumerate(clips)]
    assert [match and match[0] for match in matches] == [None, None, 0, 1, 0]
    # (10 + f) / (11 + f), where f is 0.02 * 2 levels a cell.
    assert matches[2][1] == pytest.approx(10.04 / 11.04)


def test_a_dropped_clip_does_not_make_others_duplicates():
    # Each is like the one before it, but the third is not like the first, which is kept.
    duplicates = DuplicateFilter(0.8, FLOOR)
    clips = [numbered(v) for v in (10, 12, 14)]
    matches = [duplicates.repeats(index, clip) for index, clip in enumerate(clips)]
    assert [match and match[0] for match in matches] == [None, 0, None]


def test_the_nearest_kept_clip_is_named_and_the_earliest_of_equals():
    duplicates = DuplicateFilter(1.01, FLOOR)
    for index, value in enumerate((30, 10, 10)):
        assert duplicates.repeats(index, numbered(value)) is None
    duplicates.threshold = 0.1  # all three are similar enough
    assert duplicates.repeats(3, numbered(11))[0] == 1


def test_thresholds_at_their_ends():
    clips = [numbered(10)] * 4
    for threshold, kept in [(1.01, 4), (1.0, 1), (0.01, 1)]:
        duplicates = DuplicateFilter(threshold, FLOOR)
        assert sum(duplicates.repeats(i, c) is None for i, c in enumerate(clips)) == kept
