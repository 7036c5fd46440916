import csv
import json
import logging
from contextlib import contextmanager

import av
import cv2
import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.detection.detector import Detector
from fgstp.detection.event_lines import event_lines
from fgstp.detection.mask_pictures import mask_pictures
from fgstp.detection.overlay import overlay_video
from fgstp.detection.watch_videos import watch_videos, with_folders
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


def watched(detector, sources, out, *outputs, **more):
    return list(watch_videos(detector, with_folders(sources, out), outputs, **more))


def lines_of(folder):
    return [json.loads(line) for line in (folder / "events.jsonl").open()]


@contextmanager
def stopping(report, folder):
    """An output that stops the watch after 100 frames, as Ctrl-C does."""

    def take(result):
        if result.number == 100:
            raise KeyboardInterrupt

    yield take


def test_each_video_has_its_lines_and_its_table(detector, tmp_path):
    leak = video(tmp_path / "in/pad.mkv", 15)
    calm = video(tmp_path / "in/calm.mkv", 100)
    found, none = watched(detector, [leak, calm], tmp_path / "out")
    assert len(found.events) == 1
    assert none.events == []
    *lines, last = lines_of(tmp_path / "out/pad")
    events = [line for line in lines if line["type"] != "state"]
    assert [events[0]["type"], events[-1]["type"]] == ["new", "end"]
    assert {line["id"] for line in events} == {"pad-1"}
    assert events[0]["end_s"] is None
    assert 18 < events[-1]["end_s"] <= 39.8  # MOG2 takes what stays for background
    assert (events[0]["model"], events[0]["fingerprint"]) == ("background", None)
    corners = np.array(events[-1]["outline_px"])
    assert corners.shape[1] == 2
    states = [(line["state"], line["time_s"]) for line in lines if line["type"] == "state"]
    assert states == [("warming_up", 0), ("watching", 30)]
    assert last["type"] == "watched"
    assert (last["n_events"], last["n_frames"], last["duration_s"]) == (1, 200, 39.8)
    assert sum(last["state_s"].values()) == pytest.approx(39.8)
    assert last["sentence"] == found.sentence()
    [row] = csv.DictReader((tmp_path / "out/pad/events.csv").open())
    assert row["id"] == "pad-1"
    assert float(row["start_s"]) == pytest.approx(15, abs=3)
    assert int(row["width_px"]) == pytest.approx(16, abs=3)
    assert float(row["source_x_px"]) == pytest.approx(38, abs=9)
    assert {line["type"] for line in lines_of(tmp_path / "out/calm")} == {"state", "watched"}
    header, *rows = csv.reader((tmp_path / "out/calm/events.csv").open())
    assert header == list(row)
    assert rows == []


def test_a_page_lists_all_that_lies_in_the_folder(detector, tmp_path):
    for name in ("b", "a"):
        watched(detector, [video(tmp_path / f"in/{name}.mkv", 100)], tmp_path / "out")
    page = (tmp_path / "out/index.html").read_text("utf-8")
    assert page.index("a/summary.html") < page.index("b/summary.html")


def test_a_bad_video_stops_no_other(detector, tmp_path, caplog):
    bad, good = tmp_path / "a.mp4", video(tmp_path / "b.mkv", 15)
    bad.write_bytes(b"no video")
    with caplog.at_level(logging.ERROR):
        [report] = watched(detector, [bad, good], tmp_path / "out")
    assert report.source == str(good)
    assert "a.mp4 cannot be opened as a video" in caplog.text
    assert not (tmp_path / "out/a/events.csv").exists()


def test_equal_names_have_folders_of_their_own(detector, tmp_path):
    sources = [tmp_path / folder / "pad.mkv" for folder in ("x", "y")]
    folders = [folder for _, folder in with_folders(sources, tmp_path)]
    assert folders == [tmp_path / "pad", tmp_path / "pad-2"]


