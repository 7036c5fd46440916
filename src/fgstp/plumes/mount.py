"""What the camera stands on: it may shake, and it may be knocked."""

import math

import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.conditions import CameraConditions
from fgstp.plumes.fields import OrnsteinUhlenbeck, log_uniform


class Mount:
    """Displacement of the picture: jitter, and bumps that ring and may leave it displaced.

    Args:
        rng: random generator.
        conditions: how often it shakes and is knocked.
        width_px: width of the picture.
        step_s: time between two frames.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        conditions: CameraConditions,
        width_px: int,
        step_s: float,
    ) -> None:
        self._rng, self._step_s, self._scale = rng, step_s, width_px / 320.0
        shakes = rng.random() < conditions.jitter_fraction
        sigma = self._scale * log_uniform(rng, conditions.jitter_px) * shakes
        self._jitter = OrnsteinUhlenbeck(
            rng, np.zeros(2), np.full(2, sigma), time_s=rng.uniform(0.1, 0.5), step_s=step_s
        )
        self._probability = 1.0 - math.exp(-conditions.bumps_per_hour * step_s / 3600.0)
        self._place, self._swing = np.zeros((2, 2))
        self._age_s, self._ringing_s, self._ringing_hz = 0.0, 1.0, 5.0

    def step(self) -> NDArray[np.float64]:
        """Advance by one frame; returns the displacement in pixels, right and down: (2,)."""
        rng = self._rng
        self._age_s += self._step_s
        if rng.random() < self._probability:
            self._swing = self._scale * rng.normal(0.0, 3.0, 2)
            self._place = self._place + self._scale * rng.normal(0.0, 0.7, 2)
            self._age_s = 0.0
            self._ringing_s, self._ringing_hz = rng.uniform(0.1, 1.0), rng.uniform(2.0, 8.0)
        fading = math.exp(-self._age_s / self._ringing_s)
        ringing = math.cos(2.0 * math.pi * self._ringing_hz * self._age_s)
        swing = self._swing * (fading * ringing if fading > 1e-3 else 0.0)
        return self._jitter.step() + self._place + swing
