"""What each model costs: parameters, operations, time and memory a frame."""

import math
from typing import NamedTuple

import pandas as pd

from fgstp.core.errors import UserError
from fgstp.reporting.columns import DASH
from fgstp.reporting.markdown import escaped, markdown_table
from fgstp.reporting.models import model_rows

COLUMNS = (
    "model",
    "parameters",
    "gmacs_per_frame",
    "ms_per_frame",
    "peak_memory_mb",
    "device",
    "height_px",
    "width_px",
)
HEADS = (
    "model",
    "parameters (M)",
    "GMACs a frame",
    "ms a frame",
    "peak memory (MB)",
    "size (px)",
)
NOTE = (
    "Measured by benchmarks/models.py on a synthetic clip. GMACs: thousand million "
    "multiply-accumulates of convolutions and matrix products, without OpenCV's optical flow and "
    "background subtraction, which are in the time. Size: height and width that the model works "
    "at."
)


class CostTable(NamedTuple):
    """The costs on one device.

    Attributes:
        title: names the device.
        lines: the cells of each model as they are written, in the order of `HEADS`.
    """

    title: str
    lines: list[list[str]]


def in_order(costs: pd.DataFrame) -> pd.DataFrame:
    """The measured costs by device and then by model, as the tables show them.

    Args:
        costs: a row a model and device, with `COLUMNS`; empty if nothing was measured.

    Returns:
        The rows with each model's `name` after `model`.

    Raises:
        UserError: a column is missing.
    """
    if missing := [name for name in COLUMNS if name not in costs]:
        raise UserError(
            f"benchmarks/models.csv lacks the columns {', '.join(missing)}; make it again with "
            "`python benchmarks/models.py`."
        )
    names = {row.model: row.title() for row in model_rows(costs["model"].astype(str))}
    order = {model: place for place, model in enumerate(names)}
    places = costs["model"].map(order)
    devices = pd.factorize(costs["device"])[0]  # in the order of the file
    keys = pd.DataFrame({"device": devices, "place": places.to_numpy()})
    found = costs.iloc[keys.sort_values(["device", "place"], kind="stable").index]
    found = found[list(COLUMNS)].reset_index(drop=True)
    found.insert(1, "name", found["model"].map(names))
    return found


def cost_tables(costs: pd.DataFrame) -> list[CostTable]:
    """Write the costs.

    Args:
        costs: as for `in_order`.

    Returns:
        A table a device; none if nothing was measured.

    Raises:
        UserError: a column is missing.
    """
    return [
        CostTable(f"Costs on {device}", [_line(row) for _, row in rows.iterrows()])
        for device, rows in in_order(costs).groupby("device", sort=False)
    ]


def _line(row: "pd.Series") -> list[str]:
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


def cost_files(costs: pd.DataFrame) -> dict[str, str]:
    """The costs as files.

    Args:
        costs: as for `in_order`.

    Returns:
        Texts by file name, `costs.md` and `costs.csv`; none if nothing was measured.

    Raises:
        UserError: a column is missing.
    """
    tables = cost_tables(costs)
    if not tables:
        return {}
    parts = ["# Costs of the models"]
    for table in tables:
        lines = [[escaped(name), *cells] for name, *cells in table.lines]
        parts += [f"## {escaped(table.title)}", markdown_table(HEADS, lines)]
    text = "\n\n".join([*parts, f"- {escaped(NOTE)}"]) + "\n"
    return {"costs.md": text, "costs.csv": in_order(costs).to_csv(index=False)}
