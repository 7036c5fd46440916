import io
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler
from itertools import islice

import av
import numpy as np
import pytest

from fgstp.core.errors import FootageError
from fgstp.footage.live import LiveStream, StreamSettings, is_stream

QUICK = StreamSettings(timeout_s=5, first_wait_s=0.01, longest_wait_s=0.05, buffer_frames=200)


def _encoded(n_frames, kind="mpegts", codec="mpeg2video"):
    """Frames whose brightness rises by two levels each, 25 a second."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(n_frames):
            image = av.VideoFrame.from_ndarray(np.full((48, 64), 20 + 2 * number, np.uint8), "gray")
            container.mux(stream.encode(image))
        container.mux(stream.encode())
    return file.getvalue()


def _files(folder):
    """Serves the files of a folder."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=folder)

    return Handler


@pytest.fixture
def camera(serve):
    """`with camera(n, hold)`: a camera sends n frames, is silent until `hold`, and hangs up."""

    @contextmanager
    def running(n_frames, hold=None):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "video/mp2t")
                self.end_headers()
                self.wfile.write(_encoded(n_frames))
                self.wfile.flush()
                if hold is not None:
                    hold.wait(30)

        with serve(Handler) as address:
            try:
                yield f"{address}/stream"
            finally:
                if hold is not None:
                    hold.set()

    return running


def test_frames_come_in_order_with_the_times_of_the_stream(camera):
    with camera(40) as address, LiveStream(address, QUICK) as stream:
        frames = [frame for frame in islice(stream, 30) if frame.levels is not None]
    means = np.array([frame.levels.mean() for frame in frames])
    np.testing.assert_allclose(means, 20 + 2 * np.arange(30), atol=3)
    np.testing.assert_allclose(np.diff([frame.time_s for frame in frames]), 1 / 25, atol=1e-3)
    assert frames[0].levels.shape == (48, 64)
    assert stream.fps_hz == pytest.approx(25)


def test_a_lost_connection_is_opened_again_and_time_goes_on(camera):
    with camera(10) as address, LiveStream(address, QUICK) as stream:
        frames = list(islice((each for each in stream if each.levels is not None), 25))
    assert stream.n_lost >= 2
    assert (np.diff([frame.time_s for frame in frames]) > 0).all()
    assert any("lost" in remark for remark in stream.remarks())


def test_of_frames_that_nobody_takes_the_oldest_are_dropped(camera):
    settings = QUICK.model_copy(update={"buffer_frames": 4})
    with camera(60, threading.Event()) as address, LiveStream(address, settings) as stream:
        _wait_until(lambda: stream.n_frames >= 50)
        n_frames = stream.n_frames
        newest = list(islice(stream, 4))
    assert stream.n_dropped == n_frames - 4
    assert newest[0].levels.mean() > 100  # the first ones were dark
    assert f"{n_frames - 4} of {n_frames}" in stream.remarks()[0]


def test_a_silent_camera_gives_no_picture_and_does_not_block(camera):
    with camera(30, threading.Event()) as address, LiveStream(address, QUICK) as stream:
        assert next(frame for frame in stream if frame.levels is None).time_s > 0


def test_a_file_at_an_address_is_read_whole_whatever_the_buffer(serve, tmp_path):
    (tmp_path / "stream").write_bytes(_encoded(50, "mp4", "mpeg4"))
    settings = QUICK.model_copy(update={"buffer_frames": 3})
    with (
        serve(_files(tmp_path)) as address,
        LiveStream(f"{address}/stream", settings) as stream,
    ):
        frames = [frame for frame in stream if frame.levels is not None]
    assert len(frames) == 50
    assert stream.n_dropped == stream.n_lost == 0
    np.testing.assert_allclose(frames[-1].time_s - frames[0].time_s, 49 / 25, atol=1e-6)


def test_what_cannot_be_opened_is_told():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/stream"
    with pytest.raises(FootageError, match="cannot be opened"):
        LiveStream(address, QUICK)
    with pytest.raises(FootageError, match="no camera 987"):
        LiveStream("987")


def test_a_server_that_says_nothing_is_given_up():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/1"
        with pytest.raises(FootageError, match="cannot be opened"):
            LiveStream(address, StreamSettings(timeout_s=0.3))


@pytest.mark.parametrize(
    ("source", "is_one"),
    [
        ("rtsp://camera/1", True),
        ("HTTP://camera/live.m3u8", True),
        ("0", True),
        ("leak.mkv", False),
        ("C:/leak.mkv", False),
        ("folder/rtsp.txt", False),
    ],
)
def test_streams_are_told_from_files(source, is_one):
    assert is_stream(source) is is_one


def _wait_until(is_true):
    waiting = threading.Event()
    for _ in range(1000):
        if is_true():
            return
        waiting.wait(0.01)
    raise AssertionError("it never came")
