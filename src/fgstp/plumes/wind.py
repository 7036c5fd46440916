"""Motion of the air in the picture plane: a meandering mean wind and turbulence."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.conditions import AirConditions
from fgstp.plumes.fields import FloatImage, OrnsteinUhlenbeck, log_uniform
from fgstp.plumes.leak import SLABS, pixel_grid
from fgstp.plumes.view import View

_EDDY_GRID_PX = 2  # eddies are computed on every second pixel; the difference is invisible
_DRIFT_FRACTION = 0.7  # Taylor: eddies travel with most of the mean wind


class MeanWind:
    """Mean wind in the picture plane.

    The wind is horizontal and meanders (Ornstein-Uhlenbeck). Its component across the view
    moves gas sideways; its component along the view appears as vertical motion, because the
    camera looks up at the source; buoyant gas also rises. The meander, around half of the mean
    speed, exceeds that of weather masts, because real plumes swing by a right angle within
    seconds.
    """

    def __init__(self, rng: np.random.Generator, conditions: AirConditions, step_s: float) -> None:
        speed = log_uniform(rng, conditions.wind_m_per_s)
        angle = rng.uniform(0.0, 2.0 * math.pi)
        # Wind across the view keeps the column density moderate.
        mean = speed * np.array(
            [np.sign(math.cos(angle)) * 0.5 + 0.5 * math.cos(angle), 0.7 * math.sin(angle)]
        )
        self.speed_m_per_s = float(np.hypot(*mean))
        self._gusts = OrnsteinUhlenbeck(
            rng,
            mean,
            np.full(2, rng.uniform(*conditions.meander) * self.speed_m_per_s),
            time_s=rng.uniform(*conditions.meander_s),
            step_s=step_s,
        )
        self._rise_m_per_s = rng.uniform(0.1, 0.6)
        self._sine_elevation = rng.uniform(0.2, 0.5)

    def step(self) -> NDArray[np.float64]:
        """Advance by one step; returns the velocity in m/s, right and down: float64 (2,)."""
        across, along = self._gusts.step()
        return np.array([across, self._sine_elevation * along - self._rise_m_per_s])


class Turbulence:
    """Divergence-free eddies from a random stream function.

    u' = (dpsi/dy, -dpsi/dx) with PSD(psi) ~ (k^2 + 1/L^2)^(-7/3), which is Kolmogorov's
    k^(-14/3) for eddies smaller than L. Each Fourier mode is an AR(1) process whose
    correlation time is the turnover time of its eddy, T (kL)^(-2/3), and drifts with the mean
    wind. The field is periodic.

    Args:
        rng: random generator.
        shape: rows and columns of the grid.
        spacing_m: grid spacing.
        step_s: time between two fields.
        rms_m_per_s: root mean square of each velocity component.
        largest_m: size L of the largest eddies.
        turnover_s: turnover time T of the largest eddies.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, int],
        *,
        spacing_m: float,
        step_s: float,
        rms_m_per_s: float,
        largest_m: float,
        turnover_s: float,
    ) -> None:
        self._rng, self._shape, self._step_s = rng, shape, step_s
        # Angular wave numbers in radians per metre.
        self._ky = (2.0 * math.pi / spacing_m) * np.fft.fftfreq(shape[0]).astype(np.float32)
        self._kx = (2.0 * math.pi / spacing_m) * np.fft.rfftfreq(shape[1]).astype(np.float32)
        k_squared = self._ky[:, None] ** 2 + self._kx[None, :] ** 2
        k_largest = 2.0 * math.pi / largest_m
        scale = 1.0 + k_squared / k_largest**2
        memory = np.exp(-step_s / (turnover_s * scale ** (-1.0 / 3.0)))
        # The grid cannot represent derivatives of modes beyond its limit.
        amplitude = np.where(k_squared < (math.pi / spacing_m) ** 2, scale ** (-7.0 / 6.0), 0.0)
        amplitude *= rms_m_per_s / _rms_of_gradient(amplitude, k_squared, shape)
        self._memory = memory.astype(np.float32)
        self._fresh = (amplitude * np.sqrt(1.0 - memory**2)).astype(np.float32)
        self._psi = self._noise() * amplitude.astype(np.float32)

    def _noise(self) -> NDArray[np.complex64]:
        """One complex number of unit variance for each Fourier mode."""
        modes = (self._ky.size, self._kx.size)
        pairs = self._rng.standard_normal((*modes, 2), dtype=np.float32) * np.float32(0.5**0.5)
        return pairs.view(np.complex64)[..., 0]

    def step(self, wind_m_per_s: NDArray[np.float64]) -> None:
        """Advance the eddies by one step; they drift with the mean wind (2,), right and down."""
        drift_m = _DRIFT_FRACTION * self._step_s * wind_m_per_s
        phase_x = np.exp(-1j * self._kx * drift_m[0]).astype(np.complex64)
        phase_y = np.exp(-1j * self._ky * drift_m[1]).astype(np.complex64)
        self._psi *= self._memory * phase_x[None, :] * phase_y[:, None]
        self._psi += self._fresh * self._noise()

    def velocity_m_per_s(self) -> FloatImage:
        """Velocity of the eddies: float32 (rows, columns, 2), right and down."""
        right = np.fft.irfft2(1j * self._ky[:, None] * self._psi, self._shape)
        down = np.fft.irfft2(-1j * self._kx[None, :] * self._psi, self._shape)
        return np.stack([right, down], axis=-1).astype(np.float32)


