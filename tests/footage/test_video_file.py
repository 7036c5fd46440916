import os
import shutil
import socket
import struct
import tracemalloc
from collections import deque
from fractions import Fraction
from functools import partial

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from fgstp.core.errors import FootageError
from fgstp.footage.video_file import VideoFile

# Container, codec, its pixels, frame rate.
KINDS = [
    ("mp4", "libx264", "yuv420p", 15),
    ("mp4", "mpeg4", "yuv420p", 7.5),
    ("m4v", "mpeg4", "yuv420p", 15),
    ("mov", "mjpeg", "yuvj420p", 15),
    ("mkv", "ffv1", "gray", 15),
    ("MKV", "libx264", "yuv420p", 30),
    ("avi", "rawvideo", "gray", 15),
    ("avi", "libx264", "yuv420p", 15),  # with B-frames, of which AVI has no times
    ("webm", "libvpx-vp9", "yuv420p", 15),
    ("wmv", "wmv2", "yuv420p", 15),
    ("mpg", "mpeg2video", "yuv420p", 25),
    ("ts", "libx264", "yuv420p", 15),
    ("y4m", "rawvideo", "gray", 15),
    ("gif", "gif", "gray", 10),
    ("flv", "flv", "yuv420p", 15),
]


@pytest.mark.parametrize(("suffix", "codec", "pixels", "rate"), KINDS)
def test_each_frame_of_each_kind_comes_at_its_time(tmp_path, numbered, suffix, codec, pixels, rate):
    folder = tmp_path / "Aufnahmen für Ñandú 漏れ"
    folder.mkdir()
    path = folder / f"Film 1.{suffix}"
    numbered.write(path, numbered.frames(60), codec, pixels, Fraction(rate))
    source, remarks = VideoFile(path), []
    frames = list(source.frames(remarks))
    assert [numbered.number(frame.grey) for frame in frames] == list(range(60))
    assert [frame.place for frame in frames] == list(range(60))
    np.testing.assert_allclose([f.time_s for f in frames], np.arange(60) / rate, atol=2e-3)
    assert source.fps_hz() == pytest.approx(rate)
    assert remarks == []
    assert all(frame.mask is None and frame.leak_class is None for frame in frames)


@pytest.mark.parametrize("suffix", ["mkv", "avi"])
def test_ffv1_comes_back_byte_by_byte(tmp_path, footage, noise_frames, suffix):
    frames = noise_frames(12)
    source = VideoFile(footage.video(tmp_path / f"a.{suffix}", frames))
    for _ in range(2):  # each iteration begins at the first frame
        np.testing.assert_array_equal([frame.grey for frame in source.frames([])], frames)
    assert source.n_frames_hint() == 12


