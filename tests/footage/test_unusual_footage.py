"""Unusual entries beside a good video: each is used or named, and none stops the others."""

import os

import av
import cv2
import numpy as np
import pandas as pd
import pytest

from fgstp.footage.video_file import VideoFile


@pytest.fixture
def raw(tmp_path, footage):
    """A folder of footage with one good video."""
    footage.video(tmp_path / "footage" / "good.mkv", footage.frames([10, 30], seed=7))
    return tmp_path


def error_of(result, name):
    error = result.video(name)["error"]
    return "" if pd.isna(error) else error


def test_every_kind_of_footage_is_used_or_named(raw, footage, numbered, ingest):
    folder = raw / "footage"
    frames = numbered.frames(20)
    for name, codec in (("d.wmv", "wmv2"), ("e.webm", "libvpx-vp9"), ("f.mpg", "mpeg2video")):
        numbered.write(folder / name, frames[:, :, ::-1] if name < "e" else frames, codec, rate=25)
    footage.pictures(folder / "h", frames[::-1], "{:04d}.bmp")
    cv2.imwritemulti(str(folder / "i.tif"), list(frames.astype(np.uint16) * 50))
    foreign = ("b.seq", "c.csq", "g.ats", "j.fff", "k.cptv", "l.npy", "m.heic")
    for name in foreign:
        (folder / name).write_bytes(b"FFF\0" * 100)
    result = ingest(raw, raw / "out")
    assert set(result.videos["video"]) == {"good", "d", "e", "f", "h", "i", *foreign}
    for name in ("good", "d", "e", "f", "h", "i"):
        assert error_of(result, name) == ""
        assert result.video(name)["frames"] == 20
    for name in foreign:
        assert "export" in error_of(result, name) or "convert" in error_of(result, name)


def make_hostile(folder):
    os.mkfifo(folder / "pipe.mp4")
    (folder / "broken.mp4").symlink_to("nowhere.mp4")
    (folder / "loop.mp4").symlink_to("loop.mp4")
    (folder / "endless.mp4").symlink_to("/dev/zero")
    (folder / "empty.avi").touch()
    (folder / "letter.mov").write_text("this is a letter\n" * 50)
    (folder / "huge.y4m").write_bytes(b"YUV4MPEG2 W20000 H20000 F25:1 Cmono\nFRAME\n")
    for name in ("frames_a", "frames_b", "frames_c"):
        (folder / name).mkdir()
        for number in range(12):
            cv2.imwrite(str(folder / name / f"{number}.png"), np.full((6, 8), number, np.uint8))
    os.mkfifo(folder / "frames_a" / "12.png")
    (folder / "frames_b" / "5.png").unlink()
    (folder / "frames_b" / "5.png").symlink_to("nowhere.png")
    (folder / "frames_c" / "5.png").write_bytes((folder / "frames_c" / "6.png").read_bytes()[:40])


def test_no_entry_stops_the_others(raw, ingest, capfd):
    make_hostile(raw / "footage")
    result = ingest(raw, raw / "out")
    assert error_of(result, "good") == ""
    refused = result.videos[result.videos["video"] != "good"]
    assert len(refused) == 10
    assert all(isinstance(error, str) and "; " in error for error in refused["error"])
    lines = capfd.readouterr().err.splitlines()
    assert [line for line in lines if line and "frames/s" not in line] == []


def test_frames_that_come_twice_are_refused(raw, footage, ingest):
    frames = footage.frames([10, 30])
    footage.pictures(raw / "footage" / "v", frames)
    footage.pictures(raw / "footage" / "v", frames, "{:06d}.jpg")
    result = ingest(raw, raw / "out")
    assert "same name" in error_of(result, "v")
    assert error_of(result, "good") == ""


@pytest.mark.parametrize("error", [MemoryError(), cv2.error("no"), None])
def test_what_a_library_raises_refuses_one_video(raw, ingest, monkeypatch, footage, error):
    footage.video(raw / "footage" / "other.mkv", footage.frames([20, 40]))
    whole = VideoFile.content_hash

    def failing(source):
        if source.path.name == "other.mkv":
            raise error or av.FFmpegError(1, "no")
        return whole(source)

    monkeypatch.setattr(VideoFile, "content_hash", failing)
    result = ingest(raw, raw / "out")
    assert error_of(result, "good") == ""
    assert error_of(result, "other").startswith("other: ")


def test_palette_remark_reaches_the_video_table(raw, footage, ingest):
    frames = footage.frames([10, 30])
    shown = [cv2.applyColorMap(frame, cv2.COLORMAP_JET) for frame in frames]
    footage.pictures(raw / "footage" / "jet", shown)
    footage.pictures(raw / "footage" / "grey", [np.dstack([frame] * 3) for frame in frames])
    result = ingest(raw, raw / "out")
    assert "colour" in result.video("jet")["remarks"]
    assert "colour" not in result.video("grey")["remarks"]
