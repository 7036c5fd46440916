"""Metrics: functions with the decorator `metric` in the files of this folder.

Tables of scores, summaries and reports take them from the registry.
"""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.scoring.frames import Frames
from fgstp.scoring.protocols import Empty

Over = Literal["all", "gas", "no_gas", "ranking", "schedule", "events"]
Function = TypeVar("Function", bound=Callable[..., Any])
OF_FRAMES: tuple[Over, ...] = ("all", "gas", "no_gas")
ONLY_GAS, NO_GAS = "every frame has gas", "no frame has gas"
# Order of columns; those of other metrics follow.
ORDER = (
    *("s_measure", "weighted_f", "mae", "e_mean", "e_adaptive", "e_max"),
    *("iou_mean", "dice_mean", "iou", "dice", "iou_gas"),
    *("gas", "frame_score", "predicted_fraction", "false_alarm_fraction", "false_alarm"),
    *("average_precision", "auroc"),
)


@dataclass(frozen=True)
class Metric:
    """A registered metric.

    Attributes:
        name: column in tables of scores.
        label: heading in reports; empty if they do not show the metric.
        meaning: explanation of the label.
        function: from `Frames` to (T,) float64; for a ranking, from `found` and `taken` to a
            float, see `fgstp.scoring.metrics.detection.Ranked.curve`; for a schedule, from
            `fgstp.scoring.leak_schedule.ScheduledFrames` to a float; for events, see
            `fgstp.scoring.event_metrics`.
        over: frames that it is computed over: `all`, those with `gas`, those without (`no_gas`),
            the `ranking` of a group of frames by their frame scores, the frames of a leak
            `schedule`, or the `events` that a detector tells of.
        undefined_under: for a metric over all frames, the rules (`empty` of a protocol) under
            which frames without gas do not define it.
        tex: heading in LaTeX, if it is not the label.
        lower_is_better: whether lower values are better.
        percent: whether reports write the fraction in percent.
        decimals: digits after the decimal point in reports.
    """

    name: str
    label: str
    meaning: str
    function: Callable[..., Any]
    over: Over = "all"
    undefined_under: tuple[Empty, ...] = ("skip",)
    tex: str = ""
    lower_is_better: bool = False
    percent: bool = False
    decimals: int = 3

    def of_frames(self, frames: Frames) -> NDArray[np.float64]:
        """Scores of frames, (T,) float64; NaN for frames that do not define it."""
        if self.over == "no_gas":
            defined = ~frames.gas
        else:
            everywhere = self.over == "all" and frames.protocol.empty not in self.undefined_under
            defined = frames.gas | everywhere
        return np.where(defined, self.function(frames), np.nan)

    def why_missing(self, gas: NDArray[np.bool_]) -> str:
        """Why a group of N frames, of which `gas` hold gas, has no value."""
        if self.over == "ranking":
            return f"undefined: {ONLY_GAS if gas.all() else NO_GAS}"
        return {"all": "no frame defines it", "gas": NO_GAS, "no_gas": ONLY_GAS}[self.over]


REGISTRY: dict[str, Metric] = {}


def _origin(function: Callable[..., Any]) -> tuple[str, str]:
    return function.__module__, function.__qualname__


def metric(
    name: str,
    label: str = "",
    meaning: str = "",
    **facts: Any,  # noqa: ANN401 - those of Metric
) -> Callable[[Function], Function]:
    """Register a function as a metric.

    Args:
        name: unique column in tables of scores.
        label: heading in reports; empty if they do not show the metric.
        meaning: explanation of the label.
        **facts: other attributes of `Metric`.

    Raises:
        UserError: another function has this name.

    Example::

        @metric("mean_map", "mean", "mean of the map")
        def mean_map(frames: Frames) -> NDArray[np.float64]:
            return frames.mean_probability
    """

    def register(function: Function) -> Function:
        known = REGISTRY.get(name)
        # The same function may come again from a cell of a notebook that runs twice.
        if known and _origin(known.function) != _origin(function):
            raise UserError(f"There are two metrics named {name!r}; rename one of them.")
        REGISTRY[name] = Metric(name, label, meaning, function, **facts)
        return function

    return register


def list_metrics(*over: Over) -> list[Metric]:
    """All metrics, or those that are computed over one of `over`, in the order of columns."""
    _discover()
    chosen = [each for each in REGISTRY.values() if not over or each.over in over]
    return sorted(chosen, key=lambda each: place(each.name))


def place(column: str) -> int:
    """Place of a column in tables of scores."""
    return ORDER.index(column) if column in ORDER else len(ORDER)


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
