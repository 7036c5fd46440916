"""The state of the picture: whether a detector can see anything in it."""

import math
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.detection.settings import StateSettings

State = Literal[
    "watching",
    "warming_up",
    "rate_too_low",
    "camera_moving",
    "scene_changed",
    "too_dark",
    "saturated",
    "frozen",
    "no_signal",
]
# In these a picture tells nothing of gas.
BLIND: frozenset[State] = frozenset(
    {"camera_moving", "too_dark", "saturated", "frozen", "no_signal"}
)
Map = NDArray[np.float32]
BLACK, WHITE = 2, 253  # grey levels that tell nothing
EXPLAINED = 0.9  # of the change, that a shift must leave at most
LEAST_SPREAD = 2.0  # grey levels; a flatter picture tells no motion


class Scene:
    """Follows the state of the picture, in constant memory.

    Args:
        size: height and width of the frames.
        settings: when a picture is not fit.

    Attributes:
        state: that of the last frame.
    """

    def __init__(self, size: tuple[int, int], settings: StateSettings) -> None:
        width = max(2, min(settings.width_px, size[1]))  # a shift takes two columns and two rows
        self._grid = width, max(2, round(size[0] * width / size[1]))  # as OpenCV names them
        self._settings = settings
        self._window = np.asarray(cv2.createHanningWindow(self._grid, cv2.CV_32F), np.float32)
        self._last: NDArray[np.uint8] | None = None
        self._background: Map | None = None
        self._begin_s = self._changed_s = self._time_s = 0.0
        self._step_s = 0.0  # a running mean
        self.state: State = "warming_up"

    def update(self, frame: NDArray[np.uint8], time_s: float) -> State:
        """Take the next frame, (H, W) uint8; its state comes out."""
        small = np.asarray(cv2.resize(frame, self._grid, interpolation=cv2.INTER_AREA), np.float32)
        if self._last is None or self._background is None:
            self._last, self._background = frame, small
            self._begin_s = self._changed_s = self._time_s = time_s
            return self.state
        step_s, self._time_s = max(time_s - self._time_s, 0.0), time_s
        self._step_s = step_s if self._step_s == 0 else 0.9 * self._step_s + 0.1 * step_s
        if not np.array_equal(frame, self._last):
            self._changed_s = time_s
        self._last = frame
        if _is_another(small, self._background, self._settings.same_correlation):
            self._background, self._begin_s = small, time_s
            self.state = "scene_changed"
            return self.state
        shift_px = self._shift_px(small, self._background)
        rate = np.float32(-math.expm1(-step_s / self._settings.background_s))
        self._background = self._background + rate * (small - self._background)
        self.state = self._judged(small, shift_px)
        return self.state

    def _judged(self, small: Map, shift_px: float) -> State:
        """The first of the states that applies to a frame of a known scene."""
        settings = self._settings
        applies: dict[State, bool] = {
            "frozen": self._time_s - self._changed_s >= settings.frozen_s,
            "too_dark": float(np.mean(small <= BLACK)) >= settings.lost_fraction,
            "saturated": float(np.mean(small >= WHITE)) >= settings.lost_fraction,
            "camera_moving": shift_px > settings.shift_px,
            "rate_too_low": self._step_s > 1 / settings.lowest_fps_hz,
            "warming_up": self._time_s - self._begin_s < settings.warm_up_s,
        }
        return next((state for state, does in applies.items() if does), "watching")

    def _shift_px(self, small: Map, background: Map) -> float:
        """Shift of the picture against the background, where it explains the change."""
        if float(small.std()) < LEAST_SPREAD:
            return 0.0
        # It multiplies its arguments by the window, in place.
        (x, y), _ = cv2.phaseCorrelate(background.copy(), small.copy(), self._window)
        shift_px = math.hypot(x, y)
        if shift_px <= self._settings.shift_px:
            return 0.0
        matrix = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
        shifted = cv2.warpAffine(background, matrix, self._grid, borderMode=cv2.BORDER_REPLICATE)
        change, left = np.abs(small - background).mean(), np.abs(small - shifted).mean()
        return shift_px if left < EXPLAINED * change else 0.0


def _is_another(small: Map, background: Map, least_correlation: float) -> bool:
    x, y = small - small.mean(), background - background.mean()
    spreads = float(x.std()), float(y.std())
    if min(spreads) < LEAST_SPREAD:
        return False
    return float((x * y).mean()) / (spreads[0] * spreads[1]) < least_correlation
