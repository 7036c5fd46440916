"""An average of the weights over the steps, which is what is validated and kept."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

YOUNG = 10  # steps after which the average is no longer dominated by the last few


class KeepAverage(Callback):
    """Averages weights exponentially, and puts the average into the network for validation.

    After step n, average = d average + (1 - d) weights, with d = min(decay, (1 + n) / (10 + n)),
    so that a short training is not held back by its first weights. Whole numbers are copied.

    Must stand after what keeps or shows the best weights, which thereby sees the average.

    Args:
        network: the network that is trained.
        decay: the largest d, in (0, 1).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._network = network
        self._decay = decay
        self._n_steps = 0
        self._average: dict[str, Tensor] = {}
        self._trained: dict[str, Tensor] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with the first weights, unless a training goes on."""
        if not self._average:
            self._average = _copy(self._network)
        now = self._network.state_dict()
        self._average = {name: each.to(now[name].device) for name, each in self._average.items()}

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        """Take in the weights of a step."""
        self._n_steps += 1
        decay = min(self._decay, (1 + self._n_steps) / (YOUNG + self._n_steps))
        for name, now in self._network.state_dict().items():
            average = self._average[name]
            if average.is_floating_point():
                average.lerp_(now.detach(), 1 - decay)
            else:
                average.copy_(now)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the average into the network."""
        self._trained = _copy(self._network)
        self._network.load_state_dict(self._average)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put back the weights that are trained."""
        self._network.load_state_dict(self._trained)
        self._trained = {}

    def state_dict(self) -> dict[str, Any]:
        """What a continued run has to know."""
        return {"n_steps": self._n_steps, "average": self._average}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from it."""
        self._n_steps, self._average = state_dict["n_steps"], state_dict["average"]


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: each.detach().clone() for name, each in network.state_dict().items()}