def write_counts(path, counts, bits=16, codec="ffv1", **options):
    """Write counts of more than 8 bits without loss."""
    height, width = counts[0].shape
    pixels = f"gray{bits}le"
    with av.open(str(path), "w") as container:
        options = {"strict": "experimental"} | {name: str(each) for name, each in options.items()}
        stream = container.add_stream(codec, rate=15, options=options)
        stream.height, stream.width, stream.pix_fmt = height, width, pixels
        for frame in counts:
            image = av.VideoFrame(width, height, pixels)
            row = np.zeros((height, image.planes[0].line_size // 2), np.uint16)
            row[:, :width] = frame
            image.planes[0].update(row.tobytes())
            container.mux(stream.encode(image))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_counts_of_more_than_8_bits_stay_as_they_are(tmp_path, bits):
    counts = np.random.default_rng(0).integers(0, 2**bits, (5, 48, 64)).astype(np.uint16)
    path = write_counts(tmp_path / "a.mkv", counts, bits)
    read = [frame.grey for frame in VideoFile(path).frames([])]
    assert read[0].dtype == np.uint16
    np.testing.assert_array_equal(read, counts)


@pytest.mark.parametrize(
    ("suffix", "options", "expected"),
    [
        ("mkv", {"g": 1}, range(0, 100, 10)),
        ("avi", {"g": 1}, range(0, 100, 10)),
        # The key frame at or before each tenth frame.
        ("mkv", {"g": 4}, [number // 4 * 4 for number in range(0, 100, 10)]),
        # Key frames are too rare.
        ("mkv", {"g": 12}, range(0, 100, 10)),
        ("mkv", {"g": 200}, range(0, 100, 10)),
        ("mov", {"codec": "png"}, None),
    ],
)
def test_a_sample_is_spread_evenly_over_the_video(tmp_path, suffix, options, expected):
    numbers = np.arange(100, dtype=np.uint16)
    counts = np.broadcast_to(1000 + 300 * numbers[:, None, None], (100, 24, 32))
    if "codec" in options:  # which has no little-endian counts
        path = tmp_path / f"a.{suffix}"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("png", rate=15)
            stream.height, stream.width, stream.pix_fmt = 24, 32, "gray16be"
            for frame in counts:
                image = av.VideoFrame.from_ndarray(frame.astype(np.uint16), format="gray16le")
                container.mux(stream.encode(image.reformat(format="gray16be")))
            container.mux(stream.encode())
        expected = range(0, 100, 10)
    else:
        path = write_counts(tmp_path / f"a.{suffix}", counts, **options)
    sample = list(VideoFile(path).sample(10))
    assert all(frame.shape == (24, 32) and frame.dtype == np.uint16 for frame in sample)
    assert [(int(frame[5, 7]) - 1000) // 300 for frame in sample] == list(expected)
    assert len(list(VideoFile(path).sample(60))) == 100


def test_a_sample_of_a_long_video_decodes_few_frames(tmp_path, monkeypatch):
    path = write_counts(tmp_path / "a.mkv", np.zeros((200, 24, 32), np.uint16), g=1)
    source = VideoFile(path)
    monkeypatch.setattr(VideoFile, "frames", None)  # which decodes all
    assert len(list(source.sample(10))) == 10


@pytest.mark.parametrize(
    ("suffix", "codec", "pixels", "size"),
    [
        ("mp4", "libx264", "yuv420p", (50, 66)),
        ("mp4", "libx264", "yuvj420p", (48, 64)),
        ("mp4", "libx264", "yuv444p", (47, 65)),
        ("mkv", "ffv1", "yuv420p", (47, 65)),
        ("mkv", "ffv1", "bgr0", (47, 65)),
        ("avi", "rawvideo", "yuyv422", (48, 64)),
        ("mov", "png", "rgba", (47, 65)),
    ],
)
def test_grey_levels_are_those_of_opencv(tmp_path, numbered, suffix, codec, pixels, size):
    slope = np.linspace(0, 255, size[0] * size[1]).reshape(size).astype(np.uint8)
    path = numbered.write(tmp_path / f"a.{suffix}", [slope] * 3, codec, pixels)
    ours = next(iter(VideoFile(path).frames([]))).grey
    theirs = cv2.cvtColor(cv2.VideoCapture(str(path)).read()[1], cv2.COLOR_BGR2GRAY)
    assert ours.dtype == np.uint8
    assert np.abs(ours.astype(int) - theirs).max() <= 2
    assert np.abs(ours.astype(int) - slope).mean() < 2


def test_colours_become_grey(tmp_path, footage):
    colour = np.full((3, 48, 64, 3), (10, 20, 200), np.uint8)
    path = footage.video(tmp_path / "colour.mkv", colour)
    # ITU-R BT.601: 0.114 * 10 + 0.587 * 20 + 0.299 * 200.
    np.testing.assert_allclose([f.grey for f in VideoFile(path).frames([])], 72.68, atol=1)


@pytest.mark.parametrize(
    ("palette", "is_remarked"), [("JET", True), ("INFERNO", True), ("", False)]
)
def test_a_colour_palette_is_remarked(tmp_path, numbered, palette, is_remarked):
    frames = numbered.frames(10)
    if palette:
        shown = [cv2.applyColorMap(frame, getattr(cv2, f"COLORMAP_{palette}")) for frame in frames]
    else:
        shown = [cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR) for frame in frames]
        shown = [cv2.rectangle(frame, (0, 0), (9, 9), (0, 0, 255), -1) for frame in shown]  # a logo
    path = numbered.write(tmp_path / "a.mp4", shown, "libx264", given="bgr24")
    remarks = []
    list(VideoFile(path).frames(remarks))
    assert any("colour" in remark for remark in remarks) == bool(palette)


# Display matrices, and what they make of a picture.
TURNS = {
    "90": ((0, 1, -1, 0), lambda picture: np.rot90(picture, -1)),
    "180": ((-1, 0, 0, -1), lambda picture: np.rot90(picture, 2)),
    "270": ((0, -1, 1, 0), np.rot90),
    "mirrored": ((-1, 0, 0, 1), np.fliplr),
    "upside down": ((1, 0, 0, -1), np.flipud),
    "none": ((1, 0, 0, 1), lambda picture: picture),
}


@pytest.mark.parametrize("turn", TURNS)
def test_pictures_are_turned_as_the_file_says(tmp_path, numbered, turn):
    picture = np.full(numbered.SHAPE, 40, np.uint8)
    picture[4:20, 6:30] = 220
    picture[40:50, 100:110] = 150
    path = numbered.write(tmp_path / "a.mp4", [picture] * 3, "libx264")
    (a, b, c, d), turned = TURNS[turn]
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 44
    data[matrix : matrix + 36] = struct.pack(
        ">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30
    )
    path.write_bytes(data)
    remarks = []
    frames = list(VideoFile(path).frames(remarks))
    assert np.abs(frames[0].grey.astype(int) - turned(picture)).mean() < 2
    assert any("turned" in remark for remark in remarks) == (turn != "none")


@pytest.mark.parametrize(("orientation", "turn"), [(1, "none"), (3, "180"), (6, "90"), (8, "270")])
def test_pictures_of_motion_jpeg_are_turned_as_their_exif_data_say(
    tmp_path, numbered, orientation, turn
):
    frames = numbered.frames(5)
    exif = Image.Exif()
    exif[271], exif[274] = "a camera", orientation
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=15)
        (stream.height, stream.width), stream.pix_fmt = numbered.SHAPE, "yuvj420p"
        for number, frame in enumerate(frames):
            Image.fromarray(frame).save(tmp_path / "0.jpg", quality=95, exif=exif)
            packet = av.Packet((tmp_path / "0.jpg").read_bytes())
            packet.stream, packet.time_base = stream, Fraction(1, 15)
            packet.pts = packet.dts = number
            container.mux(packet)
    read = [frame.grey for frame in VideoFile(path).frames([])]
    for grey, frame in zip(read, frames, strict=True):
        assert np.abs(grey.astype(int) - TURNS[turn][1](frame)).mean() < 2


def test_joined_files_of_two_sizes_are_one_video(tmp_path, numbered):
    large = numbered.write(tmp_path / "1.ts", numbered.frames(20), "libx264")
    small = numbered.write(tmp_path / "2.ts", numbered.frames(20)[:, ::2, ::2].copy(), "libx264")
    path = tmp_path / "a.ts"
    path.write_bytes(large.read_bytes() + small.read_bytes())
    remarks = []
    frames = list(VideoFile(path).frames(remarks))
    assert [numbered.number(frame.grey) for frame in frames] == [*range(20), *range(20)]
    np.testing.assert_allclose([f.time_s for f in frames], np.arange(40) / 15, atol=2e-3)
    assert any("size changes to 64 x 32" in remark for remark in remarks)


@pytest.mark.parametrize(
    ("suffix", "codec", "pixels"), [("mkv", "ffv1", "gray"), ("mp4", "libx264", "yuv420p")]
)
def test_a_rate_that_varies_and_a_gap_are_no_damage(tmp_path, numbered, suffix, codec, pixels):
    varying = [33 * k for k in range(20)] + [660 + 100 * k for k in range(20)]
    gap = [100 * k for k in range(20)] + [100 * k for k in range(50, 70)]
    for times_ms, word in ((varying, "varies"), (gap, "30 frames are missing")):
        path = tmp_path / f"{len(word)}.{suffix}"
        numbered.write(path, numbered.frames(40), codec, pixels, 30, times_ms)
        source, remarks = VideoFile(path), []
        frames = list(source.frames(remarks))
        assert [numbered.number(frame.grey) for frame in frames] == list(range(40))
        np.testing.assert_allclose([f.time_s for f in frames], np.array(times_ms) / 1e3, atol=2e-3)
        assert any(word in remark for remark in remarks)
    assert source.timing.slots.tolist() == [*range(20), *range(50, 70)]


def test_a_frame_at_the_time_of_another_is_remarked(tmp_path, numbered):
    path = tmp_path / "a.mkv"
    numbered.write(
        path, numbered.frames(8), "ffv1", "gray", 30, [0, 33, 67, 67, 100, 133, 167, 200]
    )
    remarks = []
    shown = [numbered.number(frame.grey) for frame in VideoFile(path).frames(remarks)]
    assert shown == [0, 1, 2, 4, 5, 6, 7]
    assert any(remark.startswith("1 of its frames have the time of another") for remark in remarks)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "avi"])
def test_packets_that_were_removed_shift_nothing(tmp_path, numbered, suffix):
    whole = numbered.write(tmp_path / "whole.mp4", numbered.frames(60), "mjpeg", "yuvj420p")
    path = numbered.remux(whole, tmp_path / f"a.{suffix}", lambda k: not 20 <= k < 23)
    by_time, shown = numbered.slots(VideoFile(path))
    assert by_time == shown == [*range(20), *range(23, 60)]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_cut_without_decoding_begins_where_a_player_begins(tmp_path, numbered, suffix):
    # As `ffmpeg -ss 1.73 -c copy` does: packets from the key frame on, those before 0 not shown.
    options = {"g": "12", "x264-params": "bframes=2:scenecut=0"}
    frames = numbered.frames(60)
    whole = numbered.write(tmp_path / "whole.mp4", frames, "libx264", options=options)
    path = numbered.remux(whole, tmp_path / f"a.{suffix}", lambda k: k >= 24, shift=-26 * 1024)
    source = VideoFile(path)
    by_time, shown = numbered.slots(source)
    first = 26 if suffix == "mp4" else 24  # the edit list of MP4
    assert shown == list(range(first, 60))
    assert by_time == list(range(60 - first))
    # Without its key frame, what cannot be decoded keeps its place.
    late = numbered.remux(whole, tmp_path / f"b.{suffix}", lambda k: k >= 5)
    by_time, shown = numbered.slots(VideoFile(late))
    assert by_time == [number - 5 for number in shown] == list(range(7, 55))


def test_sound_that_lasts_longer_is_no_truncation(tmp_path, numbered):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("ffv1", rate=15)
        video.height, video.width, video.pix_fmt = *numbered.SHAPE, "gray"
        sound = container.add_stream("aac", rate=48000)
        sound.layout = "mono"
        for frame in numbered.frames(10):
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
        for number in range(200):
            silence = np.zeros((1, 1024), np.float32)
            noise = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            noise.sample_rate, noise.pts = 48000, number * 1024
            container.mux(sound.encode(noise))
        container.mux([*video.encode(), *sound.encode()])
    assert numbered.slots(VideoFile(path)) == (list(range(10)), list(range(10)))


@pytest.mark.parametrize("is_first", [True, False])
def test_a_cover_picture_is_no_video(tmp_path, numbered, is_first):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        streams = {}
        for kind in ("cover", "video") if is_first else ("video", "cover"):
            codec = "mjpeg" if kind == "cover" else "libx264"
            stream = streams[kind] = container.add_stream(codec, rate=15)
            stream.height, stream.width = (40, 40) if kind == "cover" else numbered.SHAPE
            stream.pix_fmt = "yuvj420p" if kind == "cover" else "yuv420p"
        streams["cover"].disposition = av.stream.Disposition.attached_pic
        cover = av.VideoFrame.from_ndarray(np.full((40, 40), 200, np.uint8), format="gray")
        container.mux([*streams["cover"].encode(cover), *streams["cover"].encode()])
        for frame in numbered.frames(20):
            image = av.VideoFrame.from_ndarray(frame, format="gray")
            container.mux(streams["video"].encode(image))
        container.mux(streams["video"].encode())
    assert numbered.slots(VideoFile(path)) == (list(range(20)), list(range(20)))


@pytest.mark.parametrize(
    ("suffix", "codec", "pixels"),
    [
        ("mkv", "ffv1", "gray"),
        ("mp4", "libx264", "yuv420p"),
        ("avi", "mjpeg", "yuvj420p"),
        ("avi", "mpeg4", "yuv420p"),
        ("ts", "mpeg2video", "yuv420p"),
    ],
)
def test_destroyed_bytes_are_remarked_and_shift_nothing(tmp_path, numbered, suffix, codec, pixels):
    path = tmp_path / f"a.{suffix}"
    options = {} if pixels in {"gray", "yuvj420p"} else {"g": "6"}
    numbered.write(path, numbered.frames(60), codec, pixels, 25, options=options)
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][30]
    start = packet.pos + packet.size // 2
    data = bytearray(path.read_bytes())
    destroyed = np.random.default_rng(0).integers(0, 256, 500, np.uint8)
    data[start : start + 500] = destroyed.tobytes()
    path.write_bytes(data)
    remarks = []
    source = VideoFile(path)
    list(source.frames(remarks))
    assert any("damaged" in remark or "missing" in remark for remark in remarks)
    by_time, shown = numbered.slots(source)
    assert len(shown) > 40
    assert by_time[:24] == shown[:24] == list(range(24))
    assert by_time[-10:] == shown[-10:] == list(range(50, 60))


