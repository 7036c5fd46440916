import csv
import json
import logging

import cv2
import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.detection.detector import Detector
from fgstp.detection.watch_videos import watch_videos
from fgstp.models.registry import create_model

HERE = (slice(20, 34), slice(30, 46))


@pytest.fixture(scope="module")
def detector():
    return Detector(create_model("background"))


def video(path, begin_s, fps_hz=5):
    """A spot that flickers from a time on, over noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size, rng = (60, 80), np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), fps_hz, size[::-1])
    scene = 100 + 300 * cv2.GaussianBlur(rng.normal(0, 1, size), (0, 0), 4)
    for number in range(40 * fps_hz):
        frame = scene + rng.normal(0, 1, size)
        if number / fps_hz >= begin_s:
            frame[HERE] += rng.uniform(60, 100)
        frame = np.rint(frame.clip(0, 255)).astype(np.uint8)
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def test_each_video_has_its_lines_and_its_table(detector, tmp_path):
    leak = video(tmp_path / "in/pad.mkv", 15)
    calm = video(tmp_path / "in/calm.mkv", 100)
    found, none = watch_videos(detector, [leak, calm], tmp_path / "out")
    assert len(found.events) == 1
    assert none.events == []
    lines = [json.loads(line) for line in (tmp_path / "out/pad/events.jsonl").open()]
    assert [lines[0]["type"], lines[-1]["type"]] == ["new", "end"]
    assert {line["id"] for line in lines} == {"pad-1"}
    assert lines[0]["end_s"] is None
    assert 18 < lines[-1]["end_s"] <= 39.8  # MOG2 takes what stays for background
    assert lines[0]["model"] == "background"
    corners = np.array(lines[-1]["outline_px"])
    assert corners.shape[1] == 2
    [row] = csv.DictReader((tmp_path / "out/pad/events.csv").open())
    assert row["id"] == "pad-1"
    assert float(row["start_s"]) == pytest.approx(15, abs=3)
    assert int(row["width_px"]) == pytest.approx(16, abs=3)
    assert float(row["source_x_px"]) == pytest.approx(38, abs=9)
    assert (tmp_path / "out/calm/events.jsonl").read_text() == ""
    header, *rows = csv.reader((tmp_path / "out/calm/events.csv").open())
    assert header == list(row)
    assert rows == []


def test_a_bad_video_stops_no_other(detector, tmp_path, caplog):
    bad, good = tmp_path / "a.mp4", video(tmp_path / "b.mkv", 15)
    bad.write_bytes(b"no video")
    with caplog.at_level(logging.ERROR):
        [report] = watch_videos(detector, [bad, good], tmp_path / "out")
    assert report.source == str(good)
    assert "a.mp4 cannot be opened as a video" in caplog.text
    assert not (tmp_path / "out/a/events.csv").exists()


def test_equal_names_have_folders_of_their_own(detector, tmp_path):
    sources = [video(tmp_path / folder / "pad.mkv", 100) for folder in ("x", "y")]
    assert len(list(watch_videos(detector, sources, tmp_path / "out"))) == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["pad", "pad-2"]


def test_a_folder_that_cannot_be_written_is_told(detector, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match="Cannot write"):
        list(watch_videos(detector, [video(tmp_path / "pad.mkv", 100)], tmp_path / "out"))
