import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.clip_table import ClipRow
from fgstp.models.session import Prediction


def row(video="a.b", first=2, length=3):
    return ClipRow(f"{video}_{first}", video, first, length, length, "", "annotated")


def write(store, video="a.b", numbers=(2, 3, 4, 9, 10), maps=None):
    with store.writing(video, {}) as append:
        for place, number in enumerate(numbers):
            grey = np.full((4, 5), number / 255, np.float32) if maps is None else maps[place]
            append(Prediction(number, 0.1 * number, grey, number / 7))


def names(store):
    return sorted(path.name for path in store.folder.iterdir())


def test_what_is_read_is_what_was_written(predictions):
    write(predictions)
    for first, length in ((2, 3), (3, 1), (9, 2)):
        found = predictions.read(row(first=first, length=length))
        numbers = np.arange(first, first + length)
        np.testing.assert_array_equal(found.maps[:, 0, 0], numbers)
        np.testing.assert_array_equal(found.scores, (numbers / 7).astype(np.float32))
        assert (found.maps.shape, found.maps.dtype) == ((length, 4, 5), np.uint8)
        with pytest.raises(ValueError, match="read-only"):
            found.maps[0] = 0
    assert names(predictions) == ["a.b.maps.npy", "a.b.scores.npy", "a.b.stamp.json"]


def test_probabilities_become_levels_by_rounding(predictions):
    """Tenths of a level: those up to .4 go down and those from .6 go up; all 256 are reached."""
    tenths = np.setdiff1d(np.arange(2551), np.arange(5, 2551, 10))  # without the halves
    write(predictions, numbers=[0], maps=[(tenths / np.float32(2550))[None].astype(np.float32)])
    found = predictions.read(row(first=0, length=1)).maps.ravel()
    assert found.tolist() == [(tenth + 4) // 10 for tenth in tenths]


@pytest.mark.parametrize(("first", "length"), [(1, 2), (4, 2), (9, 3), (20, 1)])
def test_frames_that_were_not_predicted_are_refused(predictions, first, length):
    write(predictions)
    with pytest.raises(UserError, match="has not been predicted; run `kedro run --pipelines=eval"):
        predictions.read(row(first=first, length=length))


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_write_that_is_broken_off_leaves_no_half_file(predictions, monkeypatch, error, old):
    if old:
        write(predictions)
    before = names(predictions) if old else []

    def broken(*_):
        raise error

    with pytest.raises((KeyboardInterrupt, UserError)), predictions.writing("a.b", {}) as append:
        append(Prediction(0, 0.0, np.zeros((4, 5), np.float32), 0.0))
        monkeypatch.setattr("fgstp.core.files.np.ascontiguousarray", broken)
        append(Prediction(1, 0.1, np.zeros((4, 5), np.float32), 0.0))
    assert names(predictions) == before
    if old:
        assert predictions.read(row()).maps[0, 0, 0] == 2


@pytest.mark.parametrize("part", ["maps.npy", "scores.npy"])
def test_predictions_that_cannot_be_read_are_named_with_the_remedy(predictions, part):
    write(predictions)
    path = predictions.path("a.b", part)
    path.unlink()
    with pytest.raises(UserError, match=r"predictions of the video a\.b cannot be read") as error:
        predictions.read(row())
    assert str(path) in str(error.value)
    assert "kedro run --pipelines=evaluate" in str(error.value)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("maps.npy", lambda maps: maps[:1]),
        ("maps.npy", lambda maps: maps.astype(np.float32)),
        ("maps.npy", lambda maps: maps[:, 0]),
        ("scores.npy", lambda scores: np.zeros(len(scores))),
        ("scores.npy", lambda scores: scores[:1]),
    ],
)
def test_predictions_of_another_shape_are_refused(predictions, part, change):
    write(predictions)
    path = predictions.path("a.b", part)
    np.save(path, change(np.load(path)))
    with pytest.raises(UserError, match=r"a\.b in .* do not fit each other; run `kedro run"):
        predictions.read(row())
