import numpy as np
import pandas as pd
import pytest

from fgstp.footage.clip_store import ClipStore
from fgstp.footage.clips import Clip
from fgstp.footage.records import CLIP_COLUMNS, VIDEO_COLUMNS, table
from fgstp.footage.settings import ContactSheetSettings
from fgstp.reporting.contact_sheet import OUTLINE_RGB, contact_sheets, panels, spread

LENGTH, HEIGHT, WIDTH = 10, 24, 32


def clip_frames(seed):
    return np.random.default_rng(seed).integers(50, 150, (LENGTH, HEIGHT, WIDTH), np.uint8)


@pytest.fixture
def store(tmp_path):
    store = ClipStore(tmp_path)
    masks = np.zeros((LENGTH, HEIGHT, WIDTH), np.uint8)
    masks[:, 5:15, 8:20] = 1
    for number in range(6):
        clip = Clip(number, 0, clip_frames(number), "pseudo", masks if number % 2 == 0 else None)
        store.write(f"a_000{number}", clip)
    store.write("b_0000", Clip(0, 0, clip_frames(6)))
    return store


@pytest.fixture
def tables():
    videos = [
        {"video": "a", "category": "close_clear"},
        {"video": "b", "category": "long_unknown"},
        {"video": "bad", "error": "bad: it is empty"},
    ]
    clips = [
        {
            "clip": f"a_000{n}",
            "video": "a",
            "split": "train",
            "leak_class": None if n else 3,
            "mask_source": "none" if n % 2 else "pseudo",
            "dropped": "duplicate" if n == 1 else None,
        }
        for n in range(6)
    ]
    clips.append({"clip": "b_0000", "video": "b", "split": "test", "mask_source": "none"})
    return table(videos, VIDEO_COLUMNS), table(clips, CLIP_COLUMNS)


def pictures(figure):
    return [np.asarray(ax.images[0].get_array()) for ax in figure.axes]


def test_a_sheet_a_category_with_its_kept_clips(store, tables):
    settings = ContactSheetSettings(clips=3, frames_per_clip=2)
    sheets = contact_sheets(*tables, store, settings)
    assert list(sheets) == ["close_clear", "long_unknown"]
    assert sheets["close_clear"].get_suptitle() == "close_clear: 3 of its clips"
    assert len(sheets["close_clear"].axes) == 3 * 2 * 3
    assert len(sheets["long_unknown"].axes) == 1 * 2 * 3
    titles = [ax.get_title(loc="left") for ax in sheets["close_clear"].axes[::3]]
    # Of the kept clips 0, 2, 3, 4 and 5.
    assert [title[:6] for title in titles[::2]] == ["a_0000", "a_0003", "a_0005"]
    first, *_, last = titles
    assert " ".join(first.split()) == "a_0000 train, leak class 3, pseudo masks frame 2"
    assert " ".join(last.split()) == "a_0005 train, no masks frame 7"


def test_panels_hold_the_frames_themselves(store, tables):
    settings = ContactSheetSettings(clips=1, frames_per_clip=2, difference_gain=2)
    sheet = contact_sheets(*tables, store, settings)["long_unknown"]
    shown, frames = pictures(sheet), clip_frames(6).astype(float)
    for place, number in enumerate((2, 7)):  # the middles of two halves of ten frames
        np.testing.assert_array_equal(shown[3 * place], frames[number])
        np.testing.assert_array_equal(shown[3 * place + 1], np.stack([frames[number]] * 3, axis=2))
        difference = np.clip(128 + 2 * (frames[number + 1] - frames[number]), 0, 255)
        np.testing.assert_array_equal(shown[3 * place + 2], difference)
    for ax in sheet.axes:
        assert ax.images[0].get_clim() == (0, 255)  # not stretched frame by frame


def test_more_frames_than_a_clip_has_are_no_error(store, tables):
    settings = ContactSheetSettings(clips=1, frames_per_clip=12)
    sheet = contact_sheets(*tables, store, settings)["long_unknown"]
    np.testing.assert_array_equal(pictures(sheet)[0], clip_frames(6)[0])
    # The last frame has no neighbour, so the one before it is shown.
    np.testing.assert_array_equal(pictures(sheet)[-3], clip_frames(6)[-2])


@pytest.mark.parametrize(
    ("length", "count", "places"),
    [
        (9, 3, [0, 4, 8]),
        (9, 2, [0, 8]),
        (2, 4, [0, 1]),
        (1, 3, [0]),
        (100, 5, [0, 25, 50, 74, 99]),  # 24.75, 49.5 and 74.25, rounded to even
    ],
)
def test_rows_are_spread_from_the_first_to_the_last(length, count, places):
    rows = pd.DataFrame({"place": range(length)}, index=range(50, 50 + length))
    assert spread(rows, count)["place"].tolist() == places


def test_the_outline_lies_on_the_rim_of_the_mask():
    frame = np.full((20, 30), 100, np.uint8)
    mask = np.zeros((20, 30), np.uint8)
    mask[5:11, 8:17] = 1
    same, outlined, difference = panels(frame, frame, mask, 6)
    rim = np.zeros((20, 30), bool)
    rim[5:11, 8:17] = True
    rim[6:10, 9:16] = False
    np.testing.assert_array_equal((outlined == OUTLINE_RGB).all(axis=2), rim)
    assert (outlined[~rim] == 100).all()
    np.testing.assert_array_equal(same, frame)
    assert (difference == 128).all()


def test_differences_are_amplified_about_mid_grey_and_clipped():
    frame = np.array([[100, 100, 200, 10]], np.uint8)
    neighbour = np.array([[110, 95, 10, 200]], np.uint8)
    difference = panels(frame, neighbour, None, 6)[2]
    assert difference.tolist() == [[188, 98, 0, 255]]
    assert difference.dtype == np.uint8


def test_a_memory_mapped_frame_is_not_written_to(store):
    frames, masks = store.frames("a_0000"), store.masks("a_0000")
    before = frames[0].copy()
    _, outlined, _ = panels(frames[0], frames[1], masks[0], 6)
    assert (outlined == OUTLINE_RGB).all(axis=2).any()
    np.testing.assert_array_equal(frames[0], before)
