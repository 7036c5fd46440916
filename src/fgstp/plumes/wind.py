"""The air's movement in the picture plane: a meandering mean wind and turbulence."""

import math

import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.images import FloatImage
from fgstp.plumes.randomness import OrnsteinUhlenbeck

_DRIFT_SHARE = 0.7  # Taylor: eddies travel with most of the mean wind


class MeanWind:
    """Mean wind as the camera sees it.

    The wind blows horizontally and meanders (Ornstein-Uhlenbeck). Its part across the
    view moves gas sideways; its part along the view shows as up or down, because the
    camera looks up at the source; warm light gas rises as well. The meander of 0.5-0.8
    of the mean speed is wider than a weather mast's, for in real footage a plume swings
    through a right angle within seconds.

    Args:
        rng: source of chance.
        step_s: time between two values.
    """

    def __init__(self, rng: np.random.Generator, step_s: float) -> None:
        speed = rng.uniform(0.8, 2.8)
        angle = rng.uniform(0.0, 2.0 * math.pi)
        # Winds across the view are more telling and keep the column density moderate.
        mean = speed * np.array(
            [np.sign(math.cos(angle)) * 0.5 + 0.5 * math.cos(angle), 0.7 * math.sin(angle)]
        )
        self.speed_m_per_s = float(np.hypot(*mean))
        self._gusts = OrnsteinUhlenbeck(
            rng,
            mean,
            np.full(2, rng.uniform(0.5, 0.8) * self.speed_m_per_s),
            time_s=rng.uniform(2.0, 6.0),
            step_s=step_s,
        )
        self._rise_m_per_s = rng.uniform(0.3, 0.7)
        self._sine_elevation = rng.uniform(0.2, 0.5)

    def step(self) -> NDArray[np.float64]:
        """Go one step on.

        Returns:
            float64 (2,), metres a second to the right and downwards.
        """
        across, along = self._gusts.step()
        return np.array([across, self._sine_elevation * along - self._rise_m_per_s])


class Turbulence:
    """Divergence-free eddies from a random stream function.

    u' = (dpsi/dy, -dpsi/dx) with PSD(psi) ~ (k^2 + 1/L^2)^(-7/3), which is Kolmogorov's
    k^(-14/3) for eddies smaller than L. Each Fourier mode is an AR(1) process in time
    whose memory is the turnover time of its eddy, T (kL)^(-2/3), and drifts along with
    the mean wind. The field is periodic.

    Args:
        rng: source of chance.
        shape: rows and columns of the grid.
        spacing_m: distance of two grid points.
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
        # Angular wave numbers in radians a metre.
        self._ky = (2.0 * math.pi / spacing_m) * np.fft.fftfreq(shape[0]).astype(np.float32)
        self._kx = (2.0 * math.pi / spacing_m) * np.fft.rfftfreq(shape[1]).astype(np.float32)
        k_squared = self._ky[:, None] ** 2 + self._kx[None, :] ** 2
        k_largest = 2.0 * math.pi / largest_m
        scale = 1.0 + k_squared / k_largest**2
        memory = np.exp(-step_s / (turnover_s * scale ** (-1.0 / 3.0)))
        # Modes beyond the grid's limit have no derivative that the grid can hold.
        amplitude = np.where(k_squared < (math.pi / spacing_m) ** 2, scale ** (-7.0 / 6.0), 0.0)
        amplitude *= rms_m_per_s / _rms_of_gradient(amplitude, k_squared, shape)
        self._memory = memory.astype(np.float32)
        self._fresh = (amplitude * np.sqrt(1.0 - memory**2)).astype(np.float32)
        self._psi = self._noise() * amplitude.astype(np.float32)

    def _noise(self) -> NDArray[np.complex64]:
        """Draw complex numbers of unit variance, one a Fourier mode."""
        modes = (self._ky.size, self._kx.size)
        pairs = self._rng.standard_normal((*modes, 2), dtype=np.float32) * np.float32(0.5**0.5)
        return pairs.view(np.complex64)[..., 0]

    def step(self, wind_m_per_s: NDArray[np.float64]) -> None:
        """Let the eddies age by one step and drift with the mean wind.

        Args:
            wind_m_per_s: (2,), mean wind to the right and downwards.
        """
        drift_m = _DRIFT_SHARE * self._step_s * wind_m_per_s
        phase_x = np.exp(-1j * self._kx * drift_m[0]).astype(np.complex64)
        phase_y = np.exp(-1j * self._ky * drift_m[1]).astype(np.complex64)
        self._psi *= self._memory * phase_x[None, :] * phase_y[:, None]
        self._psi += self._fresh * self._noise()

    def stream_function(self) -> FloatImage:
        """Give psi on the grid in m^2/s, float32, `shape`."""
        return np.fft.irfft2(self._psi, self._shape).astype(np.float32)

    def velocity_m_per_s(self) -> FloatImage:
        """Give the eddies' velocity: float32 (rows, columns, 2), to the right and downwards."""
        right = np.fft.irfft2(1j * self._ky[:, None] * self._psi, self._shape)
        down = np.fft.irfft2(-1j * self._kx[None, :] * self._psi, self._shape)
        return np.stack([right, down], axis=-1).astype(np.float32)


def _rms_of_gradient(
    amplitude: NDArray[np.floating], k_squared: NDArray[np.floating], shape: tuple[int, int]
) -> float:
    """Give the expected root mean square of one component of the gradient (Parseval)."""
    # The half spectrum of a real field stands for two conjugate halves.
    power = 2.0 * float(np.sum(k_squared * amplitude**2)) / (shape[0] * shape[1]) ** 2
    return math.sqrt(power / 2.0)
