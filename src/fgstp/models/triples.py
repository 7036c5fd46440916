"""Features of frames, arranged as triples of a target and two neighbours."""

from typing import NamedTuple

from torch import Tensor

from fgstp.models.layers import Pyramid


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
