import av
import numpy as np
import pytest

from fgstp.footage.check_sums import CheckSums
from fgstp.footage.video_file import VideoFile


def noisy(numbered):
    noise = np.random.default_rng(0).integers(0, 20, (30, *numbered.SHAPE))
    return numbered.frames(30) + noise.astype(np.uint8)


def packets_of(path):
    with av.open(str(path)) as container:
        return [(packet.pos, bytes(packet)) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("slices", [1, 4, 16])
def test_any_destroyed_byte_of_a_frame_is_seen(tmp_path, numbered, slices):
    options = {"level": "3", "slicecrc": "1", "slices": str(slices)}
    path = numbered.write(tmp_path / "a.mkv", noisy(numbered), "ffv1", "gray", options=options)
    packets = [data for _, data in packets_of(path)]
    rng = np.random.default_rng(1)
    for _ in range(40):
        damaged, place = bytearray(packets[7]), rng.integers(0, len(packets[7]))
        damaged[place] ^= 1 << rng.integers(0, 8)
        check_sums = CheckSums()
        for packet in [*packets[:7], bytes(damaged), *packets[8:]]:
            check_sums.take(packet)
        (remark,) = check_sums.remarks()
        assert remark.startswith("1 of its frames are damaged, the first is frame 7")


def test_a_damaged_file_is_remarked(tmp_path, numbered):
    options = {"level": "3", "slicecrc": "1"}
    path = numbered.write(tmp_path / "a.mkv", noisy(numbered), "ffv1", "gray", options=options)
    assert told(path) == []
    data, (start, packet) = bytearray(path.read_bytes()), packets_of(path)[12]
    data[start + len(packet) // 2] ^= 255
    path.write_bytes(data)
    assert any("the first is frame 12" in remark for remark in told(path))


def told(path):
    remarks = []
    list(VideoFile(path).frames(remarks))
    return remarks


@pytest.mark.parametrize("options", [{"level": "1"}, {"level": "3", "slicecrc": "0"}])
def test_without_check_sums_nothing_is_told(tmp_path, numbered, options):
    path = numbered.write(tmp_path / "a.mkv", noisy(numbered), "ffv1", "gray", options=options)
    assert told(path) == []
