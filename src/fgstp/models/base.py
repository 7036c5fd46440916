"""What all models have in common: settings, sessions, predictions and, of some, training."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from fgstp.core.config import Settings
from fgstp.core.errors import UserError
from fgstp.models.blocks.steps import Step
from fgstp.models.predictor import VideoPredictor
from fgstp.models.registry import ModelInfo, info_of
from fgstp.models.sampling import Sampling, VideoFeatures, Windows
from fgstp.models.session import PromptKind
from fgstp.models.settings import OptimisationSettings
from fgstp.models.state_dicts import weights_content

SettingsT = TypeVar("SettingsT", bound=Settings)


class Predictor(nn.Module, VideoPredictor, Generic[SettingsT]):
    """A model: turns the frames of a video into maps of the probability of gas.

    A model that is trained is a `Model`; a classical method is a predictor alone.

    Attributes:
        settings_class: type of its settings.
    """

    settings_class: ClassVar[type[Settings]]
    settings: SettingsT

    def __init__(self, settings: SettingsT) -> None:
        super().__init__()
        self.settings = settings
        self._build()

    @abstractmethod
    def _build(self) -> None:
        """Build what depends on the settings, such as the network."""

    @property
    def info(self) -> ModelInfo:
        """Its entry in the registry."""
        return info_of(type(self), self.settings)

    @property
    def name(self) -> str:
        """Its name in the registry."""
        return self.info.name

    @property
    def prompt_kind(self) -> PromptKind:
        """Kind of prompt that its sessions need."""
        return self.info.prompt

    @property
    def fingerprint(self) -> str | None:
        """SHA-256 of its weights, as a file of safetensors; None if it has none."""
        weights = self.state_dict()
        return sha256(weights_content(weights)).hexdigest() if weights else None

    @property
    def device(self) -> torch.device:
        """Where its weights are; a model without weights is on the CPU."""
        return next((each.device for each in self.parameters()), torch.device("cpu"))

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Evaluation mode without gradients; the model is left in the mode it was in."""
        was_training = self.training
        self.eval()
        try:
            with torch.inference_mode():
                yield
        finally:
            self.train(was_training)

    def step(self) -> Step:
        """What is exported of it: the network's part of one step of a session.

        Raises:
            UserError: it has none that can be exported.
        """
        raise UserError(f"{self.name} has no network that can be exported; choose another model.")


AnyPredictor = Predictor[Any]


class Model(Predictor[SettingsT]):
    """A network, how it is trained, and how it predicts.

    Args:
        settings: its settings.
        initial_weights: load the files of weights that the settings name. If false, as before a
            checkpoint is loaded, those files need not exist.

    Attributes:
        encoders: names of its encoders in the network, for a rate of their own.
        undecayed: ends of names of weights that do not decay, besides biases and the weights of
            normalisations.
        network: its network, on the CPU and in training mode at first.
        stage: number of the stage of training that it is in, from 0.
    """

    encoders: ClassVar[tuple[str, ...]] = ("encoder",)
    undecayed: ClassVar[tuple[str, ...]] = ()
    network: nn.Module

    def __init__(self, settings: SettingsT, *, initial_weights: bool = True) -> None:
        super().__init__(settings)
        self.stage = 0
        if initial_weights:
            self._load_initial_weights()

    @abstractmethod
    def _build(self) -> None:
        """Set `network`, with weights drawn by torch's generator."""

    def _load_initial_weights(self) -> None:
        """Load the files of weights that the settings name."""

    @property
    def n_stages(self) -> int:
        """Stages of its training: one by default."""
        return 1

    def begin_stage(self, stage: int) -> None:
        """Prepare a stage of training, which starts from the best weights of the stage before.

        Sampling, loss, optimisation and predictions may differ between stages. Weights that stay
        fixed in the stage must not require a gradient.
        """
        self.stage = stage

    @property
    def optimisation(self) -> OptimisationSettings:
        """Optimisation in the present stage: by default that of its settings."""
        found: OptimisationSettings = self.settings.optimisation  # type: ignore[attr-defined]
        return found

    @property
    def sampling(self) -> Sampling:
        """Its training samples: by default targets with the neighbours at `offsets_frames`."""
        return Windows(self.offsets_frames)

    @property
    def features(self) -> VideoFeatures | None:
        """Features of videos that it is trained on; None: it is trained on frames."""
        return None

    @property
    def augmented(self) -> bool:
        """Whether samples are augmented in the present stage, by the settings of `train`."""
        return True

    @property
    def sample_size(self) -> tuple[int, int]:
        """Height and width of the frames of a sample: by default those it works at."""
        return self.settings.height_px, self.settings.width_px  # type: ignore[attr-defined]

    @abstractmethod
    def training_step(
        self,
        batch: Any,  # noqa: ANN401
        progress: float,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the loss of a batch.

        Args:
            batch: samples of the model's own kind, on the network's device.
            progress: share of the training that is done, in [0, 1).

        Returns:
            The loss, a scalar with gradient, and its named parts, detached, for the log.
        """


AnyModel = Model[Any]
