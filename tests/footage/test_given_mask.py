import numpy as np
import pytest

from fgstp.footage.masks import first_frame_with_gas


@pytest.mark.parametrize("gas", [1, 255, True])
@pytest.mark.parametrize("first", [0, 1, 4])
def test_one_pixel_of_gas_is_enough(first, gas):
    masks = np.zeros((5, 3, 4), np.uint8 if gas != 1 else type(gas))
    masks[first, 2, 3] = gas
    masks[first + 1 :] = gas
    assert first_frame_with_gas(masks) == first
    assert first_frame_with_gas(list(masks)) == first


def test_a_clip_without_gas_has_none():
    assert first_frame_with_gas(np.zeros((5, 3, 4), np.uint8)) is None
    assert first_frame_with_gas([]) is None


def test_no_frame_after_it_is_looked_at():
    def masks():
        yield np.zeros((2, 2), np.uint8)
        yield np.ones((2, 2), np.uint8)
        raise AssertionError

    assert first_frame_with_gas(masks()) == 1
