"""The picture of a scene while it is painted, back to front."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.plumes.fields import FloatImage

_FRACTIONS = ("sky", "backdrop", "vegetation", "water")


@dataclass
class Canvas:
    """Temperatures, and the fraction of each pixel that shows what moves.

    Attributes:
        temperature_k: float32 (H, W), apparent temperature relative to the air.
        sky: float32 (H, W), 0-1, fraction that shows sky.
        backdrop: float32 (H, W), 0-1, fraction that equipment does not hide: sky or ground.
        vegetation: float32 (H, W), 0-1, fraction that shows leaves and grass.
        water: float32 (H, W), 0-1, fraction that shows water.
    """

    temperature_k: FloatImage
    sky: FloatImage = field(init=False)
    backdrop: FloatImage = field(init=False)
    vegetation: FloatImage = field(init=False)
    water: FloatImage = field(init=False)

    def __post_init__(self) -> None:
        self.sky, self.backdrop = np.ones((2, *self.shape), np.float32)
        self.vegetation, self.water = np.zeros((2, *self.shape), np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.temperature_k.shape
        return rows, columns

    def cover(
        self,
        alpha: NDArray[np.floating],
        temperature_k: NDArray[np.floating] | float,
        *,
        vegetation: float = 0.0,
        water: float = 0.0,
    ) -> None:
        """Paint over the picture.

        Args:
            alpha: (H, W), 0-1, fraction of each pixel that is painted.
            temperature_k: what is painted, a number or (H, W).
            vegetation: fraction of the paint that is leaves or grass.
            water: fraction of the paint that is water.
        """
        alpha = np.asarray(alpha, np.float32)
        self.temperature_k += alpha * (np.asarray(temperature_k, np.float32) - self.temperature_k)
        self.sky *= 1.0 - alpha
        self.vegetation += alpha * (np.float32(vegetation) - self.vegetation)
        self.water += alpha * (np.float32(water) - self.water)

    def hide(self, alpha: FloatImage) -> None:
        """Note that equipment hides the fraction `alpha`, float32 (H, W), 0-1, of each pixel."""
        for name in _FRACTIONS:
            setattr(self, name, getattr(self, name) * (1.0 - alpha))

    def averaged(self, shape: tuple[int, int]) -> "Canvas":
        """The same picture, smaller: each pixel averages, as that of a detector."""
        small = Canvas(_averaged(self.temperature_k, shape))
        for name in _FRACTIONS:
            setattr(small, name, _averaged(getattr(self, name), shape))
        return small


def polygon(shape: tuple[int, int], corners: NDArray[np.floating]) -> FloatImage:
    """Fraction of each pixel inside a polygon with corners (N, 2), x and y: float32 (H, W)."""
    cover = np.zeros(shape, np.uint8)
    # OpenCV takes coordinates as integers with 4 fractional bits.
    cv2.fillPoly(cover, [np.rint(16.0 * corners).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cover.astype(np.float32) / np.float32(255.0)


def _averaged(fine: FloatImage, shape: tuple[int, int]) -> FloatImage:
    return np.asarray(cv2.resize(fine, shape[::-1], interpolation=cv2.INTER_AREA), np.float32)
