import numpy as np
import pytest

from fgstp.footage.clip_table import CLIP_COLUMNS, VIDEO_COLUMNS, table
from fgstp.footage.descriptors import ClipDescriptor, DuplicateFilter
from fgstp.footage.settings import ContactSheetSettings, DuplicateSettings
from fgstp.reporting.ingest import (
    OUTLINE_RGB,
    contact_sheets,
    draw_duplicate_curve,
    kept_by_threshold,
    overview,
    panels,
    refusals,
    summarise,
)

LENGTH, HEIGHT, WIDTH = 10, 24, 32
FLOOR = 2.0
SETTINGS = DuplicateSettings(threshold=0.25, floor_levels=FLOOR)


def clip_frames(seed):
    return np.random.default_rng(seed).integers(50, 150, (LENGTH, HEIGHT, WIDTH), np.uint8)


@pytest.fixture
def store(clips):
    masks = np.zeros((LENGTH, HEIGHT, WIDTH), np.uint8)
    masks[:, 5:15, 8:20] = 1
    for n in range(6):
        facts = {
            "mask_source": "none" if n % 2 else "pseudo",
            "dropped": "duplicate" if n == 1 else None,
        }
        clips.add(f"a_000{n}", clip_frames(n), None if n % 2 else masks, video="a", **facts)
    clips.rows["a_0000"]["leak_class"] = 3
    clips.add("b_0000", clip_frames(6), video="b", split="test")
    return clips.store


@pytest.fixture
def tables(store, clips):
    videos = [
        {"video": "a", "category": "close_clear"},
        {"video": "b", "category": "long_unknown"},
        {"video": "bad", "error": "bad: it is empty"},
    ]
    return table(videos, VIDEO_COLUMNS), clips.table


def pictures(figure):
    return [np.asarray(ax.images[0].get_array()) for ax in figure.axes]


def test_a_sheet_for_each_category_with_its_kept_clips(store, tables):
    settings = ContactSheetSettings(clips=3, frames_per_clip=2)
    sheets = contact_sheets(*tables, store, settings)
    assert list(sheets) == ["close_clear", "long_unknown"]
    assert len(sheets["close_clear"].axes) == 3 * 2 * 3
    assert len(sheets["long_unknown"].axes) == 1 * 2 * 3
    titles = [ax.get_title(loc="left") for ax in sheets["close_clear"].axes[::3]]
    # Of the kept clips 0, 2, 3, 4 and 5.
    assert [title[:6] for title in titles[::2]] == ["a_0000", "a_0003", "a_0005"]
    assert " ".join(titles[0].split()) == "a_0000 train, leak class 3, pseudo masks frame 2"
    assert " ".join(titles[-1].split()) == "a_0005 train, no masks frame 7"


def test_panels_show_the_frames_without_stretching(store, tables):
    settings = ContactSheetSettings(clips=1, frames_per_clip=2, difference_gain=2)
    sheet = contact_sheets(*tables, store, settings)["long_unknown"]
    shown, frames = pictures(sheet), clip_frames(6).astype(float)
    for place, number in enumerate((2, 7)):  # the middles of two halves of ten frames
        np.testing.assert_array_equal(shown[3 * place], frames[number])
        np.testing.assert_array_equal(shown[3 * place + 1], np.stack([frames[number]] * 3, axis=2))
        difference = np.clip(128 + 2 * (frames[number + 1] - frames[number]), 0, 255)
        np.testing.assert_array_equal(shown[3 * place + 2], difference)
    assert {ax.images[0].get_clim() for ax in sheet.axes} == {(0, 255)}


def test_a_sheet_may_show_more_frames_than_a_clip_has(store, tables):
    settings = ContactSheetSettings(clips=1, frames_per_clip=12)
    sheet = contact_sheets(*tables, store, settings)["long_unknown"]
    np.testing.assert_array_equal(pictures(sheet)[0], clip_frames(6)[0])
    # The last frame has no neighbour, so the one before it is shown.
    np.testing.assert_array_equal(pictures(sheet)[-3], clip_frames(6)[-2])


def test_the_outline_is_the_rim_of_the_mask(store):
    frame = store.clip("a").frames[0]  # memory-mapped, so it cannot be written to
    mask = np.zeros(frame.shape, np.uint8)
    mask[5:11, 8:17] = 1
    same, outlined, difference = panels(frame, frame, mask, 6)
    rim = mask.astype(bool)
    rim[6:10, 9:16] = False
    np.testing.assert_array_equal((outlined == OUTLINE_RGB).all(axis=2), rim)
    np.testing.assert_array_equal(outlined[~rim], np.dstack([frame] * 3)[~rim])
    np.testing.assert_array_equal(same, frame)
    assert (difference == 128).all()
    rows = np.array([[100, 100, 200, 10], [110, 95, 10, 200]], np.uint8)
    difference = panels(rows[:1], rows[1:], None, 6)[2]  # amplified about mid-grey and clipped
    assert difference.tolist() == [[188, 98, 0, 255]]


