"""The optimiser of a system."""

from typing import Any

from torch import nn
from torch.optim import Adam, AdamW, Optimizer

from fgstp.models.registry import AnySystem
from fgstp.training.settings import TrainSettings


def optimiser(system: AnySystem, settings: TrainSettings) -> Optimizer:
    """The optimiser of all weights of a system that are trained in its present stage.

    Args:
        system: the system.
        settings: the block `train`, which says the learning rate unless the system does.

    Returns:
        Adam or AdamW, with a group of weights for each rate and decay.
    """
    own = system.optimisation
    rate = own.learning_rate or settings.learning_rate
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, weights in system.network.named_parameters():
        if weights.requires_grad:
            in_encoder = name.startswith(tuple(f"{each}." for each in system.encoders))
            own_rate = rate * own.encoder_rate if in_encoder else rate
            decay = own.weight_decay if weights.ndim > 1 else 0.0
            groups.setdefault((own_rate, decay), []).append(weights)
    parameters: list[dict[str, Any]] = [
        {"params": members, "lr": own_rate, "weight_decay": decay}
        for (own_rate, decay), members in groups.items()
    ]
    return {"adam": Adam, "adamw": AdamW}[own.optimiser](parameters, lr=rate)
