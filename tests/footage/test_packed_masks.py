import numpy as np
import pytest

from fgstp.footage.packed_masks import PackedMasks, packed

SIZE = (5, 7)  # 35 pixels, which fill no whole number of bytes
NUMBERS = np.array([0, 4, 9, 10, 22])
MASKS = np.random.default_rng(0).integers(0, 2, (len(NUMBERS), *SIZE)).astype(np.uint8)


@pytest.mark.parametrize("kind", [bool, np.uint8])
def test_a_record_is_a_number_and_a_bit_a_pixel(kind):
    rows = packed(NUMBERS, MASKS.astype(kind) * kind(255 if kind is np.uint8 else 1))
    assert rows["frame"].tolist() == NUMBERS.tolist()
    assert rows.itemsize == 4 + 5
    for row, mask in zip(rows, MASKS, strict=True):
        text = "".join(map(str, mask.ravel())).ljust(40, "0")
        assert [f"{byte:08b}" for byte in row["bits"]] == [
            text[8 * k : 8 * k + 8] for k in range(5)
        ]


@pytest.mark.parametrize(
    ("start", "end", "places"),
    [(0, 23, [0, 1, 2, 3, 4]), (1, 10, [1, 2]), (10, 11, [3]), (11, 22, []), (22, 99, [4])],
)
def test_a_stretch_counts_from_its_first_frame(start, end, places):
    some = PackedMasks.between(packed(NUMBERS, MASKS), start, end, SIZE)
    assert some.numbers.tolist() == (NUMBERS[places] - start).tolist()
    np.testing.assert_array_equal(some.read(some.numbers), MASKS[places])
    filled = np.zeros((min(end, 30) - start, *SIZE), np.uint8)
    filled[NUMBERS[places] - start] = MASKS[places]
    np.testing.assert_array_equal(some.read(np.arange(len(filled))), filled)


def test_nothing_is_known_without_rows():
    none = PackedMasks.between(None, 0, 10, SIZE)
    assert none.numbers.tolist() == []
    assert none.read(np.array([3, 1])).shape == (2, *SIZE)
    assert not none.read(np.array([3, 1])).any()
