"""Bilinear resizing with anti-aliasing by matrices, which every runtime computes alike."""

import numpy as np
from numpy.typing import NDArray


def resize_weights(n_in: int, n_out: int) -> NDArray[np.float32]:
    """Weights of the pixels of a side: under a triangle as wide as the larger pixel.

    With R those of the height and C those of the width, `R @ picture @ C.T` is what torch's
    `interpolate(mode="bilinear", antialias=True)` computes.

    Args:
        n_in: pixels of the side.
        n_out: pixels of the side of the result.

    Returns:
        (n_out, n_in) float32; each row adds up to 1.
    """
    scale = n_in / n_out
    centres = (np.arange(n_out) + 0.5) * scale
    distances = np.abs(np.arange(n_in) + 0.5 - centres[:, None]) / max(scale, 1.0)
    weights = np.maximum(1 - distances, 0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
