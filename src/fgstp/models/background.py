"""Classical background subtraction as a model: nothing to train."""

import math
from collections.abc import Iterator
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fgstp.core.config import OddPixels, Settings
from fgstp.models.base import Predictor
from fgstp.models.registry import register
from fgstp.models.session import Session

BACKGROUND_S, ENERGY_S = 5.0, 8.0  # time constants of `energy`
SCORE_QUANTILE = 0.99


class BackgroundSettings(Settings):
    """Settings of background subtraction.

    Attributes:
        method: `mog2`, a mixture of Gaussians at every pixel (Zivkovic 2004), which marks pixels
            as gas or not; or `energy`, the moving average of the absolute residual to a
            moving average of the frames, which gives a soft map.
        history_frames: frames after which `mog2` has forgotten.
        variance_threshold: squared distance from the background, in variances, above which
            `mog2` marks a pixel.
        half_levels: energy in grey levels at which the map of `energy` is 0.5.
        opening_px: diameter of the opening that removes specks, odd; 1 keeps them.
        closing_px: diameter of the closing that then joins nearby regions, odd; 1 joins none.
    """

    method: Literal["mog2", "energy"] = "mog2"
    history_frames: int = Field(500, ge=1, le=100_000)
    variance_threshold: float = Field(16.0, gt=0, le=1e6)
    half_levels: float = Field(6.0, gt=0, le=255)
    opening_px: OddPixels = 3
    closing_px: OddPixels = 1


class MixtureSession(Session):
    """OpenCV's MOG2 over a video: 1 where a frame does not fit the mixture before it, else 0."""

    def _begin(self) -> None:
        settings: BackgroundSettings = self.model.settings
        self._mixture = cv2.createBackgroundSubtractorMOG2(
            history=settings.history_frames,
            varThreshold=settings.variance_threshold,
            detectShadows=False,
        )
        # OpenCV's own rate would learn a video's first frames, and gas in them, far faster.
        self._rate = 1 / settings.history_frames

    def _push(self, frame: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
        if self._n_predicted == 0:  # the first call marks every pixel
            self._mixture.apply(frame, learningRate=self._rate)
        found = self._mixture.apply(frame, learningRate=self._rate)
        yield cleaned(np.asarray(found), self.model.settings).astype(np.float32) / 255.0


class EnergySession(Session):
    """Energy of the residual at half resolution, causal, with time constants in seconds.

    With I the frame and dt the time since the last one, at every pixel

        R = I - B - median(I - B),   E <- E + a(8 s) (|R| - E),   B <- B + a(5 s) (I - B),

    where a(tau) = max(1 - exp(-dt / tau), 1 / n) after n residuals: plain means at first. The
    median removes gain steps, which the whole frame shares. The map is E / (E + half_levels), and
    the score is the same function of the 99th percentile of E over the pixels.
    """

    def _begin(self) -> None:
        height, width = self.size
        self._half_size = max(1, width // 2), max(1, height // 2)
        self._background = self._energy = np.empty(0, np.float32)
        self._time_s = -math.inf

    def _push(self, frame: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
        half = cv2.resize(frame, self._half_size, interpolation=cv2.INTER_AREA)
        levels = half.astype(np.float32)
        time_s, n = self._times_s[-1], self._n_predicted
        if n == 0:
            self._background, self._energy = levels, np.zeros_like(levels)
        else:
            residual = levels - self._background
            residual -= np.median(residual)
            step_s = time_s - self._time_s
            rates = (max(-math.expm1(-step_s / tau), 1 / n) for tau in (ENERGY_S, BACKGROUND_S))
            energy_rate, background_rate = rates
            self._energy = self._energy + energy_rate * (np.abs(residual) - self._energy)
            self._background = self._background + background_rate * (levels - self._background)
        self._time_s = time_s
        soft = cleaned(self._energy, self.model.settings)
        soft = soft / (soft + self.model.settings.half_levels)
        yield cv2.resize(soft, self.size[::-1], interpolation=cv2.INTER_LINEAR)

    def _score(self, probabilities: NDArray[np.float32]) -> float:
        energy = float(np.quantile(self._energy, SCORE_QUANTILE))
        return energy / (energy + float(self.model.settings.half_levels))


@register("background", "Background subtraction", order=10)
class BackgroundModel(Predictor[BackgroundSettings]):
    """Background subtraction by OpenCV's MOG2, or the energy of the residual."""

    settings_class = BackgroundSettings

    def context_s(self, fps_hz: float) -> float:
        """The whole video: it forgets gradually."""
        return math.inf

    @property
    def label(self) -> str:
        """`MOG2` or `energy`."""
        return {"mog2": "MOG2", "energy": "energy"}[self.settings.method]

    def _build(self) -> None:
        is_mixture = self.settings.method == "mog2"
        self.session_class = MixtureSession if is_mixture else EnergySession


def cleaned(picture: NDArray[Any], settings: BackgroundSettings) -> NDArray[Any]:
    """Remove specks from a picture (H, W) by an opening, then join regions by a closing."""
    sides = {cv2.MORPH_OPEN: settings.opening_px, cv2.MORPH_CLOSE: settings.closing_px}
    for operation, side in sides.items():
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        picture = np.asarray(cv2.morphologyEx(picture, operation, disc))
    return picture
