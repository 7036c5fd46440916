"""Frames shown together with what changed since their neighbours."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fgstp.models.frames import at_size, grey_levels
from fgstp.models.neighbours import NeighbourMode, neighbours

if TYPE_CHECKING:
    from fgstp.models.settings import NetworkSettings

UNIT = 1 / 30  # of a difference: some eight grey levels, as moving gas makes


def with_differences(grey: Tensor, triples: Tensor, settings: "NetworkSettings") -> Tensor:
    """Target frames, and their differences to two neighbours, as three channels.

    Args:
        grey: (N, 1, H, W) in [0, 1].
        triples: (M, 3) int64: a target and its neighbours, as numbers in [0, N).
        settings: of the model; its normalisation is that of the first channel.

    Returns:
        (M, 3, H, W): the target, normalised, and twice target less neighbour, in units of `UNIT`.
    """
    target, first, second = (grey[numbers] for numbers in triples.unbind(1))
    normalisation = settings.normalisation
    shown = (target - normalisation.mean[0]) / normalisation.std[0]
    return torch.cat([shown, (target - first) / UNIT, (target - second) / UNIT], dim=1)


def difference_batches(
    frames: NDArray[np.uint8],
    settings: "NetworkSettings",
    mode: NeighbourMode,
    device: torch.device,
) -> Iterator[Tensor]:
    """The frames of a clip as `with_differences` shows them, `batch_frames` at once.

    Args:
        frames: (T, H, W).
        settings: of the model.
        mode: where the neighbours lie.
        device: where the network is.

    Yields:
        The next frames.
    """
    n_frames = len(frames)
    for start in range(0, n_frames, settings.batch_frames):
        targets = range(start, min(start + settings.batch_frames, n_frames))
        triples = np.array([(t, *neighbours(t, n_frames, mode)) for t in targets])
        low, high = triples.min(), triples.max() + 1
        shown = torch.from_numpy(np.array(frames[low:high])).to(device)
        grey = at_size(grey_levels(shown), settings.height_px, settings.width_px)
        yield with_differences(grey, torch.from_numpy(triples - low).to(device), settings)
