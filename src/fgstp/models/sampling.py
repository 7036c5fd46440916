"""What a sample of training is made of; each model says which kind it takes."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from fgstp.models.features import VideoFeatures


@dataclass(frozen=True)
class Windows:
    """Consecutive targets of one clip, each with the frames around it that a model looks at.

    Attributes:
        offsets_frames: where these lie, such as -1 and 1; none by default.
        n_targets: targets of a window; None: as `train.window_targets` says.
    """

    offsets_frames: tuple[int, ...] = ()
    n_targets: int | None = None


@dataclass(frozen=True)
class SpreadFrames:
    """Frames of one clip in their order, some left out between them.

    Attributes:
        n_frames: frames of a sample; all are targets.
        largest_step: pairs (progress of the training in [0, 1), distance): from then on
            neighbouring frames lie 1 to so many frames apart, drawn for each.
        reverse_fraction: share of samples whose frames run backwards.
        first_gas_px: pixels of gas that the first frame should hold.
        attempts: samples that are drawn at most until it does; the last is taken as it is.
    """

    n_frames: int
    largest_step: tuple[tuple[float, int], ...]
    reverse_fraction: float = 0.0
    first_gas_px: int = 1
    attempts: int = 5

    def largest_step_at(self, progress: float) -> int:
        """The largest distance at some progress of the training."""
        return [step for start, step in self.largest_step if start <= progress][-1]


@dataclass(frozen=True)
class FlowPairs:
    """Two flow fields of one frame, drawn for each sample.

    Attributes:
        gaps_frames: G gaps to the other frame; two different ones are drawn.
        features: the fields of each frame at all gaps, (G, 2, h, w).
    """

    gaps_frames: tuple[int, ...]
    features: VideoFeatures


Sampling = Windows | SpreadFrames | FlowPairs


class FlowBatch(NamedTuple):
    """A batch of samples of flow.

    Attributes:
        flows: (B, 2, 2, h, w) float32: two fields of each frame, x and y in pixels.
    """

    flows: Tensor
