"""When the leak is on."""

from collections.abc import Iterator

import numpy as np

from fgstp.plumes.conditions import LeakConditions
from fgstp.plumes.fields import log_uniform

# GasVid's eight release rates; class 0 is invisible and means "no leak".
LEAK_RATES_G_PER_H = (5.3, 277.7, 713.1, 958.8, 1124.3, 1389.8, 1806.1, 2051.6)

# A pause of at least 2/3 of the preceding leak keeps 40 % of the frames free of leaks.
_PAUSE_PER_LEAK = 2.0 / 3.0


def leak_classes(
    rng: np.random.Generator, fps_hz: float, conditions: LeakConditions
) -> Iterator[int]:
    """Yield the leak class 0-7 of each frame, without end.

    Leaks of a random class 1-7 and pauses (class 0) alternate. Each pause lasts at least 2/3 of
    the preceding leak.
    """
    shortest_s, longest_s = conditions.phase_s
    previous_leak_s = 0.0
    leaking = bool(rng.random() < conditions.started_fraction)
    # Ends of segments are kept in seconds, so that rounding to frames does not accumulate.
    end_s, frame = 0.0, 0
    while True:
        if leaking:
            duration_s = previous_leak_s = log_uniform(rng, conditions.phase_s)
            leak_class = int(rng.integers(1, len(LEAK_RATES_G_PER_H)))
        else:
            pause_s = max(shortest_s, _PAUSE_PER_LEAK * previous_leak_s)
            duration_s = log_uniform(rng, (pause_s, longest_s))
            leak_class = 0
        end_s += duration_s
        while frame < end_s * fps_hz:
            yield leak_class
            frame += 1
        leaking = not leaking