@pytest.mark.parametrize(("suffix", "codec", "pixels", "rate"), KINDS)
def test_a_truncated_file_is_refused_or_remarked(tmp_path, numbered, suffix, codec, pixels, rate):
    rng = np.random.default_rng(0)
    frames = numbered.frames(60) + rng.integers(0, 20, (60, *numbered.SHAPE)).astype(np.uint8)
    path = numbered.write(tmp_path / f"a.{suffix}", frames, codec, pixels, int(rate))
    data = path.read_bytes()
    path.write_bytes(data[: int(0.6 * len(data)) // 188 * 188 + 1])
    remarks = []
    if suffix in {"ts", "mpg", "y4m", "gif", "wmv"}:  # whose beginning does not tell their length
        list(VideoFile(path).frames(remarks))
        assert any("truncated" in remark or "damaged" in remark for remark in remarks)
        return
    with pytest.raises(FootageError, match="truncated"):
        list(VideoFile(path).frames(remarks))


def test_what_is_no_video_is_refused(tmp_path, numbered, monkeypatch):
    good = numbered.write(tmp_path / "good.mp4", numbered.frames(3), "libx264")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "letter.mp4").write_bytes(b"this is a letter\n" * 50)
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{good}'\n")
    (tmp_path / "zeros.mp4").write_bytes(bytes(10_000))
    (tmp_path / "huge.y4m").write_bytes(b"YUV4MPEG2 W20000 H20000 F25:1 Cmono\nFRAME\n")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "broken.mp4").symlink_to("nowhere.mp4")
    (tmp_path / "loop.mp4").symlink_to("loop.mp4")
    (tmp_path / "endless.mp4").symlink_to("/dev/zero")
    (tmp_path / "folder.mp4").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # an address of a socket is short
        listener.bind("socket.mp4")
    names = sorted({path.name for path in tmp_path.iterdir()} - {"good.mp4"})
    assert len(names) == 11
    tracemalloc.start()
    for name in [*names, "nothing.mp4"]:
        source = VideoFile(tmp_path / name)
        for read in (partial(next, source.frames([])), source.n_frames_hint, source.fps_hz):
            with pytest.raises(FootageError, match=name):
                read()
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