def descriptor(level):
    rest = np.zeros((24, 32), np.float32)
    return ClipDescriptor(rest, rest + np.float32(FLOOR + level), rest)


@pytest.fixture
def descriptors():
    # Similarity of two levels is about the smaller over the larger.
    levels = {"a": (10, 20, 40, 10), "b": (10, 10.5), "c": (10,)}
    return {video: [descriptor(level) for level in of_video] for video, of_video in levels.items()}


def test_the_curve_counts_what_the_filter_would_keep(descriptors):
    curve = kept_by_threshold(descriptors, SETTINGS)
    for threshold, clips_kept in curve.itertuples(index=False):
        kept = 0
        for clips in descriptors.values():
            duplicates = DuplicateFilter(threshold, FLOOR)
            kept += sum(duplicates.repeats(i, d) is None for i, d in enumerate(clips))
        assert clips_kept == kept


def test_the_threshold_in_use_is_part_of_the_curve():
    for in_use in (0.25, 0.3, 1.01):
        settings = DuplicateSettings(threshold=in_use, floor_levels=FLOOR)
        curve = kept_by_threshold({}, settings)
        grid = {round(0.02 * n, 2) for n in range(1, 51)}
        assert curve["threshold"].tolist() == sorted(grid | {in_use})
        assert set(curve["clips_kept"]) == {0}


def test_the_figure_shows_the_curve_and_the_threshold_in_use(descriptors):
    curve = kept_by_threshold(descriptors, SETTINGS)
    figure = draw_duplicate_curve(curve, 7, SETTINGS)
    (ax,) = figure.axes
    step, total, in_use = ax.lines
    np.testing.assert_array_equal(step.get_xdata(), curve["threshold"])
    np.testing.assert_array_equal(step.get_ydata(), curve["clips_kept"])
    assert set(total.get_ydata()) == {7}
    assert set(in_use.get_xdata()) == {0.25}
    assert any("0.25" in text.get_text() for text in ax.texts)
    figure.canvas.draw()


# -------------------------------------------------------------------------------- summary


def clip_row(video, index, split="train", gas_fraction=None, dropped=None):
    return {
        "clip": f"{video}_{index:04d}",
        "video": video,
        "split": split,
        "frames": 10,
        "annotated_frames": 0 if gas_fraction is None else 10 - index,
        "gas_fraction": gas_fraction,
        "dropped": dropped,
    }


@pytest.fixture
def ingested():
    guess = "no table: split test guessed, every third is for test"
    rows = [
        ("a", "close_clear", 7, ""),
        ("b", "close_clear", 0, ""),
        ("c", "long_complex", 5, guess),
    ]
    names = ("video", "category", "frames_left_over", "remarks")
    refused = {"video": "d", "split": "test", "error": "d: d.mp4 is empty; copy it again"}
    return table([*(dict(zip(names, row, strict=True)) for row in rows), refused], VIDEO_COLUMNS)


@pytest.fixture
def cut():
    rows = [
        clip_row("a", 0, gas_fraction=0.1),
        clip_row("a", 1, gas_fraction=0.02),
        clip_row("a", 2, dropped="duplicate", gas_fraction=0.9),
        clip_row("a", 3, "validation", gas_fraction=0.0),
        clip_row("b", 0, gas_fraction=0.03),
        clip_row("c", 0, "test"),
        clip_row("c", 1, "test", dropped="duplicate"),
        clip_row("c", 2, "test", dropped="guard"),
    ]
    return table(rows, CLIP_COLUMNS)


def test_the_page_counts_what_was_kept_and_says_what_else_happened(ingested, cut):
    page = summarise(ingested, cut)
    # (0.1 + 0.02 + 0.03) / 3 = 0.05: dropped clips do not count.
    assert [line for line in page.splitlines() if line.startswith(("| close", "| long"))] == [
        "| close_clear | train | 2 | 3 | 0.050 |",
        "| close_clear | validation | 1 | 1 | 0.000 |",
        "| long_complex | test | 1 | 1 | unknown |",
    ]
    assert "5 of 8 clips kept; dropped: 2 as duplicate, 1 as guard." in page
    assert "36 of the 50 frames of the kept clips are annotated." in page
    assert "12 frames at the ends of videos filled no clip." in page
    assert "1 of 4 videos could not be used:\n\n- d: d.mp4 is empty; copy it again" in page
    assert "Remarks:\n\n- c: no table: split test guessed, every third is for test\n" in page
    assert refusals(ingested) == ["d: d.mp4 is empty; copy it again"]
    counts, dropped = overview(ingested, cut)
    assert page.startswith(f"# Ingest\n\n{counts}\n\n{dropped}\n\n")
    assert page.endswith("\n")
    assert "\n\n\n" not in page


def test_what_did_not_happen_is_not_mentioned(ingested, cut):
    ingested = ingested[ingested["video"] == "b"]
    cut = cut[cut["video"] == "b"]
    page = summarise(ingested, cut)
    assert "1 of 1 clips kept.\n" in page
    for word in ("dropped", "filled no clip", "could not be used", "Remarks"):
        assert word not in page
    assert refusals(ingested) == []
