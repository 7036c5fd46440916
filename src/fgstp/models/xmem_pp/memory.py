"""The memories of a clip: permanent, working and long-term."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor

from fgstp.models.xmem_pp.reading import similarity, top_k_softmax

LIFE_AT_FIRST = 1e-7  # not 0, so that usage can be told before the first reading


class Elements(NamedTuple):
    """N positions of frames that a memory holds.

    Attributes:
        key: (C, N).
        shrinkage: (1, N), 1 or more.
        selection: (C, N) in [0, 1]: asked for only when elements are merged.
        value: (V, N).
        use: (1, N) float32: weight in all readings so far, summed over their queries.
        life: (1, N) float32: readings so far.
    """

    key: Tensor
    shrinkage: Tensor
    selection: Tensor
    value: Tensor
    use: Tensor
    life: Tensor

    @classmethod
    def new(cls, key: Tensor, shrinkage: Tensor, selection: Tensor, value: Tensor) -> Self:
        """Elements that nothing has read yet."""
        # With half the bits, counting would come to a halt.
        life = torch.full_like(shrinkage, LIFE_AT_FIRST, dtype=torch.float32)
        return cls(key, shrinkage, selection, value, torch.zeros_like(life), life)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Elements one part after the other."""
        return cls(*(torch.cat(fields, dim=1) for fields in zip(*parts, strict=True)))

    def picked(self, numbers: Tensor) -> Self:
        """Some elements: their numbers, or (N,) bool."""
        return self.__class__(*(field[:, numbers] for field in self))

    @property
    def n_elements(self) -> int:
        """N."""
        return self.key.shape[1]

    @property
    def usage(self) -> Tensor:
        """(N,): mean weight in a reading."""
        return (self.use / self.life).squeeze(0)


class Memory:
    """What is remembered of one clip (arXiv 2207.07115, section 3.3; 2307.15958, section 3.2).

    * Permanent memory: frames with a given mask. They are never merged and never dropped.
    * Working memory: frames with a predicted mask. When there are `t_max_frames`, all but the
      newest `t_min_frames` are merged into a few prototypes, the elements with the largest
      usage. A prototype keeps its key; its value and shrinkage become means over all merged
      elements, weighted by the softmax of their similarity to it.
    * Long-term memory: the prototypes. Before it would hold more than its limit, the least
      used ones are dropped.

    A reading is over the three together. Usage is counted in working and long-term memory.

    Args:
        t_max_frames: T_max, frames of the working memory at which it is merged.
        t_min_frames: T_min, frames, the newest, that stay as they are.
        n_prototypes: prototypes that frames are merged into; all elements if there are fewer.
        long_term_limit_elements: elements of the long-term memory at most.
        top_k: elements that count for a query, those most like it.

    Attributes:
        permanent: the permanent memory, an item a frame.
        working: the working memory, an item a frame, oldest first.
        long_term: the long-term memory; None while it is empty.
    """

    def __init__(
        self,
        *,
        t_max_frames: int,
        t_min_frames: int,
        n_prototypes: int,
        long_term_limit_elements: int,
        top_k: int,
    ) -> None:
        self._t_max_frames = t_max_frames
        self._t_min_frames = t_min_frames
        self._n_prototypes = n_prototypes
        self._long_term_limit_elements = long_term_limit_elements
        self._top_k = top_k
        self.permanent: list[Elements] = []
        self.working: list[Elements] = []
        self.long_term: Elements | None = None

    def keep_for_good(self, frame: Elements) -> None:
        """Take a frame into the permanent memory."""
        self.permanent.append(frame)

    def keep(self, frame: Elements) -> None:
        """Take a frame into the working memory, and merge the oldest if it is full."""
        self.working.append(frame)
        if len(self.working) >= self._t_max_frames:
            self._merge()

    def read(self, query: Tensor, selection: Tensor) -> Tensor:
        """Read values, and count the use of what is read.

        Args:
            query: (C, M).
            selection: (C, M) in [0, 1].

        Returns:
            (V, M): means of values, weighted by the softmax over the most similar elements.
        """
        counted = [*self.working, *self._all_long_term()]
        parts = [*counted, *self.permanent]
        similarities = torch.cat(
            [similarity(part.key, part.shrinkage, query, selection) for part in parts]
        )
        weights = torch.split(
            top_k_softmax(similarities, self._top_k), [part.n_elements for part in parts]
        )
        for part, weight in zip(counted, weights, strict=False):  # the permanent ones are last
            part.use.add_(weight.sum(1))
            part.life.add_(1.0)
        values = [part.value @ weight for part, weight in zip(parts, weights, strict=True)]
        return torch.stack(values).sum(0)

    def _merge(self) -> None:
        n_merged = len(self.working) - self._t_min_frames
        prototypes = merged(Elements.joined(self.working[:n_merged]), self._n_prototypes)
        room = self._long_term_limit_elements - self._n_prototypes
        kept = [most_used(elements, room) for elements in self._all_long_term()]
        self.long_term = Elements.joined([*kept, prototypes])
        del self.working[:n_merged]

    def _all_long_term(self) -> Iterable[Elements]:
        return () if self.long_term is None else (self.long_term,)


def merged(elements: Elements, n_prototypes: int) -> Elements:
    """The prototypes of some elements, those with the largest usage first."""
    n_prototypes = min(n_prototypes, elements.n_elements)
    prototypes = elements.picked(elements.usage.topk(n_prototypes).indices)
    weights = similarity(
        elements.key, elements.shrinkage, prototypes.key, prototypes.selection
    ).softmax(0)
    return Elements.new(
        prototypes.key,
        elements.shrinkage @ weights,
        prototypes.selection,
        elements.value @ weights,
    )


def most_used(elements: Elements, n_kept: int) -> Elements:
    """Elements without the least used; those used as little as the last to go, go too."""
    n_dropped = elements.n_elements - n_kept
    if n_dropped <= 0:
        return elements
    bound = elements.usage.kthvalue(n_dropped).values
    return elements.picked(elements.usage > bound)
