"""How the learning rate goes on within a training: factors of it, by step."""

import math
from collections.abc import Callable

from fgstp.models.settings import HALVED_AT, OptimisationSettings
from fgstp.training.settings import TrainSettings

Factor = Callable[[int], float]
POWER, LAST_SHARE = 0.9, 0.05  # of the polynomial
FIRST_PERIOD_STEPS, GROWTH, FLOOR = 5, 1.2, 0.01  # of the restarts


def schedule(
    own: OptimisationSettings, settings: TrainSettings, *, n_steps: int, steps_per_epoch: int
) -> Factor:
    """The factor of the learning rate at each step.

    Args:
        own: what the system says.
        settings: the block `train`, which says where the rate drops.
        n_steps: steps of the whole training.
        steps_per_epoch: steps of an epoch.

    Returns:
        A function of the number of the step, from 0.
    """

    def drop(step: int) -> float:
        # An epoch counts from 1 where the rate drops.
        return 0.1 ** ((step // steps_per_epoch + 1) // settings.drop_every_epochs)

    def polynomial(step: int) -> float:
        left = max(0.0, 1 - step / n_steps)
        return float(LAST_SHARE + (1 - LAST_SHARE) * left**POWER)

    def halving(step: int) -> float:
        return 0.5 ** sum(step >= share * n_steps for share in HALVED_AT)

    body = {
        "drop": drop,
        "constant": lambda step: 1.0,
        "polynomial": polynomial,
        "halving": halving,
        "cosine_restarts": cosine_restarts,
    }[own.schedule]
    warm_up = own.warm_up_fraction * n_steps

    def factor(step: int) -> float:
        return body(step) * (min(1.0, (step + 1) / warm_up) if warm_up else 1.0)

    return factor


def cosine_restarts(step: int) -> float:
    """Cosine from 1 to 0.01, again and again, each time over 1.2 times as many steps, rounded up.

    The first time has 5 steps (SLT-Net's long-term training).

    Args:
        step: number of the step, from 0.
    """
    period = FIRST_PERIOD_STEPS
    while step >= period:
        step -= period
        period = math.ceil(GROWTH * period)
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * step / period)) / 2
