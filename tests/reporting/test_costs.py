import io

import pandas as pd
import pytest

from fgstp.core.errors import UserError
from fgstp.reporting.costs import COLUMNS, HEADS, cost_files, cost_tables, in_order


@pytest.fixture
def costs():
    """Three models on a CPU and one of them on a GPU, in an order that is not the tables'."""
    nan = float("nan")
    rows = [
        ("newcomer", 1_000, 0.5, 10.04, 99.6, "cpu", 128, 224),
        ("fgstp", 82_698_631, 40.254, 1234.56, 2345.6, "cpu", 352, 352),
        ("fgstp", 82_698_631, 40.254, 12.3, 1000.0, "a_gpu", 352, 352),
        ("background", 0, 0.0, 1.0, nan, "cpu", 240, 320),
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_a_table_a_device_with_the_models_in_their_order(costs):
    cpu, gpu = cost_tables(costs)
    assert (cpu.title, gpu.title) == ("Costs on cpu", "Costs on a_gpu")
    assert cpu.lines == [
        ["Background subtraction", "0.00", "0.00", "1.0", "–", "240 × 320"],
        ["FGSTP", "82.70", "40.25", "1,234.6", "2,346", "352 × 352"],
        ["newcomer", "0.00", "0.50", "10.0", "100", "128 × 224"],
    ]
    assert gpu.lines == [["FGSTP", "82.70", "40.25", "12.3", "1,000", "352 × 352"]]
    assert all(len(line) == len(HEADS) for line in cpu.lines)


def test_files_hold_what_is_shown_and_the_figures_as_they_are(costs):
    files = cost_files(costs)
    assert sorted(files) == ["costs.csv", "costs.md"]
    assert "| FGSTP | 82.70 | 40.25 | 1,234.6 | 2,346 | 352 × 352 |" in files["costs.md"]
    assert r"## Costs on a\_gpu" in files["costs.md"]
    rows = pd.read_csv(io.StringIO(files["costs.csv"]))
    assert rows["name"].tolist() == ["Background subtraction", "FGSTP", "newcomer", "FGSTP"]
    keys = ["model", "device"]
    pd.testing.assert_frame_equal(
        rows.drop(columns="name").sort_values(keys, ignore_index=True),
        costs.sort_values(keys, ignore_index=True),
    )


@pytest.mark.parametrize("columns", [COLUMNS, (*COLUMNS, "more")])
def test_without_figures_there_is_nothing(columns):
    nothing = pd.read_csv(io.StringIO(",".join(columns) + "\n"))
    assert cost_tables(nothing) == []
    assert cost_files(nothing) == {}


def test_a_column_that_is_missing_is_named_with_the_remedy(costs):
    with pytest.raises(UserError, match=r"lacks the columns device; .*benchmarks/models\.py"):
        in_order(costs.drop(columns="device"))
