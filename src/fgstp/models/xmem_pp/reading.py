"""How a query looks at the elements of a memory."""

import torch
from torch import Tensor


def similarity(key: Tensor, shrinkage: Tensor, query: Tensor, selection: Tensor) -> Tensor:
    """How much each element of a memory is like each query (arXiv 2207.07115, Eq. 2).

        S_ij = -s_i sum_c e_cj (k_ci - q_cj)^2 / sqrt(C)

    The square is multiplied out, so that no tensor holds all pairs of all channels. Computed
    as float32: with half the bits the sums would overflow.

    Args:
        key: k, (..., C, N): the elements' keys.
        shrinkage: s, (..., 1, N), 1 or more: how sharply an element answers.
        query: q, (..., C, M): the keys of what is looked for.
        selection: e, (..., C, M), in [0, 1]: which channels matter to a query.

    Returns:
        (..., N, M) float32, not positive but for rounding.
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
    """Softmax over the elements that are most like a query; the others weigh nothing.

    Args:
        similarities: (..., N, M).
        top_k: elements that count for each query; all if there are no more.

    Returns:
        (..., N, M): at most `top_k` values of a column are not 0; each column sums to 1.
    """
    largest, numbers = similarities.topk(min(top_k, similarities.shape[-2]), dim=-2)
    weights = torch.zeros_like(similarities)
    return weights.scatter_(-2, numbers, largest.softmax(-2))