@pytest.mark.parametrize("name", [b"\xff\xfe.mp4", b"a\rb\n.mp4", b"http:x%03d?.mp4", b"n" * 230])
def test_any_name_can_be_read(tmp_path, numbered, name):
    good = numbered.write(tmp_path / "good.mp4", numbered.frames(3), "libx264")
    path = tmp_path / os.fsdecode(name)
    shutil.copy(good, path)
    assert len(list(VideoFile(path).frames([]))) == 3


def test_a_video_is_known_by_its_content(tmp_path, footage, noise_frames):
    path = footage.video(tmp_path / "a.mkv", noise_frames(3))
    copy = tmp_path / "sub" / "b.mkv"
    copy.parent.mkdir()
    shutil.copy(path, copy)
    assert VideoFile(copy).content_hash() == VideoFile(path).content_hash()
    before = VideoFile(path).signature()
    os.utime(path, ns=(10**18, 10**18))
    assert VideoFile(path).signature() != before
    assert VideoFile(path).content_hash() == VideoFile(copy).content_hash()


def test_memory_does_not_grow_with_the_length(tmp_path, numbered):
    peaks = []
    for length in (100, 2000):
        path = numbered.write(
            tmp_path / f"{length}.avi", numbered.frames(length), "mjpeg", "yuvj420p"
        )
        source = VideoFile(path)
        assert len(source.timing.times_s) == length
        tracemalloc.start()
        deque(source.frames([]), maxlen=0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # A frame has 8 kB: those of the longer one would take 16 MB.
    assert peaks[1] - peaks[0] < 1e6
