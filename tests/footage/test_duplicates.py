import numpy as np
import pytest

from fgstp.footage.descriptors import ClipDescriptor, describe
from fgstp.footage.duplicates import DuplicateFilter, similarity
from fgstp.footage.settings import DuplicateSettings

DEFAULT = DuplicateSettings()
FLOOR = DEFAULT.floor_levels
LENGTH, HEIGHT, WIDTH = 40, 120, 160
GRID = (24, 32)


def scene():
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return 90 + 40 * np.sin(rows / 9) * np.cos(columns / 13)


def plume(row, column, seed=0):
    """A blob that wavers and flickers around a place, as gas does."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    frames = np.empty((LENGTH, HEIGHT, WIDTH))
    for frame in frames:
        y, x = row + rng.normal(0, 4), column + rng.normal(0, 6)
        frame[:] = 50 * np.exp(-(((rows - y) / 10) ** 2 + ((columns - x) / 18) ** 2))
    return frames


def noise(sigma, seed):
    return np.random.default_rng(seed).normal(0, sigma, (LENGTH, HEIGHT, WIDTH))


def descriptor(frames):
    return describe(np.rint(np.clip(frames, 0, 255)).astype(np.uint8))


def maps(appearance=0.0, change=0.0, motion=0.0):
    return ClipDescriptor(*(np.full(GRID, v, np.float32) for v in (appearance, change, motion)))


@pytest.mark.parametrize(("sigma", "other_sigma"), [(2, 2), (6, 6), (2, 6)])
@pytest.mark.parametrize("gas", [0, 1])
def test_clips_that_differ_by_sensor_noise_are_duplicates(sigma, other_sigma, gas):
    frames = scene() + gas * plume(60, 80)
    first = descriptor(frames + noise(sigma, 1))
    second = descriptor(frames + noise(other_sigma, 2))
    assert similarity(first, second, FLOOR) > max(0.8, DEFAULT.threshold)


def test_plumes_at_different_places_are_no_duplicates():
    one = descriptor(scene() + plume(40, 40) + noise(2, 1))
    other = descriptor(scene() + plume(80, 120) + noise(2, 2))
    assert similarity(one, other, FLOOR) < 0.1 < DEFAULT.threshold


def test_gas_and_no_gas_are_no_duplicates():
    gas = descriptor(scene() + plume(60, 80) + noise(2, 1))
    none = descriptor(scene() + noise(2, 2))
    assert similarity(gas, none, FLOOR) < 0.1 < DEFAULT.threshold


def test_a_thing_that_stands_elsewhere_is_no_duplicate():
    thing = np.zeros((HEIGHT, WIDTH))
    thing[30:70, 30:60] = 80
    one = descriptor(scene() + thing + noise(2, 1))
    other = descriptor(scene() + np.roll(thing, 60, axis=1) + noise(2, 2))
    assert similarity(one, other, FLOOR) < 0.1 < DEFAULT.threshold


def test_a_clip_is_like_itself_and_the_order_does_not_matter():
    clips = [descriptor(scene() + plume(60, x, seed=x) + noise(2, x)) for x in (40, 60, 90)]
    for one in clips:
        assert similarity(one, one, FLOOR) == 1
        for other in clips:
            assert similarity(one, other, FLOOR) == similarity(other, one, FLOOR)
            assert 0 <= similarity(one, other, FLOOR) <= 1


def test_an_offset_of_the_cameras_gain_changes_nothing():
    frames = scene() + plume(60, 80)
    steps = 10 * (np.arange(LENGTH) // 7 % 3)[:, None, None]
    plain, offset = descriptor(frames), descriptor(frames + 25)
    stepping = descriptor(frames + steps)
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


def numbered(value):
    """A clip whose only property is a level of change: alike if levels are near."""
    return maps(change=FLOOR + value)


def test_of_clips_that_are_alike_the_earliest_is_kept():
    clips = [numbered(v) for v in (10, 100, 11, 105, 9.5)]
    duplicates = DuplicateFilter(0.8, FLOOR)
    matches = [duplicates.repeats(index, clip) for index, clip in enumerate(clips)]
    assert [match and match.index for match in matches] == [None, None, 0, 1, 0]
    # (10 + f) / (11 + f), where f is 0.02 * 2 levels a cell.
    assert matches[2].similarity == pytest.approx(10.04 / 11.04)


def test_a_dropped_clip_does_not_make_others_duplicates():
    # Each is like the one before it, but the third is not like the first, which is kept.
    duplicates = DuplicateFilter(0.8, FLOOR)
    clips = [numbered(v) for v in (10, 12, 14)]
    matches = [duplicates.repeats(index, clip) for index, clip in enumerate(clips)]
    assert [match and match.index for match in matches] == [None, 0, None]


def test_the_nearest_kept_clip_is_named_and_the_earliest_of_equals():
    duplicates = DuplicateFilter(1.01, FLOOR)
    assert duplicates.nearest(numbered(10)) is None
    for index, value in enumerate((30, 10, 10)):
        assert duplicates.repeats(index, numbered(value)) is None
    assert duplicates.nearest(numbered(11)).index == 1


def test_thresholds_at_their_ends():
    clips = [numbered(10)] * 4
    for threshold, kept in [(1.01, 4), (1.0, 1), (0.01, 1)]:
        duplicates = DuplicateFilter(threshold, FLOOR)
        assert sum(duplicates.repeats(i, c) is None for i, c in enumerate(clips)) == kept
