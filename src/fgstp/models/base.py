"""What all models have in common: settings, sessions, predictions and, of some, training."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fgstp.core.config import Settings
from fgstp.core.errors import UserError
from fgstp.models.registry import ModelInfo, info_of
from fgstp.models.sampling import Sampling, VideoFeatures, Windows
from fgstp.models.session import NO_PROMPT, Prediction, Prompt, PromptKind, Session, checked
from fgstp.models.settings import OptimisationSettings

SettingsT = TypeVar("SettingsT", bound=Settings)


class Predictor(nn.Module, ABC, Generic[SettingsT]):
    """A model: turns the frames of a video into maps of the probability of gas.

    A model that is trained is a `Model`; a classical method is a predictor alone.

    Attributes:
        settings_class: type of its settings.
        session_class: type of its sessions; settings may decide it.
        frame_threshold: score from which a frame is taken to hold gas, chosen on validation
            clips by training; None if there were none.
        fingerprint: SHA-256 of the file of its weights; None if they come from none.
    """

    settings_class: ClassVar[type[Settings]]
    session_class: type[Session]
    frame_threshold: float | None = None
    fingerprint: str | None = None

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
    def label(self) -> str:
        """Its method, where its settings choose one of several; else empty."""
        return ""

    @property
    def prompt_kind(self) -> PromptKind:
        """Kind of prompt that its sessions need."""
        return self.info.prompt

    @property
    def offsets_frames(self) -> tuple[int, ...]:
        """Offsets from a frame to the neighbours that its prediction depends on."""
        return ()

    def context_s(self, fps_hz: float) -> float:
        """Footage before a frame, in seconds, on which its prediction depends; may be infinite."""
        return -min(0, *self.offsets_frames, 0) / fps_hz

    @property
    def delay_frames(self) -> int:
        """Frames after a frame that are pushed before its prediction comes."""
        return max(0, *self.offsets_frames, 0)

    def session(
        self,
        height_px: int,
        width_px: int,
        fps_hz: float = 15.0,
        prompt: Prompt = NO_PROMPT,
        batch_frames: int = 1,
    ) -> Session:
        """Begin a session.

        Args:
            height_px: height of the frames.
            width_px: width of the frames.
            fps_hz: frame rate.
            prompt: input besides the frames, such as the mask of one frame.
            batch_frames: maximum number of frames that are predicted at once.

        Raises:
            UserError: the prompt lacks a mask that the model needs, or a mask does not fit.

        Example:
            >>> import numpy as np
            >>> from fgstp import create_model
            >>> session = create_model("background").session(60, 80, fps_hz=15.0)
            >>> [prediction] = session.push(np.zeros((60, 80), np.uint8))
            >>> prediction.frame, prediction.map.shape, session.flush()
            (0, (60, 80), [])
        """
        size = height_px, width_px
        given = checked(prompt, self.prompt_kind, size, self.name)
        return self.session_class(self, size, fps_hz, given, batch_frames)

    def predict(
        self,
        frames: NDArray[np.uint8],
        fps_hz: float = 15.0,
        prompt: Prompt = NO_PROMPT,
        n_context: int = 0,
    ) -> NDArray[np.float32]:
        """Predict where gas is in every frame of a video.

        Args:
            frames: (T, H, W) uint8, consecutive frames.
            fps_hz: frame rate.
            prompt: input besides the frames; ignored by models without a prompt.
            n_context: the first frames that are context alone, and not predicted.

        Returns:
            (T - n_context, H, W) float32 in [0, 1]: probability of gas.

        Raises:
            UserError: frames or masks have a wrong shape or type, or a mask is missing.
        """
        predictions = self.predictions(frames, fps_hz, prompt, n_context)
        return np.stack([each.map for each in predictions])

    def predictions(
        self,
        frames: NDArray[np.uint8],
        fps_hz: float = 15.0,
        prompt: Prompt = NO_PROMPT,
        n_context: int = 0,
    ) -> list[Prediction]:
        """Predict every frame of a video, with its score; see `predict`."""
        frames = np.asanyarray(frames)  # memory-mapped frames stay on disk
        if frames.ndim != 3 or frames.dtype != np.uint8 or 0 in frames.shape:
            raise UserError(
                f"Frames must be a uint8 array (T, H, W) of at least one frame; these are "
                f"{frames.dtype} {frames.shape}."
            )
        n_frames, height, width = frames.shape
        if not 0 <= n_context < n_frames:
            raise UserError(
                f"n_context is {n_context}; choose 0 to {n_frames - 1}, so that one of the "
                f"{n_frames} frames is left to be predicted."
            )
        batch: int = getattr(self.settings, "batch_frames", 1)
        prompt = prompt._replace(n_frames=n_frames)
        session = self.session(height, width, fps_hz, prompt, batch)
        predictions = [
            each
            for number, frame in enumerate(frames)
            for each in session.push(frame, is_wanted=number >= n_context)
        ]
        return [*predictions, *session.flush()]

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
