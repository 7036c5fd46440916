import csv
import logging
import os
import shutil

import cv2
import numpy as np
import pytest

from fgstp.core.errors import FootageError, UserError
from fgstp.detection.archive import Archive, watch_archive
from fgstp.detection.detector import Detector
from fgstp.detection.manifest import read_manifest
from fgstp.detection.merge import merge_archive
from fgstp.detection.overlay import overlay_video
from fgstp.detection.settings import DetectionSettings
from fgstp.models.registry import create_model

FIRST, SECOND = slice(0, None, 2), slice(1, None, 2)
EARLY = DetectionSettings.model_validate({"alarms": {"threshold": 2.0}})


def video(path, seconds=6, fps_hz=5, seed=0):
    """A spot that flickers over noise, from the second second on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size, rng = (48, 64), np.random.default_rng(seed)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), fps_hz, size[::-1])
    for number in range(seconds * fps_hz):
        frame = 100 + rng.normal(0, 1, size)
        if number >= 2 * fps_hz:
            frame[10:26, 20:40] += rng.uniform(60, 100)
        frame = np.rint(frame.clip(0, 255)).astype(np.uint8)
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


@pytest.fixture(scope="module")
def footage_of_cameras(tmp_path_factory):
    """Four videos of two cameras with equal names."""
    folder = tmp_path_factory.mktemp("archive")
    for number, name in enumerate(("cam1/a", "cam1/b", "cam2/a", "cam2/b")):
        video(folder / f"{name}.mkv", seed=number)
    return folder


@pytest.fixture
def archive(footage_of_cameras, tmp_path):
    """What makes an archive of the videos, with some rows more."""
    folder = tmp_path / "in"
    shutil.copytree(footage_of_cameras, folder)

    def make(*rows, detector=None, **more):
        names = [path.relative_to(folder) for path in sorted(folder.rglob("*.mkv"))]
        lines = ["source", *map(str, names), *rows]
        (folder / "archive.csv").write_text("\n".join(lines))
        chosen = detector or Detector(create_model("background"), EARLY)
        entries = read_manifest(folder / "archive.csv")
        return Archive(entries, tmp_path / "out", lambda _: chosen, **more)

    return make


def watched(archive, shard=slice(None)):
    """The sources that are watched now."""
    return [
        os.path.relpath(report.source, archive.entries[0].source.parents[1])
        for report in watch_archive(archive, shard, shows_progress=False)
    ]


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_shards_watch_each_source_once_and_merge_as_one(archive, tmp_path):
    whole = archive()
    assert watched(whole, FIRST) == ["cam1/a.mkv", "cam2/a.mkv"]
    with pytest.raises(UserError, match=r"2 of 4 sources are not finished: cam1/b.mkv, cam2/b"):
        merge_archive(whole, shows_progress=False)
    assert not (tmp_path / "out/events.csv").exists()
    assert watched(whole, SECOND) == ["cam1/b.mkv", "cam2/b.mkv"]
    assert watched(whole) == []  # all are finished

    overview = merge_archive(whole, shows_progress=False)
    sources, events = rows(tmp_path / "out/sources.csv"), rows(tmp_path / "out/events.csv")
    assert [row["folder"] for row in sources] == ["cam1_a", "cam1_b", "cam2_a", "cam2_b"]
    alone = [
        {"folder": name, **row}
        for name in ("cam1_a", "cam1_b", "cam2_a", "cam2_b")
        for row in rows(tmp_path / f"out/sources/{name}/events.csv")
    ]
    assert events == alone
    assert len(events) == overview.n_events == sum(int(row["n_events"]) for row in sources) > 0
    # Four videos of 30 frames at 5 Hz, each 5.8 s from the first to the last frame.
    assert overview.duration_s == pytest.approx(4 * 5.8)
    assert overview.state_s.sum() == pytest.approx(4 * 5.8)
    assert overview.event_s.sum() == pytest.approx(sum(float(row["event_s"]) for row in sources))
    page = (tmp_path / "out/index.html").read_text("utf-8")
    assert "sources/cam2_b/summary.html" in page


def test_the_merged_tables_do_not_depend_on_the_shards(archive, tmp_path):
    merged = []
    for shards in ([slice(None)], [SECOND, FIRST]):
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        shutil.rmtree(tmp_path / "in/cam3", ignore_errors=True)
        for shard in shards:
            watched(archive(), shard)
        merge_archive(archive(), shows_progress=False)
        names = ("events.csv", "sources.csv", "index.html", "timeline.svg")
        merged.append([(tmp_path / "out" / name).read_bytes() for name in names])
    assert merged[0] == merged[1]


def test_what_was_killed_is_done_again_and_leaves_nothing(archive, tmp_path):
    whole = archive()
    reports = watch_archive(whole, shows_progress=False)
    next(reports)
    reports.close()
    # What a process leaves that is killed at work, on this machine (by a number that is free
    # again) and on another one.
    for owner in ("4194305.00000000", "1.ffffffff"):
        (tmp_path / f"out/sources/.tmp-{owner}-cam1_b").mkdir()
    assert watched(whole) == ["cam1/b.mkv", "cam2/a.mkv", "cam2/b.mkv"]
    merge_archive(whole, shows_progress=False)
    names = {path.name for path in (tmp_path / "out/sources").iterdir()}
    assert names == {"cam1_a", "cam1_b", "cam2_a", "cam2_b"}


def test_changed_footage_settings_and_files_are_watched_again(archive, tmp_path):
    assert len(watched(archive())) == 4
    video(tmp_path / "in/cam1/b.mkv", seconds=7)
    assert watched(archive()) == ["cam1/b.mkv"]
    (tmp_path / "out/sources/cam2_a/events.csv").unlink()
    assert watched(archive()) == ["cam2/a.mkv"]
    other = Detector(create_model("background"), DetectionSettings(threshold=0.7))
    with pytest.raises(UserError, match=r"4 of 4 .* settings changed"):
        merge_archive(archive(detector=other), shows_progress=False)
    assert len(watched(archive(detector=other))) == 4
    assert len(watched(archive(detector=other, every=2))) == 4


def test_rows_before_others_move_none(archive, tmp_path):
    watched(archive())
    video(tmp_path / "in/cam0/a.mkv")
    assert watched(archive()) == ["cam0/a.mkv"]


def test_bad_sources_stop_no_other_and_are_listed(archive, tmp_path, caplog):
    (tmp_path / "in/bad.mp4").write_bytes(b"no video")
    whole, told = archive("bad.mp4", "gone.mp4"), []
    with caplog.at_level(logging.ERROR), pytest.raises(UserError, match="2 of 6 sources"):
        told.extend(watch_archive(whole, shows_progress=False))
    assert "archive.csv, line 6: bad.mp4 cannot be opened" in caplog.text
    assert "archive.csv, line 7: gone.mp4 cannot be read" in caplog.text
    overview = merge_archive(whole, shows_progress=False)
    assert (overview.n_sources, overview.n_failed) == (6, 2)
    errors = [row["error"] for row in rows(tmp_path / "out/sources.csv")]
    assert errors[:4] == [""] * 4
    assert "cannot be opened as a video" in errors[4]
    # Once it is mended, it is watched, and what was told of it is no longer true.
    shutil.copy(tmp_path / "in/cam1/a.mkv", tmp_path / "in/bad.mp4")
    with pytest.raises(UserError, match=r"1 of 6 sources are not finished: bad.mp4"):
        merge_archive(whole, shows_progress=False)


def test_zones_that_cannot_be_used_stop_no_other(archive, caplog):
    def detector_of(entry):
        if entry.name == "cam1_b":
            raise FootageError("The zones are no good.")
        return Detector(create_model("background"))

    whole = archive()
    whole = Archive(whole.entries, whole.out, detector_of)
    with caplog.at_level(logging.ERROR), pytest.raises(UserError, match="1 of 4 sources"):
        list(watch_archive(whole, shows_progress=False))
    assert "archive.csv, line 3: The zones are no good." in caplog.text


def test_what_could_not_be_written_is_not_finished(archive, tmp_path):
    (tmp_path / "blocked").write_text("a file")
    whole = archive()
    with pytest.raises(UserError, match="Cannot"):
        list(watch_archive(Archive(whole.entries, tmp_path / "blocked", whole.detector_of)))


def test_files_of_other_kinds_are_made_by_watching_again(archive, tmp_path):
    watched(archive())
    more = archive(outputs=[overlay_video], kinds=["overlay.webm"])
    assert len(watched(more, FIRST)) == 2
    assert (tmp_path / "out/sources/cam1_a/overlay.webm").is_file()
