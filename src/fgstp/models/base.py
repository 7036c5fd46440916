"""What all models have in common."""

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Generic, Literal, SupportsIndex, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fgstp.core.config import Settings
from fgstp.core.errors import UserError
from fgstp.footage.given_mask import first_frame_with_gas
from fgstp.models.features import VideoFeatures
from fgstp.models.sampling import Sampling, Windows
from fgstp.models.session import Prompt, Session
from fgstp.models.settings import OptimisationSettings

SettingsT = TypeVar("SettingsT", bound=Settings)
Needs = Literal["frames", "first_mask", "all_masks"]


class Model(ABC, Generic[SettingsT]):
    """A row of the tables: a network, how it is trained, and how it predicts a clip.

    Args:
        settings: its settings.
        initial_weights: load the files of weights that the settings name; without, such as
            before a checkpoint is loaded, those files need not exist.

    Attributes:
        settings_class: type of its settings.
        trainable: whether there is anything to train.
        encoders: names of its encoders in the network, for a rate of their own.
        may_diverge: whether a training whose loss becomes infinite or undefined after a finished
            epoch counts as a result, a failed one, instead of ending the command (in a training
            of one process).
        undecayed: ends of names of weights that do not decay, beside biases and the weights of
            normalisations.
        settings: its settings.
        network: its network, on the CPU and in training mode at first.
        session_class: type of its sessions; settings or the stage may decide it.
        stage: number of the stage of training that it is in, from 0.
    """

    settings_class: ClassVar[type[Settings]]
    trainable: ClassVar[bool] = True
    encoders: ClassVar[tuple[str, ...]] = ("encoder",)
    may_diverge: ClassVar[bool] = False
    undecayed: ClassVar[tuple[str, ...]] = ()
    network: nn.Module
    session_class: type[Session]

    def __init__(self, settings: SettingsT, *, initial_weights: bool = True) -> None:
        self.settings = settings
        self.stage = 0
        self._build()
        if initial_weights:
            self._load_initial_weights()

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in the registry, which its settings decide."""

    @property
    def label(self) -> str:
        """Its method, where its settings choose one of several; else empty."""
        return ""

    @abstractmethod
    def _build(self) -> None:
        """Set `network`, with weights drawn by torch's generator."""

    def _load_initial_weights(self) -> None:
        """Load the files of weights that the settings name."""

    @property
    def needs(self) -> Needs:
        """What it must be told of a clip: its frames alone, or masks too."""
        return "frames"

    @property
    def n_stages(self) -> int:
        """Stages of its training: one by default."""
        return 1

    def begin_stage(self, stage: int) -> None:
        """Get ready for a stage of training, with the best weights of the stage before.

        What it is trained on, how, and what it predicts may differ from then on. Weights that
        are not to change in the stage must not require a gradient.
        """
        self.stage = stage

    @property
    def optimisation(self) -> OptimisationSettings:
        """How its weights are changed in the present stage: by default as its settings say."""
        found: OptimisationSettings = self.settings.optimisation  # type: ignore[attr-defined]
        return found

    @property
    def sampling(self) -> Sampling:
        """What a sample of its training is: by default targets alone, without neighbours."""
        return Windows()

    @property
    def features(self) -> VideoFeatures | None:
        """Features of videos that its training reads; None: it reads frames alone."""
        return None

    @property
    def augmented(self) -> bool:
        """Whether samples are varied in the present stage, as the block `train` says."""
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
        """One step forward.

        Args:
            batch: samples of the model's own kind, on the network's device.
            progress: share of the training that is done, in [0, 1).

        Returns:
            The loss, a scalar with gradient, and its named parts, detached, for the log.
        """

    def session(
        self,
        height_px: int,
        width_px: int,
        fps_hz: float = 15.0,
        prompt: Prompt = Prompt(),  # noqa: B008 - it is immutable
        batch_frames: int = 1,
    ) -> Session:
        """Begin a session.

        Args:
            height_px: height of the frames.
            width_px: width of the frames.
            fps_hz: frame rate.
            prompt: what the model is given beside the frames.
            batch_frames: frames that may be held back to be predicted at once.
        """
        return self.session_class(self, (height_px, width_px), fps_hz, prompt, batch_frames)

    def _predict(self, frames: NDArray[np.uint8], prompt: Prompt) -> NDArray[np.float32]:
        """`predict_clip` with checked arguments, in evaluation mode and without gradients."""
        batch: int = getattr(self.settings, "batch_frames", 1)
        height, width = frames.shape[1:]
        session = self.session(height, width, prompt=prompt, batch_frames=batch)
        predictions = [each for frame in frames for each in session.push(frame)]
        return np.stack([each.map for each in [*predictions, *session.flush()]])

    def predict_clip(
        self,
        frames: NDArray[np.uint8],
        first_mask: NDArray[np.uint8] | None = None,
        *,
        first_frame: int = 0,
        masks: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.float32]:
        """Predict where gas is in every frame of a clip.

        Args:
            frames: (T, H, W) uint8, consecutive frames.
            first_mask: (H, W) uint8, 0/1: gas in one frame, for models that are given it; the
                others do not look at it.
            first_frame: number of that frame; nothing is found in the frames before it.
            masks: (T, H, W) uint8, 0/1: gas in every frame, for a model that is an oracle by
                its settings; the others do not look at it.

        Returns:
            (T, H, W) float32 in [0, 1]: probability of gas.

        Raises:
            UserError: frames or masks have another form, or a mask is lacking.
        """
        frames = np.asanyarray(frames)  # memory-mapped frames stay on disk
        if frames.ndim != 3 or frames.dtype != np.uint8 or 0 in frames.shape:
            raise UserError(
                f"Frames must be a uint8 array (T, H, W) of at least one frame; these are "
                f"{frames.dtype} {frames.shape}."
            )
        prompt = Prompt(first_mask, _frame_number(first_frame), masks, len(frames))
        self._check_prompt(prompt, frames.shape)
        with self.evaluating():
            return self._predict(frames, prompt)

    def predict_masked_clip(
        self, frames: NDArray[np.uint8], masks: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """Predict a clip whose masks are known, telling the model what it needs and no more.

        Args:
            frames: (T, H, W) uint8, consecutive frames.
            masks: (T, H, W) uint8, 0/1. A model that is given a mask is given that of the
                first frame with gas; an oracle is given all.

        Returns:
            As `predict_clip`.

        Raises:
            UserError: frames or masks have another form.
        """
        _check_masks(masks, np.shape(frames))
        if self.needs == "frames":
            return self.predict_clip(frames)
        if self.needs == "all_masks":
            return self.predict_clip(frames, masks=masks)
        first_frame = first_frame_with_gas(masks) or 0
        return self.predict_clip(frames, np.array(masks[first_frame]), first_frame=first_frame)

    def _check_prompt(self, prompt: Prompt, shape: tuple[int, ...]) -> None:
        if self.needs == "first_mask" and prompt.first_mask is None:
            raise UserError(
                f"{self.name} is given the mask of one frame; pass it as first_mask, and the "
                "number of the frame as first_frame."
            )
        if self.needs == "all_masks" and prompt.masks is None:
            raise UserError(f"{self.name} is an oracle by its settings; pass it the masks.")
        if prompt.first_mask is not None and np.shape(prompt.first_mask) != shape[1:]:
            raise UserError(
                f"The first mask must have the frames' size {shape[1:]}; it has "
                f"{np.shape(prompt.first_mask)}."
            )
        if not 0 <= prompt.first_frame < shape[0]:
            raise UserError(
                f"first_frame is {prompt.first_frame}, but the clip has the frames 0 to "
                f"{shape[0] - 1}."
            )
        if prompt.masks is not None:
            _check_masks(prompt.masks, shape)

    @property
    def device(self) -> torch.device:
        """Where the network is; one without weights is on the CPU."""
        return next((each.device for each in self.network.parameters()), torch.device("cpu"))

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Evaluation mode without gradients; the network is left in the mode it was in."""
        was_training = self.network.training
        self.network.eval()
        try:
            with torch.inference_mode():
                yield
        finally:
            self.network.train(was_training)


def _frame_number(given: SupportsIndex) -> int:
    """The number of a frame as an int: what numpy and torch count with is one too."""
    try:
        return operator.index(given)
    except TypeError as error:
        raise UserError(
            f"first_frame is {given!r}; give the number of a frame, a whole number from 0."
        ) from error


def _check_masks(masks: NDArray[np.uint8], shape: tuple[int, ...]) -> None:
    if np.shape(masks) != shape:
        raise UserError(
            f"The masks must have the frames' shape {shape}; they have {np.shape(masks)}."
        )
