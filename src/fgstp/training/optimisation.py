"""The optimiser of a model and the schedule of its learning rate."""

import math
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Adam, AdamW, Optimizer

from fgstp.models.base import AnyModel
from fgstp.models.settings import HALVED_AT, OptimisationSettings
from fgstp.training.settings import TrainSettings

Factor = Callable[[int], float]
POWER, LAST_FRACTION = 0.9, 0.05  # of the schedule `polynomial`
FIRST_PERIOD_STEPS, GROWTH, FLOOR = 5, 1.2, 0.01  # of the schedule `cosine_restarts`
NORMALISATIONS = (nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._NormBase)


def optimiser(model: AnyModel, settings: TrainSettings) -> Optimizer:
    """The optimiser of all weights that the present stage of a model trains.

    Args:
        model: the model.
        settings: the block `train`, whose learning rate counts unless the model has its own.

    Returns:
        Adam or AdamW, with a group of parameters for each learning rate and weight decay.
    """
    own = model.optimisation
    rate = own.learning_rate or settings.learning_rate
    encoders = tuple(f"{name}." for name in model.encoders)
    layers = (each for each in model.network.modules() if isinstance(each, NORMALISATIONS))
    undecayed = {id(weights) for layer in layers for weights in layer.parameters()}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, weights in model.network.named_parameters():
        if weights.requires_grad:
            own_rate = rate * own.encoder_lr_scale if name.startswith(encoders) else rate
            is_bias = weights.ndim < 2
            keeps = is_bias or id(weights) in undecayed or name.endswith(model.undecayed)
            groups.setdefault((own_rate, 0.0 if keeps else own.weight_decay), []).append(weights)
    parameters: list[dict[str, Any]] = [
        {"params": members, "lr": own_rate, "weight_decay": decay}
        for (own_rate, decay), members in groups.items()
    ]
    return {"adam": Adam, "adamw": AdamW}[own.optimiser](parameters, lr=rate)


def schedule(own: OptimisationSettings, settings: TrainSettings, n_steps: int) -> Factor:
    """Factor of the learning rate at each step.

    Args:
        own: settings of the model.
        settings: the block `train`, which says how many epochs there are and where the
            schedule `drop` drops.
        n_steps: steps of the whole training.

    Returns:
        A function of the number of the step, from 0.
    """

    def drop(step: int) -> float:
        # Epochs are counted from 1, and the rate drops when one begins.
        return 0.1 ** ((step * settings.epochs // n_steps + 1) // settings.drop_every_epochs)

    def polynomial(step: int) -> float:
        left = max(0.0, 1 - step / n_steps)
        return float(LAST_FRACTION + (1 - LAST_FRACTION) * left**POWER)

    def halving(step: int) -> float:
        return 0.5 ** sum(step >= fraction * n_steps for fraction in HALVED_AT)

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
    """Cosine from 1 to 0.01, restarted after 5 steps and then after periods 1.2 times as long.

    Lengths are rounded up. The schedule of SLT-Net's long-term training.

    Args:
        step: number of the step, from 0.
    """
    period = FIRST_PERIOD_STEPS
    while step >= period:
        step -= period
        period = math.ceil(GROWTH * period)
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * step / period)) / 2
