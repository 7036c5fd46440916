import av
import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.encoding import ENCODERS, check_encoder, encoded_video

TIMES_S = [0.0, 0.04, 0.5, 0.502, 3.0, 60.25]


def picture(number, size=(96, 128)):
    made = np.full((*size, 3), 40 + 20 * number, np.uint8)
    made[:40, :40] = (0, 0, 255)
    return made


def read(path):
    with av.open(str(path)) as container:
        codec = container.streams.video[0].codec_context.name
        return codec, [(each.time, each.to_ndarray(format="bgr24")) for each in container.decode()]


@pytest.fixture(params=sorted(ENCODERS))
def path(request, tmp_path):
    try:
        check_encoder(request.param)
    except UserError:
        pytest.skip("the encoder is missing")
    return tmp_path / f"new/video.{request.param}"


def test_times_and_colours_come_back(path):
    with encoded_video(path) as append:
        for number, time_s in enumerate(TIMES_S):
            append(picture(number), time_s)
    codec, found = read(path)
    assert codec == {".webm": "vp9", ".mp4": "h264"}[path.suffix]
    assert [time for time, _ in found] == pytest.approx(TIMES_S, abs=2e-3)
    for number, (_, image) in enumerate(found):
        np.testing.assert_allclose(image[60, 100], 40 + 20 * number, atol=6)
        np.testing.assert_allclose(image[20, 20], (0, 0, 255), atol=20)


def test_what_was_written_is_readable_when_the_block_fails(path):
    with pytest.raises(KeyboardInterrupt), encoded_video(path) as append:
        for number in range(10):
            append(picture(number), number / 10)
        raise KeyboardInterrupt
    assert len(read(path)[1]) == 10


def test_equal_times_follow_each_other(path):
    with encoded_video(path) as append:
        for number in range(3):
            append(picture(number), 1.0)
    times = [time for time, _ in read(path)[1]]
    assert times == sorted(set(times))


def test_a_closed_folder_is_told(tmp_path):
    (tmp_path / "out").write_text("a file")
    with (
        pytest.raises(UserError, match="Cannot write"),
        encoded_video(tmp_path / "out/video.webm"),
    ):
        pass


@pytest.mark.parametrize(
    ("kind", "codec", "what"),
    [("webm", "libvpx-vp9", r"VP9 \(libvpx-vp9\)"), ("mp4", "libx264", r"H\.264 \(libx264\)")],
)
def test_a_missing_encoder_is_told_and_leaves_nothing(without_encoder, tmp_path, kind, codec, what):
    without_encoder(codec)
    words = f"cannot encode {what}.* choose another format .webm or mp4., or install PyAV from its"
    with (
        pytest.raises(UserError, match=words),
        encoded_video(tmp_path / f"out/video.{kind}"),
    ):
        pass
    assert not (tmp_path / "out").exists()
    for other in set(ENCODERS) - {kind}:
        check_encoder(other)
