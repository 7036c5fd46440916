import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.models.features import write_features


class Differences:
    """The change since the frame before, at 2 x 3 pixels."""

    shape = (2, 3)

    def compute(self, frames, numbers):
        for number in numbers:
            change = frames[number].astype(np.float16) - frames[max(number - 1, 0)]
            yield change[:2, :3]


@pytest.mark.parametrize("numbers", [[3, 4, 5], [], [6], range(7)])
def test_rows_of_the_chosen_frames_are_written(clip, tmp_path, numbers):
    frames = clip(7)
    write_features(tmp_path / "made/video.npy", Differences(), frames, numbers)
    stored = np.load(tmp_path / "made/video.npy", mmap_mode="r")
    assert (stored.shape, stored.dtype) == ((7, 2, 3), np.float16)
    for number in range(7):
        (expected,) = Differences().compute(frames, [number])
        np.testing.assert_array_equal(stored[number], expected * (number in numbers))


def test_features_that_cannot_be_computed_leave_no_file(clip, tmp_path):
    with pytest.raises(IndexError):
        write_features(tmp_path / "video.npy", Differences(), clip(3), [1, 9])
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="Cannot write"):
        write_features(tmp_path / "file/video.npy", Differences(), clip(3), [1])
