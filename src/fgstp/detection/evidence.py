"""Evidence of gas at a place, collected over time."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.detection.settings import AlarmSettings

Map = NDArray[np.float32]
LONGEST_STEP_S = 1.0  # a longer gap between frames counts as this
LEAST = 1e-6  # probability


class Evidence:
    """How long and how surely each place has shown gas, on a coarse grid.

    With p the mean probability of a cell, p0 the threshold from which it speaks for gas, dt the
    time since the last frame, and memory, rise and fall of the settings:

        L <- max(0, L exp(-dt / memory) + dt clip(logit p - logit p0, -fall, rise))

    It is a leaky sequential probability ratio. A leak is anchored, so that the cells at its source
    collect evidence though the plume flutters; what flies past leaves none anywhere. A probability
    that stays gives memory * (logit p - logit p0) in the end.

    Args:
        size: height and width of the maps.
        settings: grid, memory and bounds.
        threshold: p0, in (0, 1).

    Attributes:
        values: (h, w) float32, the evidence L in logit seconds.
    """

    def __init__(self, size: tuple[int, int], settings: AlarmSettings, threshold: float) -> None:
        width = min(settings.width_cells, size[1])
        self._grid = width, max(1, round(size[0] * width / size[1]))  # as OpenCV names them
        self._settings = settings
        self._margin = math.log(threshold / (1 - threshold))
        self._time_s: float | None = None
        self.values = np.zeros(self._grid[::-1], np.float32)

    def update(self, probability: Map, time_s: float) -> None:
        """Take the map (H, W) of the frame at a time."""
        settings = self._settings
        step_s = 0.0 if self._time_s is None else time_s - self._time_s
        step_s = min(max(step_s, 0.0), LONGEST_STEP_S)
        self._time_s = time_s
        p = cv2.resize(probability, self._grid, interpolation=cv2.INTER_AREA)
        p = np.clip(p, LEAST, 1 - LEAST)
        drive = np.log(p / (1 - p)) - np.float32(self._margin)
        drive = np.clip(drive, -settings.fall_per_s, settings.rise_per_s)
        kept = math.exp(-step_s / settings.memory_s)
        self.values = np.maximum(0, np.float32(kept) * self.values + np.float32(step_s) * drive)

    def forget(self) -> None:
        """Begin anew, as after a change of the scene."""
        self.values = np.zeros_like(self.values)
