"""Footage small enough to be made on the spot."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

HEIGHT, WIDTH = 48, 64


@pytest.fixture
def write_picture():
    """Writes an array as a picture, whatever letters its path has."""

    def write(path, image):
        path.parent.mkdir(parents=True, exist_ok=True)
        good, data = cv2.imencode(path.suffix, image)
        assert good
        path.write_bytes(data.tobytes())
        return path

    return write


@pytest.fixture
def noise_frames():
    """Frames of uniform noise: no two pixels agree by chance."""

    def make(count, shape=(HEIGHT, WIDTH), dtype=np.uint8, seed=0):
        top = np.iinfo(dtype).max + 1
        return np.random.default_rng(seed).integers(0, top, (count, *shape)).astype(dtype)

    return make


class Numbered:
    """Frames that show their number, coarse enough for any codec, and files that hold them."""

    SHAPE = 64, 128

    @classmethod
    def frames(cls, count):
        """(count, 64, 128) uint8: a bright bar for number % 16, a grey row for number // 16."""
        frames = np.full((count, *cls.SHAPE), 32, np.uint8)
        for number, frame in enumerate(frames):
            row, column = number // 16 % 4 * 16, number % 16 * 8
            frame[row : row + 16] = 128
            frame[:, column : column + 8] = 224
        return frames

    @classmethod
    def number(cls, frame):
        """The number that a frame shows, 0 to 63."""
        column = int(frame.reshape(64, 16, 8).mean((0, 2)).argmax())
        rest = np.delete(frame, range(column * 8, column * 8 + 8), axis=1)
        return column + 16 * int(rest.reshape(4, 16, -1).mean((1, 2)).argmax())

    @staticmethod
    def write(
        path, frames, codec, pixels="yuv420p", rate=15, times_ms=None, given="gray", options=()
    ):
        """Write frames, at one rate or at times."""
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=rate, options=dict(options))
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = pixels
            if times_ms is not None:
                stream.codec_context.time_base = Fraction(1, 1000)
            for number, frame in enumerate(frames):
                image = av.VideoFrame.from_ndarray(frame, format=given)
                if times_ms is not None:
                    image.pts, image.time_base = int(times_ms[number]), Fraction(1, 1000)
                container.mux(stream.encode(image))
            container.mux(stream.encode())
        return path

    @staticmethod
    def remux(source, path, is_kept, shift=0):
        """Copy a file without decoding it, but for packets that are left out."""
        with av.open(str(source)) as given, av.open(str(path), "w") as copy:
            stream = copy.add_stream_from_template(given.streams.video[0])
            packets = [packet for packet in given.demux(video=0) if packet.size]
            for number, packet in enumerate(packets):
                if is_kept(number):
                    packet.stream = stream
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    copy.mux(packet)
        return path

    @classmethod
    def slots(cls, source):
        """What a video tells and shows: number of each frame by its time, the number it shows."""
        frames = list(source.frames([]))
        by_time = [int(source.timing.slots[frame.place]) for frame in frames]
        return by_time, [cls.number(frame.grey) for frame in frames]


@pytest.fixture(scope="session")
def numbered():
    return Numbered