def _rms_of_gradient(
    amplitude: NDArray[np.floating], k_squared: NDArray[np.floating], shape: tuple[int, int]
) -> float:
    """Expected root mean square of one component of the gradient (Parseval)."""
    # The half spectrum of a real field represents two conjugate halves.
    power = 2.0 * float(np.sum(k_squared * amplitude**2)) / (shape[0] * shape[1]) ** 2
    return math.sqrt(power / 2.0)


class Air:
    """The moving air: slabs along the line of sight with the same wind and different eddies.

    A frame takes `step_s`, an advection step `sub_step_s`.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        view: View,
        conditions: AirConditions,
        step_s: float,
        sub_step_s: float,
    ) -> None:
        self._wind = MeanWind(rng, conditions, step_s)
        self._wind_m_per_s = np.zeros(2)
        largest_m = rng.uniform(*conditions.eddy_m)
        turnover_s = log_uniform(rng, conditions.turnover_s)
        rms_m_per_s = rng.uniform(*conditions.eddies) * self._wind.speed_m_per_s
        coarse = (-(-view.shape[0] // _EDDY_GRID_PX), -(-view.shape[1] // _EDDY_GRID_PX))
        self._eddies = [
            Turbulence(
                rng,
                coarse,
                spacing_m=_EDDY_GRID_PX * view.pixel_m,
                step_s=step_s,
                rms_m_per_s=rms_m_per_s,
                largest_m=largest_m,
                turnover_s=turnover_s,
            )
            for _ in range(SLABS)
        ]
        self._grid = pixel_grid(view.shape)
        self._px_per_m_per_s = np.float32(sub_step_s / view.pixel_m)

    def step(self) -> None:
        """Advance by one frame."""
        self._wind_m_per_s = self._wind.step()
        for eddies in self._eddies:
            eddies.step(self._wind_m_per_s)

    def departures_px(self) -> list[FloatImage]:
        """Compute where the air comes from, after a step.

        Returns:
            For each slab, float32 (H, W, 2): position of the air of each pixel one sub-step
            earlier, x and y in pixels.
        """
        wind = self._wind_m_per_s.astype(np.float32)
        rows, columns = self._grid.shape[:2]
        departures_px = []
        for eddies in self._eddies:
            velocity = eddies.velocity_m_per_s() + wind
            displacement_px = cv2.resize(velocity * self._px_per_m_per_s, (columns, rows))
            departures_px.append(self._grid - displacement_px)
        return departures_px
