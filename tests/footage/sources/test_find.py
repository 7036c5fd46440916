import numpy as np
import pandas as pd
import pytest

from fgstp.footage.settings import FolderSettings, IngestSettings, SyntheticSettings
from fgstp.footage.sources import find_videos
from fgstp.footage.video import RefusedVideo, Video

TABLE = pd.DataFrame({"video": ["MOV_1467"], "split": ["test"]})
SETTINGS = {
    "synthetic": SyntheticSettings(
        train_videos_per_category=0, seconds=1, fps_hz=5, height_px=32, width_px=32
    ),
    "folder": FolderSettings(path="footage"),
}


@pytest.fixture
def raw(tmp_path, write_picture):
    """A folder of raw data in which every source finds something."""
    (tmp_path / "gasvid").mkdir()
    (tmp_path / "gasvid" / "MOV_1467.mp4").touch()
    write_picture(tmp_path / "gasvid_annotated/val/clip/images/0.png", np.zeros((6, 8), np.uint8))
    write_picture(tmp_path / "footage/frames/0.png", np.zeros((6, 8), np.uint8))
    return tmp_path


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (
            "synthetic",
            [
                *("close_clear_75000", "medium_clear_75000", "close_complex_75000"),
                *("long_clear_75000", "long_complex_75000"),
            ],
        ),
        ("gasvid", ["MOV_1467"]),
        ("annotated", ["clip"]),
        ("folder", ["frames"]),
    ],
)
def test_one_setting_chooses_the_source(raw, source, names):
    found = find_videos(raw, TABLE, IngestSettings(source=source, **SETTINGS), seed=7)
    assert all(isinstance(video, Video) for video in found)
    assert [video.name for video in found] == names


@pytest.mark.parametrize("second", ["a.mp4", "a/0.png", "train_b.mp4"])
def test_a_second_video_of_the_same_id_is_refused(raw, write_picture, second):
    footage = raw / "footage"
    (footage / "train").mkdir()
    for path in (footage / "a.avi", footage / "train" / "b.mp4"):
        path.touch()
    write_picture(footage / "frames" / "0.png", np.zeros((6, 8), np.uint8))
    path = footage / second
    path.parent.mkdir(exist_ok=True)
    path.touch()

    found = find_videos(raw, TABLE, IngestSettings(source="folder", **SETTINGS), seed=0)

    (refused,) = (video for video in found if isinstance(video, RefusedVideo))
    name = "train_b" if second == "train_b.mp4" else "a"
    assert refused.error == f"{name} is the id of two videos; rename one, or name it only once"
    taken = [video.name for video in found if isinstance(video, Video)]
    assert sorted(taken) == ["a", "frames", "train_b"]


def test_one_file_in_two_rows_is_used_once(raw):
    # With and without its suffix it is the same video: it must not serve train and test.
    (raw / "footage" / "a.mp4").touch()
    (raw / "footage" / "videos.csv").write_text("video,split\na,train\na.mp4,test\nframes,\n")
    found = find_videos(raw, TABLE, IngestSettings(source="folder", **SETTINGS), seed=0)
    assert [(type(video), video.split) for video in found] == [
        (Video, "train"),
        (RefusedVideo, "test"),
    ]
