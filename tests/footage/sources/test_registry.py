import sys

import numpy as np
import pandas as pd
import pytest

from fgstp.footage import sources
from fgstp.footage.settings import FolderSettings, IngestSettings, SyntheticSettings
from fgstp.footage.sources import Search, find_videos, list_sources
from fgstp.footage.video import RefusedVideo, Video

TABLE = pd.DataFrame({"video": ["MOV_1467"], "split": ["test"]})
SETTINGS = {
    "synthetic": SyntheticSettings(
        train_videos_per_category=0, seconds=1, fps_hz=5, height_px=32, width_px=32
    ),
    "folder": FolderSettings(path="footage"),
}


def found_in(raw, source, seed=0):
    return find_videos(Search(raw, TABLE, IngestSettings(source=source, **SETTINGS), seed))


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
    found = found_in(raw, source, seed=7)
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

    found = found_in(raw, "folder")

    (refused,) = (video for video in found if isinstance(video, RefusedVideo))
    name = "train_b" if second == "train_b.mp4" else "a"
    assert refused.error == f"{name} is the id of two videos; rename one, or name it only once"
    taken = [video.name for video in found if isinstance(video, Video)]
    assert sorted(taken) == ["a", "frames", "train_b"]


def test_accents_written_apart_make_no_other_id(raw):
    for name in ("\u00e9.mp4", "e\u0301.mp4", "E\u0301.mp4"):
        (raw / "footage" / name).touch()
    found = found_in(raw, "folder")
    assert sum(isinstance(video, RefusedVideo) for video in found) == 1
    (raw / "footage" / "\u00e9.mp4").unlink()
    (raw / "footage" / "videos.csv").write_text("video,split\n\u00e9,test\n\u00c9.mp4,test\n")
    found = found_in(raw, "folder")
    assert [video.split for video in found if isinstance(video, Video)] == ["test", "test"]


def test_one_file_in_two_rows_is_used_once(raw):
    # With and without its suffix it is the same video: it must not serve train and test.
    (raw / "footage" / "a.mp4").touch()
    (raw / "footage" / "videos.csv").write_text("video,split\na,train\na.mp4,test\nframes,\n")
    found = found_in(raw, "folder")
    assert [(type(video), video.split) for video in found] == [
        (Video, "train"),
        (RefusedVideo, "test"),
    ]


# --------------------------------------------------------------------------- one more

MINE = """
import numpy as np

from fgstp.footage.sources import register_source
from fgstp.footage.video import Frame, Video


class Stripes:
    timing = None

    def __init__(self, n_frames):
        self.n_frames = n_frames

    timing = None

    def n_frames_hint(self):
        return self.n_frames

    def fps_hz(self):
        return 4.0

    def signature(self):
        return f"{self.n_frames} stripes"

    content_hash = signature

    def sample(self, n_frames):
        return (frame.counts for frame in self.frames([]))

    def frames(self, remarks):
        for number in range(self.n_frames):
            grey = np.zeros((24, 32), np.uint8)
            grey[number % 24] = 255
            yield Frame(grey, grey // 255 if number % 2 else None, time_s=float(number**2))


@register_source("stripes")
def find_stripes(search):
    n_frames = int((search.raw / "length.txt").read_text())
    return [Video("striped", Stripes(n_frames), "test", mask_source="annotated")]
"""


@pytest.fixture
def stripes(tmp_path, monkeypatch):
    """A source in a file of its own, and the folder of its raw data."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package/stripes.py").write_text(MINE)
    (tmp_path / "length.txt").write_text("25")
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path / "package")])
    monkeypatch.setattr(sources, "SOURCES", dict(sources.SOURCES))
    yield tmp_path
    sys.modules.pop("fgstp.footage.sources.stripes", None)


def test_one_file_is_all_that_a_new_source_takes(stripes, ingest, tmp_path):
    assert "stripes" in list_sources()
    result = ingest(stripes, tmp_path / "out", source="stripes")
    assert result.clips["clip"].tolist() == ["striped_0000", "striped_0001"]
    assert result.clips["annotated_frames"].tolist() == [5, 5]
    assert set(result.clips["mask_source"]) == {"annotated"}
    clip = result.clip("striped_0001")
    assert (clip.frames[3, 13] == 255).all()
    assert clip.times_s.tolist() == [number**2 for number in range(10, 20)]
