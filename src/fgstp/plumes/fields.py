"""Images, random fields in space and random processes in time."""

import math
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]
GreyImage = NDArray[np.uint8]


def blurred(image: FloatImage, sigma_px: float) -> FloatImage:
    """Blur an image (H, W) with a Gaussian kernel of this standard deviation, > 0."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), np.float32)


def moved(image: FloatImage, shift_px: NDArray[np.float64], *, periodic: bool) -> FloatImage:
    """Shift an image by fractions of a pixel.

    Args:
        image: float32 (H, W).
        shift_px: (2,), right and down.
        periodic: wrap around at the edges; otherwise the edge is repeated.
    """
    matrix = np.array([[1.0, 0.0, shift_px[0]], [0.0, 1.0, shift_px[1]]])
    size = (image.shape[1], image.shape[0])
    border = cv2.BORDER_WRAP if periodic else cv2.BORDER_REPLICATE
    shifted = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(shifted, np.float32)


def remapped(
    image: FloatImage, source_px: FloatImage, interpolation: int, border: int
) -> FloatImage:
    """Fetch each pixel of an image (H, W) from elsewhere.

    Args:
        image: float32 (H, W).
        source_px: float32 (H, W, 2), where each pixel comes from, x and y.
        interpolation: OpenCV's constant.
        border: OpenCV's constant.
    """
    # The second map must be None: given an empty one, OpenCV 5 reads memory that is not its own.
    nothing = cast("FloatImage", None)
    fetched = cv2.remap(image, source_px, nothing, interpolation, borderMode=border)
    return np.asarray(fetched, np.float32)


def log_uniform(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """Draw a number between two positive limits whose logarithm is uniform."""
    return float(np.exp(rng.uniform(*np.log(limits))))


class OrnsteinUhlenbeck:
    """Ornstein-Uhlenbeck process: random numbers with a correlation time.

    dx = -(x - mean)/T dt + sigma sqrt(2/T) dW, discretised exactly, so that
    the standard deviation is sigma for every step size.

    Args:
        rng: random generator.
        mean: long-term mean, (n,).
        sigma: standard deviation, (n,).
        time_s: correlation time T, > 0.
        step_s: time between two values, > 0.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        mean: NDArray[np.float64],
        sigma: NDArray[np.float64],
        *,
        time_s: float,
        step_s: float,
    ) -> None:
        self._rng = rng
        self._mean, self._sigma = mean, sigma
        self._memory = math.exp(-step_s / time_s)
        self._deviation = rng.standard_normal(mean.shape)

    def step(self) -> NDArray[np.float64]:
        """Advance by one step; returns the new value, of the shape of the mean."""
        fresh = self._rng.standard_normal(self._mean.shape)
        self._deviation = self._memory * self._deviation + math.sqrt(1.0 - self._memory**2) * fresh
        return self._mean + self._sigma * self._deviation


def power_law_field(
    rng: np.random.Generator,
    shape: tuple[int, int],
    *,
    slope: float,
    largest_px: float,
    stretch: float = 1.0,
    angle: float = 0.0,
) -> FloatImage:
    """Draw a periodic random field with the power spectrum (k^2 + k0^2)^(-slope/2).

    Args:
        rng: random generator.
        shape: rows and columns.
        slope: exponent of the two-dimensional power spectrum; about 3 resembles clouds.
        largest_px: size 1/k0 of the largest structures.
        stretch: ratio of length to width of the structures.
        angle: direction of their length, in radians from the rows.

    Returns:
        float32, `shape`, mean 0, standard deviation 1.
    """
    rows, columns = shape
    ky = np.fft.fftfreq(rows)[:, None]
    kx = np.fft.rfftfreq(columns)[None, :]
    lengthwise = stretch * (math.cos(angle) * kx + math.sin(angle) * ky)
    crosswise = math.cos(angle) * ky - math.sin(angle) * kx
    amplitude = (lengthwise**2 + crosswise**2 + largest_px**-2) ** (-slope / 4.0)
    amplitude[0, 0] = 0.0
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) * amplitude
    field = np.fft.irfft2(spectrum, shape)
    return np.asarray(field / field.std(), np.float32)
