"""When the leak is on, and how strong it is."""

from collections.abc import Iterator

import numpy as np

# GasVid's eight release rates; class 0 stays invisible and stands for "no leak".
LEAK_RATES_G_PER_H: tuple[float, ...] = (
    5.3,
    277.7,
    713.1,
    958.8,
    1124.3,
    1389.8,
    1806.1,
    2051.6,
)

_SHORTEST_S = 6.0
_LONGEST_S = 15.0
# A pause of at least 2/3 of the leak before it keeps 40 % of the frames without a leak.
_PAUSE_PER_LEAK = 2.0 / 3.0


def leak_classes(rng: np.random.Generator, fps_hz: float) -> Iterator[int]:
    """Give the leak class of one frame after the other, without end.

    Leaks of a random class 1-7 and pauses (class 0) take turns, each 6-15 s long, so
    20 s of video hold both. Each pause is at least 2/3 as long as the leak before it.

    Args:
        rng: source of chance; it serves this schedule alone.
        fps_hz: frame rate, > 0.

    Yields:
        The class of each frame, 0-7.
    """
    previous_leak_s = 0.0
    leaking = bool(rng.random() < 0.5)
    # Segment borders are kept in seconds, so rounding to frames never adds up.
    end_s, frame = 0.0, 0
    while True:
        if leaking:
            duration_s = previous_leak_s = rng.uniform(_SHORTEST_S, _LONGEST_S)
            leak_class = int(rng.integers(1, len(LEAK_RATES_G_PER_H)))
        else:
            shortest_s = max(_SHORTEST_S, _PAUSE_PER_LEAK * previous_leak_s)
            duration_s = rng.uniform(shortest_s, _LONGEST_S)
            leak_class = 0
        end_s += duration_s
        while frame < end_s * fps_hz:
            yield leak_class
            frame += 1
        leaking = not leaking
