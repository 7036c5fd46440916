from dataclasses import replace

import numpy as np
import pytest

from fgstp.core.errors import FootageError
from fgstp.footage.numbering import mask_numbers
from fgstp.footage.timing import Timing

FPS_HZ = 15.0
SHOWN = [*range(40), *range(50, 100)]  # of 100 frames; ten were lost in a gap
GAP = Timing.of(np.array(SHOWN) / FPS_HZ, FPS_HZ)
VARIABLE = Timing.of(np.cumsum(np.random.default_rng(0).uniform(0.02, 0.4, 90)))


def numbers(annotated, timing=GAP, n_frames=90):
    remarks = []
    found = mask_numbers(annotated, n_frames, timing, remarks)
    assert found.dtype == np.int64
    return found.tolist(), remarks


@pytest.mark.parametrize(
    ("annotated", "timing", "expected"),
    [
        (range(90), None, range(90)),
        (range(0, 90, 5), None, range(90)),
        ([89], None, range(90)),
        (range(90), GAP, range(90)),  # as many as the file holds: they were made from it
        (range(90), VARIABLE, range(90)),
        (range(0, 90, 5), VARIABLE, range(90)),
    ],
)
def test_masks_count_the_frames_of_the_file(annotated, timing, expected):
    assert numbers(annotated, timing) == ([*expected], [])


@pytest.mark.parametrize(
    "annotated", [range(100), range(0, 100, 5), SHOWN, [3, 98], [99], range(60, 70)]
)
def test_masks_of_frames_that_were_lost_later_count_by_time(annotated):
    found, remarks = numbers(annotated)
    assert found == SHOWN
    assert len(remarks) == 1


@pytest.mark.parametrize(
    ("annotated", "timing", "expected"),
    [
        (range(1, 91), None, range(1, 91)),
        (range(1467, 1557), None, range(1467, 1557)),
        (range(1, 91), GAP, range(1, 91)),
        (range(1, 101), GAP, [number + 1 for number in SHOWN]),
        ([number + 1 for number in SHOWN], GAP, [number + 1 for number in SHOWN]),
    ],
)
def test_masks_from_another_number_on_begin_at_the_first_frame(annotated, timing, expected):
    found, remarks = numbers(annotated, timing)
    assert found == [*expected]
    assert any("begin at the first frame" in remark for remark in remarks)


def test_masks_beyond_the_end_of_a_file_that_is_cut_off_are_remarked():
    cut_off = replace(Timing.even(90, FPS_HZ), lost="end")
    found, (remark,) = numbers(range(0, 100, 5), cut_off)
    assert found == [*range(90)]
    assert remark.startswith("2 masks lie beyond its end")
    with pytest.raises(FootageError, match="beyond its 90 frames"):
        numbers(range(1, 100), cut_off)  # from 0 or from 1, nobody knows


def test_masks_are_refused_where_nobody_knows_which_frames_are_lost():
    unsure = replace(Timing.even(90, FPS_HZ), lost="somewhere")
    with pytest.raises(FootageError, match="nobody knows where"):
        numbers(range(0, 90, 5), unsure)


@pytest.mark.parametrize(
    ("annotated", "timing", "n_beyond", "first"),
    [
        (range(92), None, 2, 90),
        (range(1, 92), None, 2, 90),  # too many to begin at the first frame
        ([5, 90, 95, 100], None, 3, 90),
        ([5, 98, 100, 103], GAP, 2, 100),
        (range(1, 91, 2), VARIABLE, 0, None),
        ([90], VARIABLE, 1, 90),
    ],
)
def test_masks_beyond_the_end_are_refused(annotated, timing, n_beyond, first):
    if not n_beyond:
        assert numbers(annotated, timing)[0] == [*range(90)]
        return
    with pytest.raises(FootageError, match=f"{n_beyond} masks .* first is that of frame {first}"):
        numbers(annotated, timing)
