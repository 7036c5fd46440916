"""Synthetic plumes as a source of frames."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from fgstp.footage.video import Frame
from fgstp.plumes import SyntheticVideo

GENERATOR_VERSION = 1  # to be raised whenever the same seed gives other bytes


@dataclass(frozen=True)
class SyntheticFootage:
    """A rendered video with its masks and leak classes; see `fgstp.plumes`.

    Attributes:
        category: one of the five categories.
        seed: what makes it this video and no other.
        n_frames: length.
        rate_hz: frame rate.
        height_px: frame height.
        width_px: frame width.
        still_plumes: number of plumes that do not move.
    """

    category: str
    seed: int
    n_frames: int
    rate_hz: float
    height_px: int
    width_px: int
    still_plumes: int = 0

    def n_frames_hint(self) -> int | None:
        """Number of frames."""
        return self.n_frames

    def fps_hz(self) -> float | None:
        """Frame rate."""
        return self.rate_hz

    def signature(self) -> str:
        """Hash of everything that the video is made from."""
        return hashlib.sha256(f"{GENERATOR_VERSION} {asdict(self)}".encode()).hexdigest()

    def content_hash(self) -> str:
        """The recipe is the content: the same recipe gives the same bytes."""
        return self.signature()

    def render(self) -> SyntheticVideo:
        """The generator behind it."""
        return SyntheticVideo(
            self.category,
            self.seed,
            n_frames=self.n_frames,
            fps_hz=self.rate_hz,
            height_px=self.height_px,
            width_px=self.width_px,
            still_plumes=self.still_plumes,
        )

    def __iter__(self) -> Iterator[Frame]:
        """Render all frames."""
        for frame in self.render():
            yield Frame(frame.grey, frame.mask, frame.leak_class)
