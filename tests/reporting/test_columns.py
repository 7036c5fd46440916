import math

import pytest

from fgstp.reporting.columns import ALARM_FRAMES, ALARM_PIXELS, MAE, MIOU

NAN = math.nan


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        (MIOU, 0.39861, "0.399"),
        (MIOU, 1.0, "1.000"),
        (MIOU, NAN, "–"),
        (ALARM_FRAMES, 0.12345, "12.3"),
        (ALARM_PIXELS, 0.00012, "0.01"),
    ],
)
def test_values_are_written_with_their_digits_and_units(column, value, shown):
    assert column.shown(value) == shown


@pytest.mark.parametrize(
    ("column", "values", "ranks"),
    [
        (MIOU, [0.3, 0.5, 0.4], [3, 1, 2]),
        (MAE, [0.3, 0.5, 0.4], [1, 3, 2]),
        # The paper's MAE: two share the best, and the next one is second.
        (MAE, [0.022, 0.036, 0.023, 0.022], [1, 3, 2, 1]),
        # Both are written 0.400, so that neither may look better.
        (MIOU, [0.4001, 0.3999, 0.2], [1, 1, 2]),
        (MIOU, [0.4, NAN, 0.5], [2, None, 1]),
        # In percent with one digit, 0.1249 and 0.1251 are both 12.5.
        (ALARM_FRAMES, [0.1249, 0.1251, 0.2], [1, 1, 2]),
    ],
)
def test_ranks(column, values, ranks):
    assert column.ranks(values) == ranks


@pytest.mark.parametrize("values", [[0.4], [0.4, NAN], [NAN, NAN], []])
def test_one_value_alone_is_neither_best_nor_second(values):
    assert MIOU.ranks(values) == [None] * len(values)


def test_the_arrow_says_which_way_is_better():
    assert MIOU.heading == "mIoU\u00a0↑"
    assert MAE.heading == "MAE\u00a0↓"


@pytest.mark.parametrize(
    ("column", "value", "spread", "shown"),
    [
        (MIOU, 0.5554, 0.0116, "0.555 ± 0.012"),
        (ALARM_FRAMES, 0.125, 0.0123, "12.5 ± 1.2"),
        (MIOU, 0.5554, 0.0, "0.555 ± 0.000"),
        (MIOU, 0.5554, float("nan"), "0.555"),
        (MIOU, float("nan"), 0.01, "–"),
    ],
)
def test_the_spread_over_trainings_stands_behind_the_value(column, value, spread, shown):
    assert column.shown(value, spread) == shown
