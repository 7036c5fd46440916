"""Charts as values: what is drawn, apart from how, so that page and paper show the same."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Kind = Literal["line", "steps", "dots"]
N_COLOURS, N_MARKERS = 6, 7  # lengths of both without a common divisor, so that pairs differ
DASHES = ("", "6 3", "2 3")  # of the first, second and third use of the colours, in pixels


@dataclass(frozen=True)
class Axis:
    """An axis of a chart.

    Attributes:
        label: what it tells, with its unit.
        low: its lower end.
        high: its upper end.
        is_log: whether it is logarithmic.
        groups: names of the places 0, 1, ... if it tells groups instead of numbers.
    """

    label: str
    low: float = 0.0
    high: float = 1.0
    is_log: bool = False
    groups: tuple[str, ...] = ()

    @classmethod
    def of_groups(cls, label: str, groups: Sequence[str]) -> "Axis":
        """An axis of groups."""
        return cls(label, -0.5, len(groups) - 0.5, groups=tuple(groups))

    @classmethod
    def around(
        cls, label: str, values: ArrayLike, *, is_log: bool = False, from_zero: bool = False
    ) -> "Axis":
        """An axis that holds all finite values; 0 to 1, or 1 to 10, if there are none."""
        found = np.asarray(values, np.float64).ravel()
        found = found[np.isfinite(found) & ((found > 0) | (not is_log))]
        if not found.size:
            return cls(label, *((1.0, 10.0) if is_log else (0.0, 1.0)), is_log)
        low, high = float(found.min()), float(found.max())
        if is_log:
            return cls(label, low / 1.2, high * 1.2, is_log=True)
        margin = 0.05 * (high - low) or 0.5
        return cls(label, 0.0 if from_zero and low >= 0 else low - margin, high + margin)

    def fraction(self, values: ArrayLike) -> Floats:
        """Places of values along the axis, 0 to 1; NaN stays NaN."""
        found = np.asarray(values, np.float64)
        if self.is_log:
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.log(found / self.low) / math.log(self.high / self.low)
        return (found - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Values and labels of about five ticks, or of each group."""
        if self.groups:
            return [(float(place), name) for place, name in enumerate(self.groups)]
        values = _log_ticks(self.low, self.high) if self.is_log else _ticks(self.low, self.high)
        return [(value, f"{value:.6g}") for value in values]


def _ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 2.5, 5, 10) if power * each >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
        values = [step * 10.0**power for power in powers for step in steps]
        inside = [value for value in values if low <= value <= high]
        if len(inside) >= 3:
            break
    return inside


@dataclass(frozen=True, eq=False)
class Series:
    """Values of a model.

    Attributes:
        model: its name, which the page shows and hides by.
        title: its title.
        place: its number among all models, which decides colour, dashes and marker.
        x: (N,) float64.
        y: (N,) float64; a line breaks at NaN.
        low: (N,) lower ends of intervals, NaN where there is none; None without any.
        high: (N,) upper ends.
        kind: `line`, `steps` (constant up to the next x), or `dots`, each with its interval.
    """

    model: str
    title: str
    place: int
    x: Floats
    y: Floats
    low: Floats | None = None
    high: Floats | None = None
    kind: Kind = "line"

    @property
    def colour(self) -> int:
        """Number of its colour, 0 to `N_COLOURS` - 1."""
        return self.place % N_COLOURS

    @property
    def marker(self) -> int:
        """Number of its marker, 0 to `N_MARKERS` - 1."""
        return self.place % N_MARKERS

    @property
    def dashes(self) -> str:
        """Dashes and gaps of its lines in pixels; empty for a solid line."""
        return DASHES[self.place // N_COLOURS % len(DASHES)]

    @property
    def intervals(self) -> tuple[Floats, Floats] | None:
        """Both ends, if there are any."""
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True, eq=False)
class Chart:
    """A chart: lines or dots of models over two axes.

    Attributes:
        name: name of its files.
        title: what it shows.
        x: axis to the right.
        y: axis upwards.
        series: what is drawn, in order.
        note: how to read it, in one or two sentences.
        guide: ends (x, y) of a dotted line to compare with, if there is one.
    """

    name: str
    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    note: str = ""
    guide: tuple[tuple[float, float], tuple[float, float]] | None = None

    def tidy(self) -> pd.DataFrame:
        """All values: `model`, `x`, `y`, `low` and `high`, with groups by their names."""
        parts = [pd.DataFrame(columns=["model", "x", "y", "low", "high"])]
        for own in self.series:
            low, high = own.intervals or (np.nan, np.nan)
            part = pd.DataFrame({"model": own.model, "x": own.x, "y": own.y})
            if self.x.groups:
                part["x"] = [self.x.groups[round(place)] for place in own.x]
            parts.append(part.assign(low=low, high=high))
        return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def side_by_side(series: Sequence[Series]) -> Iterator[tuple[Series, float]]:
    """Yield the series with the shift that keeps dots of one group apart, within ±0.3."""
    shifts = np.linspace(-0.3, 0.3, len(series)) if len(series) > 1 else [0.0]
    yield from zip(series, map(float, shifts), strict=True)
