"""Sessions of exported models: what is around the network, by NumPy and OpenCV."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.models.blocks.resizing import resize_weights
from fgstp.models.blocks.statistics import RESIDUAL_NUMBERS, InnovationStatistics
from fgstp.models.blocks.windows import WindowSession
from fgstp.models.mg.flow import DisFlow, VideoFlow, coloured
from fgstp.models.mg.flow_session import FlowSession
from fgstp.models.session import Session

if TYPE_CHECKING:
    from fgstp.models.exported.predictor import ExportedPredictor

Frame = NDArray[np.uint8]
Map = NDArray[np.float32]


class StepSession(Session):
    """A step a frame; the first and the last frame stand in for those beyond the ends."""

    model: "ExportedPredictor"

    def _begin(self) -> None:
        shown, *state = self.model.graph.shapes
        size = shown[2], shown[3]
        is_frame = self.model.facts.shown == "grey"
        self._resize = Resize(self.size, size)
        self._statistics = None if is_frame else InnovationStatistics(*size)
        self._state = [np.zeros(shape, np.float32) for shape in state]
        offsets = (0, *self.model.offsets_frames)
        self._n_before, self._n_after = -min(offsets), max(offsets)
        self._last: Map | None = None  # what was shown of the last frame

    def _push(self, frame: Frame) -> Iterator[Map]:
        shown = self._shown(frame)
        if self._last is None:
            for _ in range(self._n_before):
                self._step(shown)
        self._last = shown
        logits = self._step(shown)
        if self._n_pushed > self._n_after:
            yield probabilities(logits, self.size)

    def _skip(self, frame: Frame) -> Iterable[Map | None]:
        if self._state:
            return self._push(frame)
        if self._statistics is not None:
            self._statistics.skip(frame, self._times_s[-1])
        return [None]

    def _flush(self) -> Iterator[Map]:
        if self._last is None:
            return
        for number in range(self._n_pushed - self._n_after, self._n_pushed):
            logits = self._step(self._last)
            if number >= 0:
                yield probabilities(logits, self.size)

    def _shown(self, frame: Frame) -> Map:
        """What the network is shown of a frame, (1, C, h, w)."""
        if self._statistics is None:
            return self._resize(frame)[None, None]
        channels = self._statistics.update(frame, self._times_s[-1])
        is_part = self.model.facts.shown == "residuals"
        return (channels[RESIDUAL_NUMBERS] if is_part else channels)[None]

    def _step(self, shown: Map) -> Map:
        """Logits (h, w) after one more step."""
        logits, *self._state = self.model.graph.run(shown, *self._state)
        return logits[0, 0]


class WindowStepSession(WindowSession):
    """A step a window."""

    model: "ExportedPredictor"

    def _begin(self) -> None:
        super()._begin()
        self.n_frames, _, *size = self.model.graph.shapes[0]
        self._resize = Resize(self.size, (size[0], size[1]))

    def windows(self, frames: Frame) -> Map:
        """Maps of windows."""
        return np.stack([self._window(each) for each in frames])

    def _window(self, frames: Frame) -> Map:
        shown = np.stack([self._resize(frame) for frame in frames])[:, None]
        (logits,) = self.model.graph.run(shown)
        return np.stack([probabilities(each[0], self.size) for each in logits])


class FlowStepSession(FlowSession):
    """A step a frame, on its flow to other frames."""

    model: "ExportedPredictor"

    def video_flow(self) -> VideoFlow:
        """Flow of the same settings as in training."""
        size = self.model.graph.shapes[0][2:]
        preset = self.model.settings["flow"]["preset"]
        return VideoFlow(DisFlow(preset), self.model.offsets_frames, *size)

    def maps(self, fields: NDArray[np.float32]) -> Map:
        """Maps of frames."""
        shown = coloured(fields) if self.model.settings["flow_picture"] else fields
        steps = (self.model.graph.run(shown[:, number])[0] for number in range(shown.shape[1]))
        return np.stack([resized(each[0, 0], self.size) for each in steps])


class Resize:
    """Resizes frames as `fgstp.models.blocks.frames.at_size` does: bilinear, anti-aliased.

    Args:
        size: height and width of the frames.
        to: height and width of the result.
    """

    def __init__(self, size: tuple[int, int], to: tuple[int, int]) -> None:
        self._rows, self._columns = (resize_weights(*each) for each in zip(size, to, strict=True))

    def __call__(self, frame: Frame) -> Map:
        """A frame (H, W) uint8 -> float32 in [0, 1]."""
        grey = frame.astype(np.float32) / np.float32(255)
        return np.asarray(self._rows @ grey @ self._columns.T)


def resized(picture: Map, size: tuple[int, int]) -> Map:
    """(h, w) -> (H, W): bilinear, corners not aligned, no anti-aliasing."""
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=cv2.INTER_LINEAR))


def probabilities(logits: Map, size: tuple[int, int]) -> Map:
    """Logits (h, w) -> (H, W) in [0, 1]: resized, then squashed."""
    half = np.float32(0.5)
    found: Map = half + half * np.tanh(half * resized(logits, size))
    return found
