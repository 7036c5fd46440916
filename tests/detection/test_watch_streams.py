import io
import json
import os
import signal
import threading
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler

import av
import numpy as np
import pytest
from click.testing import CliRunner

from fgstp import Detector
from fgstp.cli import main
from fgstp.detection import watch_streams as watch_streams_module
from fgstp.detection.watch_streams import watch_streams
from fgstp.models.registry import create_model


def encoded(kind, codec, n_frames=60, levels=(90, 120)):
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=15)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        rng = np.random.default_rng(0)
        for _ in range(n_frames):
            pixels = rng.integers(*levels, (48, 64)).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "gray")))
        container.mux(stream.encode())
    return file.getvalue()


@pytest.fixture
def files(serve, tmp_path):
    """The address of two files that have an end."""
    folder = tmp_path / "served"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        (folder / name).write_bytes(encoded("mp4", "mpeg4"))

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=folder)

    with serve(Handler) as address:
        yield address


def test_a_file_of_which_the_server_gives_no_frame_is_told(serve, tmp_path, caplog):
    # Its index is at its end, which is beyond reach: this server knows no ranges.
    (tmp_path / "long.mp4").write_bytes(encoded("mp4", "mpeg4", 100, (0, 256)))

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=tmp_path)

    detector = Detector(create_model("background", {}))
    with serve(Handler) as address:
        places = [(f"{address}/long.mp4", tmp_path / "out" / "long")]
        reports = list(watch_streams(detector, places, shows_progress=False))
    assert reports == []
    assert "holds no frame that can be decoded" in caplog.text
    assert "it broke off after 0 frames" in caplog.text


@pytest.fixture
def camera(serve):
    """The address of a camera that sends some frames, and then is silent."""
    is_over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(encoded("mpegts", "mpeg2video"))
            self.wfile.flush()
            is_over.wait(60)

    with serve(Handler) as address:
        yield f"{address}/live"
        is_over.set()


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_streams_are_watched_at_once_and_one_that_fails_stops_no_other(files, tmp_path, caplog):
    names = [f"{files}/a.mp4", f"{files}/nothing.mp4", f"{files}/b.mp4"]
    places = [(name, tmp_path / f"out{number}") for number, name in enumerate(names)]
    reports = list(watch_streams(Detector(create_model("background")), places))
    assert [report.source for report in reports] == [names[0], names[2]]
    assert [report.n_frames for report in reports] == [60, 60]
    assert "nothing.mp4" in caplog.text
    for folder in ("out0", "out2"):
        assert lines(tmp_path / folder / "events.jsonl")[-1]["type"] == "watched"
        assert (tmp_path / folder / "summary.html").exists()


def test_a_stream_is_named_by_its_address_without_a_password(files, tmp_path):
    address = files.replace("://", "://user:secret@") + "/a.mp4"
    result = CliRunner().invoke(
        main, ["detect", address, "--model", "background", "--out", str(tmp_path / "out")]
    )
    assert result.exit_code == 0, result.output
    [folder] = (path for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert folder.name.endswith("a_mp4")
    for path in [folder, *folder.rglob("*"), tmp_path / "out" / "index.html"]:
        assert "secret" not in path.name
        assert not path.is_file() or b"secret" not in path.read_bytes()
    assert "secret" not in result.output
    assert "in 4 s" in result.output


def test_ctrl_c_ends_a_camera_with_everything_written(camera, tmp_path):
    """The interrupt comes once the first line of the events stands."""
    out = tmp_path / "out"

    def interrupt():
        waiting = threading.Event()
        while not any(path.stat().st_size for path in out.glob("*/events.jsonl")):
            waiting.wait(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    result = CliRunner().invoke(
        main, ["detect", camera, "--model", "background", "--out", str(out)]
    )
    thread.join()
    assert result.exit_code == 0, result.output
    [path] = out.glob("*/events.jsonl")
    last = lines(path)[-1]
    assert last["type"] == "watched"
    assert last["n_frames"] > 0
    assert f"Results: {path.parent / 'summary.html'}" in result.output


def test_a_stream_that_is_stopped_while_it_is_opened_is_not_watched(tmp_path, monkeypatch):
    is_shown, is_stopped, made = threading.Event(), threading.Event(), []

    class Slow:
        opened_utc_s = 0.0

        def __init__(self, address):
            made.append(address)
            assert is_shown.wait(60)
            os.kill(os.getpid(), signal.SIGINT)
            assert is_stopped.wait(60)

        def __enter__(self):
            return self

        def __exit__(self, *details):
            made.append("closed")

    class Watched(watch_streams_module._StreamWatch):
        def status(self):
            is_shown.set()
            return super().status()

        def stop(self):
            super().stop()
            is_stopped.set()

    monkeypatch.setattr(watch_streams_module, "LiveStream", Slow)
    monkeypatch.setattr(watch_streams_module, "_StreamWatch", Watched)
    detector = Detector(create_model("background"))
    [report] = watch_streams(detector, [("rtsp://a/1", tmp_path / "out")], shows_progress=False)
    assert made == ["rtsp://a/1", "closed"]
    assert report.n_frames == 0


def test_masks_of_a_stream_are_refused(tmp_path):
    result = CliRunner().invoke(main, ["detect", "rtsp://camera/1", "--save-masks"])
    assert result.exit_code == 1
    assert "--save-masks is for videos" in result.output


def test_times_of_streams_have_a_day(files, tmp_path):
    [report] = watch_streams(
        Detector(create_model("background")), [(f"{files}/a.mp4", tmp_path / "a")]
    )
    state, *_, watched = lines(tmp_path / "a" / "events.jsonl")
    opened, first = (
        datetime.fromisoformat(text) for text in (watched["opened_utc"], state["time_utc"])
    )
    assert opened.timestamp() == pytest.approx(report.opened_utc_s, abs=1e-3)
    assert (first - opened).total_seconds() == pytest.approx(report.begin_s, abs=2e-3)
    assert opened.utcoffset() == timedelta(0)
