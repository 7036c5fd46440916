"""The memory of XMem++: permanent, working and long-term, and how it is read."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from fgstp.core.config import Settings

LIFE_AT_FIRST = 1e-7  # not 0, so that usage is defined before the first reading


class XmemMemorySettings(Settings):
    """Limits of the memory.

    Attributes:
        memory_every_frames: frames between two that are written to memory.
        t_max_frames: T_max, frames of the working memory at which the older ones are merged;
            the prompted frame does not count.
        t_min_frames: T_min, the newest frames, which are not merged.
        n_prototypes: elements that frames are merged into; all if there are fewer.
        long_term_limit_elements: maximum number of elements of the long-term memory.
        top_k: elements that are read for each position of a frame.
    """

    memory_every_frames: int = Field(5, ge=1, le=100_000)
    t_max_frames: int = Field(10, ge=1, le=100_000)
    t_min_frames: int = Field(5, ge=0, le=100_000)
    n_prototypes: int = Field(128, ge=1, le=100_000)
    long_term_limit_elements: int = Field(10_000, ge=1, le=100_000_000)
    top_k: int = Field(30, ge=1, le=100_000)

    @model_validator(mode="after")
    def _something_is_merged_and_fits(self) -> Self:
        if self.t_min_frames >= self.t_max_frames:
            raise ValueError("t_min_frames must be smaller than t_max_frames")
        if self.n_prototypes > self.long_term_limit_elements:
            raise ValueError("n_prototypes must be at most long_term_limit_elements")
        return self


class Elements(NamedTuple):
    """N elements of a memory: positions of frames.

    Attributes:
        key: (C, N).
        shrinkage: (1, N), at least 1.
        selection: (C, N) in [0, 1]; used when elements are merged.
        value: (V, N).
        use: (1, N) float32: total weight in all readings so far.
        life: (1, N) float32: number of readings so far.
    """

    key: Tensor
    shrinkage: Tensor
    selection: Tensor
    value: Tensor
    use: Tensor
    life: Tensor

    @classmethod
    def new(cls, key: Tensor, shrinkage: Tensor, selection: Tensor, value: Tensor) -> Self:
        """Elements that have not been read yet."""
        # Half precision would stop counting at 256.
        life = torch.full_like(shrinkage, LIFE_AT_FIRST, dtype=torch.float32)
        return cls(key, shrinkage, selection, value, torch.zeros_like(life), life)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Concatenate elements."""
        return cls(*(torch.cat(fields, dim=1) for fields in zip(*parts, strict=True)))

    def picked(self, numbers: Tensor) -> Self:
        """Select elements by their numbers or by (N,) bool."""
        return self.__class__(*(field[:, numbers] for field in self))

    @property
    def n_elements(self) -> int:
        """N."""
        return self.key.shape[1]

    @property
    def usage(self) -> Tensor:
        """(N,): mean weight per reading."""
        return (self.use / self.life).squeeze(0)


