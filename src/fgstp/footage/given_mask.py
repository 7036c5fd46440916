"""The frame whose mask some models are given: the first of a clip that has gas."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def first_frame_with_gas(masks: Iterable[NDArray[np.bool_] | NDArray[np.uint8]]) -> int | None:
    """Find the first frame with gas of a clip.

    Args:
        masks: (T, H, W), or T masks (H, W); what is not 0 is gas. None is looked at after the
            frame that is found.

    Returns:
        Its number from 0; None if no frame has gas.
    """
    return next((number for number, mask in enumerate(masks) if mask.any()), None)
