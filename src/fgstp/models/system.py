"""What all systems have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fgstp.errors import UserError
from fgstp.footage.settings import Settings

SettingsT = TypeVar("SettingsT", bound=Settings)


class System(ABC, Generic[SettingsT]):
    """A row of the tables: a network, how it is trained, and how it predicts a clip.

    Args:
        settings: its settings.
        initial_weights: load the files of weights that the settings name; without, such as
            before a checkpoint is loaded, those files need not exist.

    Attributes:
        settings_class: type of its settings.
        trainable: whether there is anything to train.
        settings: its settings.
        network: its network, on the CPU and in training mode at first.
    """

    settings_class: ClassVar[type[Settings]]
    trainable: ClassVar[bool] = True
    network: nn.Module

    def __init__(self, settings: SettingsT, *, initial_weights: bool = True) -> None:
        self.settings = settings
        self._build()
        if initial_weights:
            self._load_initial_weights()

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in the registry, which its settings decide."""

    @abstractmethod
    def _build(self) -> None:
        """Set `network`, with weights drawn by torch's generator."""

    def _load_initial_weights(self) -> None:
        """Load the files of weights that the settings name."""

    @property
    def offsets_frames(self) -> tuple[int, ...]:
        """Where, beside a target, the frames lie that it looks at in training: none by default."""
        return ()

    @abstractmethod
    def training_step(self, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:  # noqa: ANN401
        """One step forward.

        Args:
            batch: samples of the system's own kind, on the network's device.

        Returns:
            The loss, a scalar with gradient, and its named parts, detached, for the log.
        """

    @abstractmethod
    def _predict(
        self, frames: NDArray[np.uint8], first_mask: NDArray[np.uint8] | None
    ) -> NDArray[np.float32]:
        """`predict_clip` with checked arguments, in evaluation mode and without gradients."""

    def predict_clip(
        self, frames: NDArray[np.uint8], first_mask: NDArray[np.uint8] | None = None
    ) -> NDArray[np.float32]:
        """Predict where gas is in every frame of a clip.

        Args:
            frames: (T, H, W) uint8, consecutive frames.
            first_mask: (H, W) uint8, 0/1: gas in the first frame, for systems that are
                given it; the others do not look at it.

        Returns:
            (T, H, W) float32 in [0, 1]: probability of gas.

        Raises:
            UserError: frames or mask have another form.
        """
        frames = np.asanyarray(frames)  # memory-mapped frames stay on disk
        if frames.ndim != 3 or frames.dtype != np.uint8 or 0 in frames.shape:
            raise UserError(
                f"Frames must be a uint8 array (T, H, W) of at least one frame; these are "
                f"{frames.dtype} {frames.shape}."
            )
        if first_mask is not None and np.shape(first_mask) != frames.shape[1:]:
            raise UserError(
                f"The first mask must have the frames' size {frames.shape[1:]}; it has "
                f"{np.shape(first_mask)}."
            )
        with self._evaluating():
            return self._predict(frames, first_mask)

    @property
    def device(self) -> torch.device:
        """Where the network is; one without weights is on the CPU."""
        return next((each.device for each in self.network.parameters()), torch.device("cpu"))

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        """Evaluation mode without gradients; the network is left in the mode it was in."""
        was_training = self.network.training
        self.network.eval()
        try:
            with torch.inference_mode():
                yield
        finally:
            self.network.train(was_training)