class XmemMemory:
    """Memory of one session (arXiv 2207.07115, section 3.3; 2307.15958, section 3.2).

    * Permanent memory: prompted frames. They are never merged and never dropped.
    * Working memory: frames with a predicted mask. When there are `t_max_frames`, all but the
      newest `t_min_frames` are merged into a few prototypes, the elements with the largest
      usage. A prototype keeps its key; its value and shrinkage become means over all merged
      elements, weighted by the softmax of their similarity to it.
    * Long-term memory: the prototypes. Before it would exceed its limit, the least used ones
      are dropped.

    A reading is over the three together. Usage is counted in working and long-term memory.

    Attributes:
        permanent: the permanent memory, one item per frame.
        working: the working memory, one item per frame, oldest first.
        long_term: the long-term memory; None while it is empty.
    """

    def __init__(self, settings: XmemMemorySettings) -> None:
        self._settings = settings
        self.permanent: list[Elements] = []
        self.working: list[Elements] = []
        self.long_term: Elements | None = None

    def keep_for_good(self, frame: Elements) -> None:
        """Add a frame to the permanent memory."""
        self.permanent.append(frame)

    def keep(self, frame: Elements) -> None:
        """Add a frame to the working memory, and merge the oldest frames if it is full."""
        self.working.append(frame)
        if len(self.working) >= self._settings.t_max_frames:
            self._merge()

    def read(self, query: Tensor, selection: Tensor) -> Tensor:
        """Read values by a query and a selection (C, M), and count the usage of the elements.

        Returns:
            (V, M): values weighted by the softmax over the most similar elements.
        """
        counted = [*self.working, *self._all_long_term()]
        parts = [*counted, *self.permanent]
        similarities = torch.cat(
            [similarity(part.key, part.shrinkage, query, selection) for part in parts]
        )
        weights = torch.split(
            top_k_softmax(similarities, self._settings.top_k), [part.n_elements for part in parts]
        )
        for part, weight in zip(counted, weights, strict=False):  # the permanent ones are last
            part.use.add_(weight.sum(1))
            part.life.add_(1.0)
        values = [part.value @ weight for part, weight in zip(parts, weights, strict=True)]
        return torch.stack(values).sum(0)

    def _merge(self) -> None:
        n_merged = len(self.working) - self._settings.t_min_frames
        prototypes = merged(Elements.joined(self.working[:n_merged]), self._settings.n_prototypes)
        room = self._settings.long_term_limit_elements - self._settings.n_prototypes
        kept = [most_used(elements, room) for elements in self._all_long_term()]
        self.long_term = Elements.joined([*kept, prototypes])
        del self.working[:n_merged]

    def _all_long_term(self) -> Iterable[Elements]:
        return () if self.long_term is None else (self.long_term,)


def merged(elements: Elements, n_prototypes: int) -> Elements:
    """Prototypes of elements, those with the largest usage first."""
    n_prototypes = min(n_prototypes, elements.n_elements)
    prototypes = elements.picked(elements.usage.topk(n_prototypes).indices)
    weights = similarity(
        elements.key, elements.shrinkage, prototypes.key, prototypes.selection
    ).softmax(0)
    return Elements.new(
        prototypes.key, elements.shrinkage @ weights, prototypes.selection, elements.value @ weights
    )


def most_used(elements: Elements, n_kept: int) -> Elements:
    """Elements without the least used ones; ties with the last to be dropped are dropped too."""
    n_dropped = elements.n_elements - n_kept
    if n_dropped <= 0:
        return elements
    bound = elements.usage.kthvalue(n_dropped).values
    return elements.picked(elements.usage > bound)


def similarity(key: Tensor, shrinkage: Tensor, query: Tensor, selection: Tensor) -> Tensor:
    """Anisotropic L2 similarity of memory elements and queries (arXiv 2207.07115, Eq. 2).

        S_ij = -s_i sum_c e_cj (k_ci - q_cj)^2 / sqrt(C)

    The square is expanded, so that no tensor holds all pairs of all channels. Computed in
    float32: half precision would overflow.

    Args:
        key: k, (..., C, N) of the elements.
        shrinkage: s, (..., 1, N), at least 1: sharpness of an element.
        query: q, (..., C, M).
        selection: e, (..., C, M), in [0, 1]: weights of a query's channels.

    Returns:
        (..., N, M) float32, at most 0 up to rounding.
    """
    with torch.autocast(key.device.type, enabled=False):
        key, shrinkage, query, selection = (
            each.float() for each in (key, shrinkage, query, selection)
        )
        keys_squared = key.square().mT @ selection
        products = key.mT @ (selection * query)
        queries_squared = (selection * query.square()).sum(-2, keepdim=True)
        distances = keys_squared - 2.0 * products + queries_squared
        return -shrinkage.mT * distances / key.shape[-2] ** 0.5


def top_k_softmax(similarities: Tensor, top_k: int) -> Tensor:
    """Softmax of similarities (..., N, M) over the `top_k` largest of each column, or all if fewer.

    The others weigh 0, and each column sums to 1.
    """
    largest, numbers = similarities.topk(min(top_k, similarities.shape[-2]), dim=-2)
    weights = torch.zeros_like(similarities)
    return weights.scatter_(-2, numbers, largest.softmax(-2))
