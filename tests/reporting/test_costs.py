import pandas as pd
import pytest

from fgstp.core.errors import UserError
from fgstp.reporting.costs import COLUMNS, cost_tables, sorted_costs


@pytest.fixture
def costs():
    """Three models on a CPU and one of them on a GPU, not in the order of the report."""
    rows = [
        ("slt_net", 1_000, 0.5, 10.04, 99.6, "cpu", 128, 224),
        ("fgstp", 82_698_631, 40.254, 1234.56, 2345.6, "cpu", 352, 352),
        ("fgstp", 82_698_631, 40.254, 12.3, 1000.0, "a_gpu", 352, 352),
        ("background", 0, 0.0, 1.0, float("nan"), "cpu", 240, 320),
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_a_table_for_each_device_with_the_models_in_order(costs):
    cpu, gpu = cost_tables(costs)
    assert (cpu.title, gpu.title) == ("Costs on cpu", "Costs on a_gpu")
    assert [[cell.text for cell in row] for row in cpu.rows] == [
        ["Background subtraction", "0.00", "0.00", "1.0", "–", "240 × 320"],
        ["SLT-Net", "0.00", "0.50", "10.0", "100", "128 × 224"],
        ["FGSTP", "82.70", "40.25", "1,234.6", "2,346", "352 × 352"],
    ]
    assert len(gpu.rows) == 1


def test_sorting_changes_no_values(costs):
    rows = sorted_costs(costs)
    assert rows["name"].tolist() == ["Background subtraction", "SLT-Net", "FGSTP", "FGSTP"]
    keys = ["model", "device"]
    pd.testing.assert_frame_equal(
        rows.drop(columns="name").sort_values(keys, ignore_index=True),
        costs.sort_values(keys, ignore_index=True),
    )


def test_there_may_be_no_rows_but_no_column_may_be_missing(costs):
    assert cost_tables(pd.DataFrame(columns=COLUMNS)) == []
    with pytest.raises(UserError, match=r"device.*benchmarks/models\.py"):
        sorted_costs(costs.drop(columns="device"))
