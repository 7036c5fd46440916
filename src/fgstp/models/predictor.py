"""What all models do with a video, with or without torch."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.models.session import NO_PROMPT, Prediction, Prompt, PromptKind, Session, checked


class VideoPredictor(ABC):
    """Turns the frames of a video into maps of the probability of gas.

    Models are `fgstp.models.base.Predictor`s, which are built on torch; models that were exported
    are not.

    Attributes:
        settings: its settings.
        session_class: type of its sessions; settings may decide it.
        frame_threshold: score from which a frame is taken to hold gas, chosen on validation
            clips by training; None if there were none.
    """

    settings: Any
    session_class: type[Session]
    frame_threshold: float | None = None

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name in the registry."""

    @property
    @abstractmethod
    def prompt_kind(self) -> PromptKind:
        """Kind of prompt that its sessions need."""

    @property
    @abstractmethod
    def fingerprint(self) -> str | None:
        """SHA-256 of its weights, as a file of safetensors; None if it has none."""

    @property
    def label(self) -> str:
        """Its method, where its settings choose one of several; else empty."""
        return ""

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

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Inside of the block, it predicts; a model of torch is then not trained."""
        yield
