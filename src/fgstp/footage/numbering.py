"""Which frame a mask belongs to, in a file from which frames are missing."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import FootageError
from fgstp.footage.timing import Timing


def mask_numbers(
    annotated: Collection[int], n_frames: int, timing: Timing | None, remarks: list[str]
) -> NDArray[np.int64]:
    """Number by which the masks name each frame of a video.

    Masks count the frames that a file holds, or, where frames were lost after they were annotated,
    those that it held: then the times of the frames tell.

    Args:
        annotated: numbers that have a mask.
        n_frames: number of frames in the file, with those that cannot be decoded.
        timing: times of these frames; None for a constant frame rate.
        remarks: is extended by what was decided.

    Returns:
        (n_frames,) int64, ascending.

    Raises:
        FootageError: masks lie beyond the end of the video, which is not cut off, or nobody knows
            which frames are lost.
    """
    if timing is not None and timing.lost == "somewhere":
        raise FootageError(
            "frames of it are lost, nobody knows where, so that its masks may be of others; copy "
            "it again, or remove its masks"
        )
    numbers = np.arange(n_frames)
    first, length = min(annotated), max(annotated) - min(annotated) + 1
    is_dense = length == len(annotated)
    has_gaps = timing is not None and timing.has_gaps and timing.is_even
    if timing is not None and has_gaps and not (is_dense and length == n_frames):
        numbers = timing.slots
        remarks.append("masks are counted by time, since frames are missing in gaps")
    shifted = numbers - numbers[0] + first
    if first > numbers[0] and (
        set(annotated) == set(shifted) or (is_dense and length == shifted[-1] - first + 1)
    ):
        remarks.append(f"masks are numbered from {first}, and taken to begin at the first frame")
        return shifted
    beyond = [number for number in annotated if number > numbers[-1]]
    if beyond and first == 0 and timing is not None and timing.lost == "end":
        remarks.append(f"{len(beyond)} masks lie beyond its end, which is missing")
    elif beyond:
        raise FootageError(
            f"{len(beyond)} masks lie beyond its {numbers[-1] + 1} frames, the first is that of "
            f"frame {min(beyond)}; put the masks of this video there, numbered from 0"
        )
    return numbers
