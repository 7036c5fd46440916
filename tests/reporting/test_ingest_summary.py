import pytest

from fgstp.footage.clip_table import CLIP_COLUMNS, VIDEO_COLUMNS, table
from fgstp.reporting.ingest import overview, refusals, summarise


def clip(video, index, split="train", gas_fraction=None, dropped=None):
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
def videos():
    return table(
        [
            {"video": "a", "category": "close_clear", "frames_left_over": 7, "remarks": ""},
            {"video": "b", "category": "close_clear", "frames_left_over": 0, "remarks": ""},
            {
                "video": "c",
                "category": "long_complex",
                "frames_left_over": 5,
                "remarks": "no table: split test guessed, every third is for test",
            },
            {"video": "d", "split": "test", "error": "d: d.mp4 is empty; copy it again"},
        ],
        VIDEO_COLUMNS,
    )


@pytest.fixture
def clips():
    return table(
        [
            clip("a", 0, gas_fraction=0.1),
            clip("a", 1, gas_fraction=0.02),
            clip("a", 2, dropped="duplicate", gas_fraction=0.9),
            clip("a", 3, "validation", gas_fraction=0.0),
            clip("b", 0, gas_fraction=0.03),
            clip("c", 0, "test"),
            clip("c", 1, "test", dropped="duplicate"),
            clip("c", 2, "test", dropped="guard"),
        ],
        CLIP_COLUMNS,
    )


def test_the_page_counts_what_was_kept_by_category_and_split(videos, clips):
    page = summarise(videos, clips).splitlines()
    # (0.1 + 0.02 + 0.03) / 3 = 0.05: dropped clips do not count.
    assert [line for line in page if line.startswith(("| close", "| long"))] == [
        "| close_clear | train | 2 | 3 | 0.050 |",
        "| close_clear | validation | 1 | 1 | 0.000 |",
        "| long_complex | test | 1 | 1 | unknown |",
    ]


def test_the_page_says_what_was_dropped_left_over_refused_and_remarked(videos, clips):
    page = summarise(videos, clips)
    assert "5 of 8 clips kept; dropped: 2 as duplicate, 1 as guard." in page
    assert "36 of the 50 frames of the kept clips are annotated." in page
    assert "12 frames at the ends of videos filled no clip." in page
    assert "1 of 4 videos could not be used:\n\n- d: d.mp4 is empty; copy it again" in page
    assert "Remarks:\n\n- c: no table: split test guessed, every third is for test\n" in page
    assert refusals(videos) == ["d: d.mp4 is empty; copy it again"]


def test_what_did_not_happen_is_not_mentioned(videos, clips):
    videos = videos[videos["video"] == "b"]
    clips = clips[clips["video"] == "b"]
    page = summarise(videos, clips)
    assert "1 of 1 clips kept.\n" in page
    for word in ("dropped", "filled no clip", "could not be used", "Remarks"):
        assert word not in page
    assert refusals(videos) == []


def test_the_overview_is_part_of_the_page(videos, clips):
    page = summarise(videos, clips)
    counts, dropped = overview(videos, clips)
    assert page.startswith(f"# Ingest\n\n{counts}\n\n{dropped}\n\n")
    assert page.endswith("\n")
    assert "\n\n\n" not in page
