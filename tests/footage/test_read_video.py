import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.frame_sources import read_video


def test_a_lossless_file_and_a_folder_give_their_frames(tmp_path, footage):
    frames = footage.frames([10], length=5)
    footage.video(tmp_path / "video.mkv", frames)
    footage.pictures(tmp_path / "pictures", frames, "frame_{}.png")
    np.testing.assert_array_equal(read_video(tmp_path / "video.mkv"), frames)
    np.testing.assert_array_equal(read_video(str(tmp_path / "pictures")), frames)


def test_16_bit_frames_are_mapped_by_one_range(tmp_path, footage):
    frames = footage.frames([10], length=5)
    footage.pictures(tmp_path / "pictures", 1000 + 20 * frames.astype(np.uint16))
    read = read_video(tmp_path / "pictures")
    assert read.dtype == np.uint8
    assert np.corrcoef(read.ravel(), frames.ravel())[0, 1] > 0.999
    assert read.max() == 255


@pytest.mark.parametrize("name", ["nothing.mkv", "empty"])
def test_nothing_to_read_is_a_mistake(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=name):
        read_video(tmp_path / name)