def test_what_was_found_before_a_stop_is_whole(detector, tmp_path):
    source = video(tmp_path / "pad.mkv", 8)
    places = with_folders([source], tmp_path / "out")
    reports = watch_videos(detector, places, [overlay_video, mask_pictures, stopping])
    report = next(reports)
    assert report.n_frames == 101
    with pytest.raises(KeyboardInterrupt):
        next(reports)
    folder = tmp_path / "out/pad"
    assert lines_of(folder)[-1]["remarks"] == ["it was stopped before its end"]
    [row] = csv.DictReader((folder / "events.csv").open())
    assert row["end_s"] == ""
    with av.open(str(folder / "overlay.webm")) as container:
        assert len(list(container.decode())) == 101
    assert len(list((folder / "pad_masks").iterdir())) == 101
    assert "overlay.webm" in (folder / "summary.html").read_text("utf-8")


def test_an_output_that_fails_stops_no_other(detector, tmp_path, caplog):
    @contextmanager
    def failing(report, folder):
        def take(result):
            raise UserError("The disk is full.")

        yield take

    source = video(tmp_path / "pad.mkv", 100)
    [report] = watched(detector, [source], tmp_path / "out", failing, overlay_video)
    assert report.n_frames == 200
    assert caplog.text.count("The disk is full.") == 1
    with av.open(str(tmp_path / "out/pad/overlay.webm")) as container:
        assert len(list(container.decode())) == 200


def test_every_nth_frame_has_its_own_time_and_number(detector, tmp_path):
    source = video(tmp_path / "pad.mkv", 100)
    [report] = watched(detector, [source], tmp_path / "out", mask_pictures, every=4)
    assert (report.n_frames, report.duration_s) == (50, pytest.approx(39.2))
    masks = sorted((tmp_path / "out/pad/pad_masks").iterdir())
    assert [path.stem for path in masks[:3]] == ["000000", "000004", "000008"]


def test_what_cannot_be_written_to_its_end_is_told_and_stops_nothing(detector, tmp_path, caplog):
    @contextmanager
    def failing(report, folder):
        try:
            yield lambda result: None
        finally:
            raise UserError("The end cannot be written.")

    sources = [video(tmp_path / name, 100) for name in ("a.mkv", "b.mkv")]
    out, faults = tmp_path / "out", []
    (out / "a" / "timeline.svg").mkdir(parents=True)  # where a file cannot be put
    (out / "index.html").mkdir()
    places = with_folders(sources, out)
    reports = [*watch_videos(detector, places, [failing], shows_progress=False, faults=faults)]
    assert [report.n_frames for report in reports] == [200, 200]
    told = [fault.removeprefix(f"Cannot write {out}/").split(":")[0] for fault in faults]
    of_both = "The end cannot be written."
    assert sorted(told) == sorted([of_both, of_both, "a/timeline.svg", "index.html"])
    assert all(fault in caplog.text for fault in faults)
    assert (out / "a" / "events.csv").is_file()
    assert (out / "b" / "summary.html").is_file()


def test_lines_on_a_full_disk_are_told(new_report, results_at, tmp_path):
    (tmp_path / "events.jsonl").symlink_to("/dev/full")
    [result] = results_at([0.0])
    with (
        pytest.raises(UserError, match="No space left on device"),
        event_lines(new_report(), tmp_path) as write,
    ):
        write(result)


def test_an_overlay_of_an_earlier_watch_is_removed(detector, tmp_path):
    source = video(tmp_path / "pad.mkv", 100)
    watched(detector, [source], tmp_path / "out", overlay_video)
    watched(detector, [source], tmp_path / "out")
    assert not (tmp_path / "out/pad/overlay.webm").exists()
    assert "<video" not in (tmp_path / "out/pad/summary.html").read_text("utf-8")


def test_a_folder_that_cannot_be_written_is_told(detector, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match="Cannot"):
        watched(detector, [video(tmp_path / "pad.mkv", 100)], tmp_path / "out")
