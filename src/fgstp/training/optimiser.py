"""The optimiser of a model."""

from typing import Any, Literal, NamedTuple

from torch import nn
from torch.optim import Adam, AdamW, Optimizer

from fgstp.models.registry import AnyModel
from fgstp.models.settings import OptimisationSettings
from fgstp.training.settings import TrainSettings


class Clipping(NamedTuple):
    """How gradients are kept small.

    Attributes:
        at: largest size; None: they are left as they are.
        by: `value`, the size of an element, or `norm`, that of the whole gradient.
    """

    at: float | None
    by: Literal["value", "norm"]


def clipping(own: OptimisationSettings, settings: TrainSettings) -> Clipping:
    """How the gradients of a model are kept small.

    Args:
        own: what the system says.
        settings: the block `train`, which decides unless the model does.
    """
    if own.clip == "norm":
        return Clipping(own.clip_norm, "norm")
    return Clipping(settings.gradient_clip_value if own.clip == "train" else None, "value")


def _normalising(network: nn.Module) -> set[int]:
    """The weights of normalisations, by identity."""
    kinds = (nn.LayerNorm, nn.GroupNorm, nn.modules.batchnorm._NormBase)
    normalisations = (module for module in network.modules() if isinstance(module, kinds))
    return {id(weights) for module in normalisations for weights in module.parameters()}


def optimiser(model: AnyModel, settings: TrainSettings) -> Optimizer:
    """The optimiser of all weights of a model that are trained in its present stage.

    Args:
        model: the model.
        settings: the block `train`, which says the learning rate unless the model does.

    Returns:
        Adam or AdamW, with a group of weights for each rate and decay.
    """
    own, normalising = model.optimisation, _normalising(model.network)
    rate = own.learning_rate or settings.learning_rate
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, weights in model.network.named_parameters():
        if weights.requires_grad:
            in_encoder = name.startswith(tuple(f"{each}." for each in model.encoders))
            own_rate = rate * own.encoder_lr_scale if in_encoder else rate
            is_plain = weights.ndim < 2 or id(weights) in normalising
            keeps = is_plain or name.endswith(model.undecayed)
            decay = 0.0 if keeps else own.weight_decay
            groups.setdefault((own_rate, decay), []).append(weights)
    parameters: list[dict[str, Any]] = [
        {"params": members, "lr": own_rate, "weight_decay": decay}
        for (own_rate, decay), members in groups.items()
    ]
    return {"adam": Adam, "adamw": AdamW}[own.optimiser](parameters, lr=rate)
