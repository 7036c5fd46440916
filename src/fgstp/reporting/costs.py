"""Costs of the models: parameters, operations, time and memory for each frame."""

import math

import pandas as pd

from fgstp.core.errors import UserError
from fgstp.reporting.names import model_rows
from fgstp.reporting.tables import DASH, Table

COLUMNS = (
    *("model", "parameters", "gmacs_per_frame", "ms_per_frame", "peak_memory_mb"),
    *("device", "height_px", "width_px"),
)
HEADS = (
    *("model", "parameters (M)", "GMACs per frame", "ms per frame", "peak memory (MB)"),
    "size (px)",
)
NOTE = (
    "Measured by benchmarks/models.py on a synthetic clip. GMACs: 10⁹ multiply-accumulate "
    "operations of convolutions and matrix products; the optical flow and the background "
    "subtraction of OpenCV are not counted, but their time is. Size: height × width of the "
    "frames that the model processes."
)


def sorted_costs(costs: pd.DataFrame) -> pd.DataFrame:
    """Sort measured costs by device and then by model, in the order of the report.

    Args:
        costs: a row for each model and device, with `COLUMNS`; empty if nothing was measured.

    Returns:
        The rows, with the title of each model as `name`.

    Raises:
        UserError: a column is missing.
    """
    if missing := [name for name in COLUMNS if name not in costs]:
        raise UserError(
            f"benchmarks/models.csv lacks the columns {', '.join(missing)}; make it again with "
            "`python benchmarks/models.py`."
        )
    names = {row.model: row.title() for row in model_rows(costs["model"].astype(str))}
    keys = pd.DataFrame(
        {
            "device": pd.factorize(costs["device"])[0],  # in the order of the file
            "model": costs["model"].map({model: place for place, model in enumerate(names)}),
        }
    )
    found = costs.loc[keys.sort_values(["device", "model"], kind="stable").index, list(COLUMNS)]
    found.insert(1, "name", found["model"].map(names))
    return found.reset_index(drop=True)


def cost_tables(costs: pd.DataFrame) -> list[Table]:
    """Write costs as tables, one for each device; args and errors are those of `sorted_costs`."""
    return [
        Table.of_texts(f"Costs on {device}", HEADS, [_texts(row) for _, row in rows.iterrows()])
        for device, rows in sorted_costs(costs).groupby("device", sort=False)
    ]


def _texts(row: pd.Series) -> list[str]:
    return [
        str(row["name"]),
        _number(row["parameters"] / 1e6, 2),
        _number(row["gmacs_per_frame"], 2),
        _number(row["ms_per_frame"], 1),
        _number(row["peak_memory_mb"], 0),
        f"{_number(row['height_px'], 0)} × {_number(row['width_px'], 0)}",
    ]


def _number(value: float, decimals: int) -> str:
    return DASH if math.isnan(value) else f"{value:,.{decimals}f}"
