import numpy as np
import pandas as pd

from fgstp.footage.clip_table import CLIP_COLUMNS, VIDEO_COLUMNS, table
from fgstp.scoring.results import FACTS, with_facts

VIDEOS = table(
    [
        {"video": "near", "category": "close_clear", "distance_m": 4.5, "background": "clear"},
        {"video": "refused", "error": "refused: no frames"},
        {"video": "far", "category": "long_complex", "distance_m": 18.0, "background": "complex"},
        {"video": "own", "mask_source": "annotated"},
    ],
    VIDEO_COLUMNS,
)
CLIPS = table(
    [
        {"clip": f"{video}_{number}", "video": video, "mask_source": source}
        for video, source in (("far", "annotated"), ("near", "synthetic"), ("own", "pseudo"))
        for number in (0, 1)
    ],
    CLIP_COLUMNS,
)
FACTS_OF = {
    "near": ("near", "close_clear", 4.5, "clear", "synthetic"),
    "far": ("far", "long_complex", 18.0, "complex", "annotated"),
}


def rows_of(*frames):
    """Scores of frames (clip, number), which tell them by their value."""
    clips, numbers = zip(*frames, strict=True)
    return pd.DataFrame({"clip": clips, "frame": numbers, "iou": np.arange(len(clips)) / 8})


def test_each_row_gets_the_facts_of_its_clip():
    rows = rows_of(("near_1", 0), ("far_0", 0), ("near_1", 1), ("far_1", 0), ("near_0", 0))
    before = rows.copy()
    found = with_facts(rows, CLIPS, VIDEOS, dict.fromkeys(rows["clip"]), "fgstp")
    assert found.columns.tolist() == ["model", *FACTS, "leak_class", "clip", "frame", "iou"]
    facts = [tuple(row) for row in found[list(FACTS)].itertuples(index=False)]
    assert facts == [FACTS_OF[clip.partition("_")[0]] for clip in rows["clip"]]
    assert set(found["model"]) == {"fgstp"}
    assert found["leak_class"].isna().all()
    pd.testing.assert_frame_equal(found[["clip", "frame", "iou"]], before)
    pd.testing.assert_frame_equal(rows, before)


def test_masks_are_of_the_clip_and_what_is_unknown_is_missing():
    found = with_facts(rows_of(("own_0", 0)), CLIPS, VIDEOS, {"own_0": None}, "fgstp")
    assert found["mask_source"].tolist() == ["pseudo"]  # though the video has annotations
    assert found[["category", "distance_m", "background"]].isna().all(axis=None)


def test_the_leak_class_is_that_of_the_frame_by_its_number():
    """Frame 0 is left out; the rows come by clip and then by protocol."""
    classes = {
        "near_0": np.array([8, -1, 0, 3], np.int8),
        "far_0": None,
        "near_1": np.array([8, 7, 6, 5], np.int8),
    }
    frames = [("near_0", n) for n in (1, 2, 3, 1, 2, 3)]
    frames += [("far_0", n) for n in (1, 2)]
    frames += [("near_1", n) for n in (3, 1, 2)]
    found = with_facts(rows_of(*frames), CLIPS, VIDEOS, classes, "fgstp")["leak_class"]
    assert found.dtype == "Int64"
    assert found.iloc[:6].tolist() == [-1, 0, 3, -1, 0, 3]
    assert found.iloc[6:8].isna().all()
    assert found.iloc[8:].tolist() == [5, 7, 6]
