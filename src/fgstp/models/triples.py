"""Clips as triples of a target and two neighbours, each frame encoded once."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from fgstp.models.layers import Pyramid
from fgstp.models.neighbours import OFFSETS_FRAMES, NeighbourMode, neighbours


class Triples(NamedTuple):
    """Features of some target frames and of their neighbours.

    Attributes:
        target: features of B target frames.
        first: features of the first neighbour of each.
        second: features of the second neighbour of each.
    """

    target: Pyramid
    first: Pyramid
    second: Pyramid


def pick(features: Pyramid, triples: Tensor) -> Triples:
    """Arrange encoded frames as triples.

    Args:
        features: features of N frames.
        triples: (B, 3) int64: numbers of frames, in [0, N).

    Returns:
        Features of B triples.
    """
    target, first, second = (
        Pyramid(*(level[numbers] for level in features)) for numbers in triples.unbind(1)
    )
    return Triples(target, first, second)


def encoded_triples(
    encode: Callable[[int, int], Pyramid], n_frames: int, mode: NeighbourMode, batch_frames: int
) -> Iterator[Triples]:
    """Go along a clip and give the features of every triple, in the order of the targets.

    Each frame is encoded once. No more than a few batches of features are kept, however
    long the clip.

    Args:
        encode: features of the frames from one number up to, without, another.
        n_frames: frames of the clip.
        mode: where the neighbours lie.
        batch_frames: frames that are encoded, and targets that are given, at a time.

    Yields:
        Features of the next `batch_frames` targets, at the end of what is left.
    """
    kept: dict[int, Pyramid] = {}  # levels (C, h, w) by number of the frame
    encoded = 0
    reach_back = min(0, *OFFSETS_FRAMES[mode])
    for start in range(0, n_frames, batch_frames):
        stop = min(start + batch_frames, n_frames)
        triples = [(i, *neighbours(i, n_frames, mode)) for i in range(start, stop)]
        while encoded <= max(max(triple) for triple in triples):
            end = min(encoded + batch_frames, n_frames)
            frames = zip(*(level.unbind() for level in encode(encoded, end)), strict=True)
            kept |= {encoded + i: Pyramid(*frame) for i, frame in enumerate(frames)}
            encoded = end
        target, first, second = (
            _stacked([kept[number] for number in numbers]) for numbers in zip(*triples, strict=True)
        )
        yield Triples(target, first, second)
        kept = {number: frame for number, frame in kept.items() if number >= stop + reach_back}


def _stacked(frames: list[Pyramid]) -> Pyramid:
    return Pyramid(*(torch.stack(levels) for levels in zip(*frames, strict=True)))
