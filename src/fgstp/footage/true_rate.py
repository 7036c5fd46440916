"""Footage whose frame rate is another than it states, or that states none, such as pictures."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fgstp.core.fingerprint import fingerprint
from fgstp.footage.timing import Timing
from fgstp.footage.video import Frame, FrameSource


@dataclass(frozen=True)
class AtTrueRate:
    """Footage with the times of its true rate; gaps stay as many frames as they are.

    Attributes:
        source: the footage.
        true_hz: its true frame rate.
    """

    source: FrameSource
    true_hz: float

    @property
    def timing(self) -> Timing | None:
        """Times of all frames, if the footage states some."""
        stated = self.source.timing
        if stated is None:
            return None
        return replace(stated, times_s=stated.times_s * self._scale, fps_hz=self.true_hz)

    def n_frames_hint(self) -> int | None:
        """Number of frames, if it is known without reading them all."""
        return self.source.n_frames_hint()

    def fps_hz(self) -> float:
        """The true rate."""
        return self.true_hz

    def signature(self) -> str:
        """Hash of that of the footage and of the rate."""
        return fingerprint({"source": self.source.signature(), "true_hz": self.true_hz})

    def content_hash(self) -> str:
        """That of the footage."""
        return self.source.content_hash()

    def sample(self, n_frames: int) -> Iterator[NDArray[np.integer]]:
        """Counts of frames that are spread evenly."""
        return self.source.sample(n_frames)

    def frames(self, remarks: list[str]) -> Iterator[Frame]:
        """Iterate over all frames, with their true times if the footage states some."""
        scale = self._scale
        for frame in self.source.frames(remarks):
            yield frame if frame.time_s is None else frame._replace(time_s=frame.time_s * scale)

    @property
    def _scale(self) -> float:
        return (self.source.fps_hz() or self.true_hz) / self.true_hz
