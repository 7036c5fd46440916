"""Residuals as the input of networks that take three channels: statistics instead of frames."""

import math
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from fgstp.footage.video_store import Clip
from fgstp.models.base import Model, SettingsT
from fgstp.models.blocks.statistics import RESIDUAL_NUMBERS, InnovationStatistics
from fgstp.models.blocks.steps import Shape, Shown
from fgstp.models.blocks.streams import NeighbourSession
from fgstp.models.sampling import Batch, Prepare, SampleKey, Windows

EncodedT = TypeVar("EncodedT")
CONTEXT_FRAMES = 120  # before a training sample, at most


class ResidualSession(NeighbourSession[EncodedT]):
    """Shows the network the statistics `RESIDUALS` of each frame: (3, h, w) float32.

    For models whose setting `input` is `residuals`; of others, each frame itself.
    """

    def _begin(self) -> None:
        super()._begin()
        settings: Any = self.model.settings
        self._statistics: InnovationStatistics | None = None
        if self.model.shows_residuals:
            self._statistics = InnovationStatistics(settings.height_px, settings.width_px)

    def shown(self, frame: NDArray[np.uint8]) -> NDArray[Any]:
        """The residuals, or the frame."""
        if self._statistics is None:
            return super().shown(frame)
        return self._statistics.update(frame, self._times_s[-1])[RESIDUAL_NUMBERS]


class ResidualModel(Model[SettingsT]):
    """A model whose setting `input` chooses between frames and residuals."""

    @property
    def shows_residuals(self) -> bool:
        """Whether its network is shown residuals."""
        return self.settings.input == "residuals"  # type: ignore[attr-defined]

    @property
    def shown(self) -> tuple[Shown, Shape]:
        """What its network is shown of a frame, and the shape of that; see `Step`."""
        settings: Any = self.settings
        size = settings.height_px, settings.width_px
        return ("residuals", (1, 3, *size)) if self.shows_residuals else ("grey", (1, 1, *size))

    @property
    def label(self) -> str:
        """`on residuals`, if so; else empty."""
        return "on residuals" if self.shows_residuals else ""

    def context_s(self, fps_hz: float) -> float:
        """That of the neighbours, or of residuals the whole video."""
        return math.inf if self.shows_residuals else super().context_s(fps_hz)

    def windows(self, n_targets: int | None = None) -> Windows:
        """Windows of targets with their neighbours, as frames or as residuals."""
        kind = ResidualWindows if self.shows_residuals else Windows
        return kind(self.offsets_frames, n_targets)


@dataclass(frozen=True)
class ResidualWindows(Windows):
    """Windows of residuals; up to 120 frames of the video before a window lead to them.

    The frames of the batch are (F, 3, h, w), not in [0, 1].
    """

    def sample(self, clip: Clip, key: SampleKey, prepare: Prepare) -> Batch:
        """Read one window; see `Sampling.sample`."""
        targets = clip.annotated[key.targets.start : key.targets.stop]
        wanted = np.add.outer(targets, (0, *self.offsets_frames))  # (L, 1 + N)
        wanted = wanted.clip(-clip.first_frame, len(clip.video_frames) - clip.first_frame - 1)
        numbers = np.unique(wanted)
        first = max(0, clip.first_frame + int(numbers[0]) - CONTEXT_FRAMES)
        stretch = slice(first, clip.first_frame + int(numbers[-1]) + 1)
        frames, masks = prepare(
            clip.video_frames[stretch], clip.labels(targets), np.random.default_rng(key.seed)
        )
        statistics = InnovationStatistics(*frames.shape[-2:])
        levels, times_s = 255.0 * frames[:, 0].numpy(), clip.video_times_s[stretch]
        found = [statistics.update(*each) for each in zip(levels, times_s, strict=True)]
        kept = numbers + clip.first_frame - first
        shown = np.stack([found[number][RESIDUAL_NUMBERS] for number in kept])
        return Batch(
            torch.from_numpy(shown), masks, torch.from_numpy(np.searchsorted(numbers, wanted))
        )
