"""Which two frames a target frame is compared with."""

from typing import Literal

NeighbourMode = Literal["centred", "forward", "causal"]
OFFSETS_FRAMES: dict[NeighbourMode, tuple[int, int]] = {
    "centred": (-1, 1),  # the paper
    "forward": (1, 2),  # the released code
    "causal": (-1, -2),  # live: no frame of the future
}


def neighbours(frame: int, n_frames: int, mode: NeighbourMode) -> tuple[int, int]:
    """The two neighbours of a frame in its clip.

    A neighbour before the first or after the last frame is replaced by the nearest frame
    there is, which at the very end is the target itself: a neighbour in which nothing moves.

    Args:
        frame: number of the target frame, from 0.
        n_frames: frames of the clip.
        mode: where the neighbours lie.

    Returns:
        Numbers of two frames, each in [0, n_frames).
    """
    first, second = (min(max(frame + offset, 0), n_frames - 1) for offset in OFFSETS_FRAMES[mode])
    return first, second
