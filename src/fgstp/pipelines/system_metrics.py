"""How busy the machine is during a run: processor, memory, disk, network, and GPU if there is one.

MLflow has a thread of its own for this. It logs past `TrackedRun`, warns in its own words and stops
for good when MLflow is away once, so that only its monitors are taken.
"""

import threading
from contextlib import suppress
from importlib import import_module
from typing import Any

from fgstp.pipelines.tracking import TrackedRun

INTERVAL_S = 10.0


class SystemMetrics:
    """A thread that measures every ten seconds.

    Args:
        run: the run that gets the figures, as `system/...`, which MLflow shows on a page of theirs.
        interval_s: time between two measurements in seconds.
    """

    def __init__(self, run: TrackedRun, interval_s: float = INTERVAL_S) -> None:
        self._run, self._interval_s = run, interval_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._measure, name="system metrics", daemon=True)

    def start(self) -> None:
        """Start measuring."""
        self._thread.start()

    def stop(self) -> None:
        """Stop measuring; nothing is measured after this returns."""
        self._stopped.set()
        self._thread.join()

    def _measure(self) -> None:
        step = 0
        monitors: list[Any] = []
        while not self._stopped.wait(self._interval_s):
            monitors = monitors or _monitors()
            numbers: dict[str, float] = {}
            for monitor in monitors:
                monitor.collect_metrics()
                numbers |= monitor.aggregate_metrics()
                monitor.clear_metrics()
            self._run.keep_metrics({f"system/{key}": value for key, value in numbers.items()}, step)
            step += 1


def _monitors() -> list[Any]:
    found = [_monitor(name) for name in ("cpu_monitor.CPUMonitor", "disk_monitor.DiskMonitor")]
    found.append(_monitor("network_monitor.NetworkMonitor"))
    with suppress(Exception):  # there is no GPU, or nvidia-ml-py is not installed
        found.append(_monitor("gpu_monitor.GPUMonitor"))
    return found


def _monitor(name: str) -> Any:  # noqa: ANN401 - MLflow does not type them
    """A monitor of MLflow by module and class; importing MLflow takes seconds."""
    module, _, attribute = name.partition(".")
    return getattr(import_module(f"mlflow.system_metrics.metrics.{module}"), attribute)()
