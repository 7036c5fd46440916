import re
import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from fgstp.core.errors import FootageError
from fgstp.footage.video_file import VideoFile


def told(path):
    """Numbers that the frames show, by their time, and what is remarked."""
    remarks = []
    source = VideoFile(path)
    list(source.frames(remarks))
    return remarks


def write_with_last(path, numbered, codec, pixels, times_ms, last_ms):
    """A video whose last frame is shown for longer than the others."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=15)
        (stream.height, stream.width), stream.pix_fmt = numbered.SHAPE, pixels
        stream.codec_context.time_base = Fraction(1, 1000)
        packets = []
        for time_ms, frame in zip(times_ms, numbered.frames(len(times_ms)), strict=True):
            image = av.VideoFrame.from_ndarray(frame, format="gray")
            image.pts, image.time_base = int(time_ms), Fraction(1, 1000)
            packets += stream.encode(image)
        packets += stream.encode()
        last = max(packet.pts for packet in packets)
        for packet in packets:
            if packet.pts == last:
                packet.duration = int(Fraction(last_ms, 1000) / packet.time_base)
            container.mux(packet)


@pytest.mark.parametrize(
    ("suffix", "codec", "pixels"),
    [
        ("mp4", "libx264", "yuv420p"),
        ("mov", "mjpeg", "yuvj420p"),
        ("mkv", "ffv1", "gray"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("gif", "gif", "gray"),
    ],
)
@pytest.mark.parametrize("is_even", [True, False])
def test_a_last_frame_that_stays_is_no_truncation(
    tmp_path, numbered, suffix, codec, pixels, is_even
):
    steps_ms = np.full(29, 60) if is_even else np.random.default_rng(0).integers(3, 30, 29) * 10
    times_ms = np.cumsum([0, *steps_ms])
    path = tmp_path / f"a.{suffix}"
    write_with_last(path, numbered, codec, pixels, times_ms, 3000)
    source = VideoFile(path)
    assert [numbered.number(frame.grey) for frame in source.frames([])] == list(range(30))
    np.testing.assert_allclose(source.timing.times_s, times_ms / 1e3, atol=2e-3)
    assert [remark for remark in told(path) if "varies" not in remark] == []


@pytest.mark.parametrize("suffix", ["avi", "ts", "gif", "wmv", "mkv"])
def test_of_a_whole_file_nothing_is_lost(tmp_path, numbered, suffix):
    codecs = {"gif": ("gif", "gray"), "wmv": ("wmv2", "yuv420p")}
    codec, pixels = codecs.get(suffix, ("libx264", "yuv420p"))
    path = numbered.write(tmp_path / f"a.{suffix}", numbered.frames(40), codec, pixels, 25)
    assert VideoFile(path).timing.lost == "none"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_windows_media_tells_how_much_is_missing(tmp_path, numbered, share):
    noise = np.random.default_rng(0).integers(0, 200, (60, *numbered.SHAPE)).astype(np.uint8)
    path = numbered.write(tmp_path / "a.wmv", noise, "wmv2", options={"b": "2M"})
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    (remark,) = (each for each in told(path) if "lasts" in each)
    stated_s, end_s = (float(each) for each in re.findall(r"(\d+\.\d+) s", remark))
    assert stated_s == pytest.approx(4, abs=0.01)
    assert end_s == pytest.approx(4 * share, abs=0.4)
    assert VideoFile(path).timing.lost == "end"


def destroy(path, start, length):
    data = bytearray(path.read_bytes())
    noise = np.random.default_rng(0).integers(0, 256, length, np.uint8)
    data[start : start + length] = noise.tobytes()
    path.write_bytes(data)


def packets_of(path):
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("first", [10, 25, 58])
def test_pictures_of_a_gif_that_damage_hides_shift_nothing(tmp_path, numbered, first):
    frames = numbered.frames(60) + np.random.default_rng(0).integers(
        0, 20, (60, *numbered.SHAPE)
    ).astype(np.uint8)
    path = numbered.write(tmp_path / "a.gif", frames, "gif", "gray", 10)
    found = packets_of(path)
    for place in range(first, 60):  # some destroy what divides two pictures, some do not
        data = path.read_bytes()
        destroy(path, found[place][0] + 100, 300)
        if len(packets_of(path)) < 60:
            break
        path.write_bytes(data)
    by_time, shown = numbered.slots(VideoFile(path))
    assert len(shown) < 60
    assert [number for number in shown if number not in by_time] == []
    assert by_time[:first] == shown[:first]
    assert by_time[-1] == shown[-1] or by_time[-1] == place
    assert any("lost" in remark for remark in told(path))


@pytest.mark.parametrize(("codec", "pixels"), [("rawvideo", "gray"), ("libx264", "yuv420p")])
def test_a_frame_that_is_missing_in_an_avi_is_remarked(tmp_path, numbered, codec, pixels):
    path = numbered.write(tmp_path / "a.avi", numbered.frames(60), codec, pixels)
    data, (start, _) = path.read_bytes(), packets_of(path)[30]
    path.write_bytes(data[: start + 5] + data[start + 60 :])
    assert len(list(VideoFile(path).frames([]))) < 60
    assert told(path)
    assert VideoFile(path).timing.lost == "somewhere"


def test_one_of_several_videos_is_taken_and_named(tmp_path, numbered):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("ffv1", rate=15) for _ in range(2)]
        for stream, scale in zip(streams, (1, 2), strict=True):
            stream.height, stream.width = (side * scale for side in numbered.SHAPE)
            stream.pix_fmt = "gray"
        for frame in numbered.frames(10):
            for stream, scale in zip(streams, (1, 2), strict=True):
                large = frame.repeat(scale, 0).repeat(scale, 1)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(large, format="gray")))
        for stream in streams:
            container.mux(stream.encode())
    frames = list(VideoFile(path).frames([]))
    assert [numbered.number(frame.grey) for frame in frames] == list(range(10))
    assert told(path) == ["it holds 2 videos, of which number 1 was taken, 128 x 64"]


def test_a_codec_that_nobody_knows_is_refused(tmp_path, numbered):
    path = numbered.write(tmp_path / "a.mp4", numbered.frames(5), "libx264")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"avc1", b"zzzz"))
    source = VideoFile(path)
    for read in (source.fps_hz, source.n_frames_hint, lambda: list(source.frames([]))):
        with pytest.raises(FootageError, match=r"a\.mp4 is coded"):
            read()


def test_a_title_in_another_encoding_is_no_hindrance(tmp_path, numbered):
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Oelanlage"
        stream = container.add_stream("ffv1", rate=15)
        (stream.height, stream.width), stream.pix_fmt = numbered.SHAPE, "gray"
        for frame in numbered.frames(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes().replace(b"Oelanlage", b"\xd6lanlage "))  # Latin-1
    assert numbered.slots(VideoFile(path)) == (list(range(5)), list(range(5)))
    assert told(path) == []


def test_a_header_of_windows_media_that_lies_is_no_other_error(tmp_path, numbered):
    path = numbered.write(tmp_path / "a.wmv", numbered.frames(30), "wmv2")
    data = bytearray(path.read_bytes())
    at = data.index(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))
    struct.pack_into("<QQQ", data, at + 64, 2**63, 0, 2**62)
    path.write_bytes(data[: len(data) // 2])
    assert list(VideoFile(path).frames([]))
