"""Image types, and two OpenCV operations that several modules use."""

import cv2
import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]
GreyImage = NDArray[np.uint8]


def blurred(image: FloatImage, sigma_px: float) -> FloatImage:
    """Blur with a Gaussian kernel.

    Args:
        image: float32 (H, W).
        sigma_px: standard deviation, > 0.

    Returns:
        float32 (H, W).
    """
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), np.float32)


def moved(image: FloatImage, shift_px: NDArray[np.float64], *, periodic: bool) -> FloatImage:
    """Shift by a fraction of a pixel.

    Args:
        image: float32 (H, W).
        shift_px: (2,), right and down.
        periodic: wrap around at the edges; otherwise the edge is repeated.

    Returns:
        float32 (H, W).
    """
    matrix = np.array([[1.0, 0.0, shift_px[0]], [0.0, 1.0, shift_px[1]]])
    size = (image.shape[1], image.shape[0])
    border = cv2.BORDER_WRAP if periodic else cv2.BORDER_REPLICATE
    shifted = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(shifted, np.float32)
