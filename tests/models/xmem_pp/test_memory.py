import pytest
import torch

from fgstp.models.xmem_pp.memory import (
    Elements,
    XmemMemory,
    XmemMemorySettings,
    most_used,
    similarity,
)

N = 6  # elements of a frame


@pytest.fixture
def frame(draw):
    """A frame for the memory."""

    def make(n_elements=N):
        key, value = draw(4, n_elements), draw(3, n_elements)
        shrinkage, selection = 1 + draw(1, n_elements).square(), draw(4, n_elements).sigmoid()
        return Elements.new(key, shrinkage, selection, value)

    return make


@pytest.fixture
def query(draw):
    return lambda: (draw(4, 5), draw(4, 5).sigmoid())


def memory(long_term_limit_elements=100, n_prototypes=5):
    return XmemMemory(
        XmemMemorySettings(
            t_max_frames=4,
            t_min_frames=2,
            n_prototypes=n_prototypes,
            long_term_limit_elements=long_term_limit_elements,
            top_k=7,
        )
    )


def n_long_term(kept):
    return 0 if kept.long_term is None else kept.long_term.n_elements


def plain_weights(elements, query, selection, top_k):
    """Softmax over the most similar of all pairs, as matrix (elements, queries)."""
    difference = elements.key[:, :, None] - query[:, None, :]
    distance = (selection[:, None, :] * difference**2).sum(0)
    similarities = -elements.shrinkage.T * distance / len(query) ** 0.5
    rank = similarities.argsort(0, descending=True).argsort(0)
    return similarities.masked_fill(rank >= top_k, -torch.inf).softmax(0)


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_usage_is_counted_in_full_whatever_the_bits(frame, query):
    kept, q = memory(), query()
    halves = Elements.new(*(each.bfloat16() for each in frame()[:4]))
    kept.keep(halves)
    with torch.autocast("cpu", torch.bfloat16):
        for _ in range(300):  # bfloat16 counts to 256
            kept.read(*q)
    assert halves.life.tolist() == [pytest.approx([300.0] * N)]
    assert halves.use.sum().item() == pytest.approx(300 * 5, rel=1e-4)


def test_usage_is_counted_in_the_long_term_memory_too(frame, query):
    kept, permanent = memory(), frame()
    kept.keep_for_good(permanent)
    for _ in range(4):
        kept.keep(frame())
    assert kept.long_term.use.count_nonzero() == 0
    union = Elements.joined([*kept.working, kept.long_term, permanent])
    q, e = query()
    use = plain_weights(union, q, e, 7).sum(1)
    kept.read(q, e)
    close(kept.long_term.use[0], use[2 * N : -N])
    assert (use[2 * N : -N].sum() > 0) & (use[-N:].sum() > 0)
    assert permanent.use.count_nonzero() == 0  # it was read, and not counted


def test_full_working_memory_is_merged_but_for_the_newest(frame):
    kept, frames, counts, permanent = memory(), [frame() for _ in range(9)], [], frame()
    kept.keep_for_good(permanent)
    for each in frames:
        kept.keep(each)
        counts.append((len(kept.working), n_long_term(kept)))
    assert counts == [(1, 0), (2, 0), (3, 0), (2, 5), (3, 5), (2, 10), (3, 10), (2, 15), (3, 15)]
    assert (kept.working, kept.permanent) == (frames[6:], [permanent])


def test_a_tiny_grid_is_merged_too(frame, query):
    kept = memory(n_prototypes=128, long_term_limit_elements=200)
    for _ in range(4):
        kept.keep(frame(1))
        kept.read(*query())
    assert n_long_term(kept) == 2


def test_the_least_used_elements_make_room(frame):
    elements = frame()
    elements.use.copy_(torch.tensor([[3.0, 1.0, 4.0, 1.5, 9.0, 2.0]]))
    elements.life.fill_(1.0)
    kept = most_used(elements, 4)
    assert torch.equal(kept.key, elements.key[:, [0, 2, 4, 5]])
    assert most_used(elements, 6) is elements
    elements.use.copy_(torch.tensor([[3.0, 1.0, 4.0, 1.0, 9.0, 1.0]]))  # of the last to go, three
    assert torch.equal(most_used(elements, 5).key, elements.key[:, [0, 2, 4]])


def test_the_long_term_memory_keeps_its_limit(frame, query):
    kept, counts = memory(long_term_limit_elements=13), []
    for _ in range(12):
        kept.keep(frame())
        kept.read(*query())
        kept.long_term and counts.append(kept.long_term.n_elements)
    assert max(counts) <= 13
    # 5, 10, then the least used go until 8 are left and 5 come in (fewer if some were unused).
    assert counts[:4] == [5, 5, 10, 10]
    assert counts[-1] > 5


def test_similarity_has_all_its_digits_under_autocast(draw):
    key, shrinkage, selection = 50 * draw(6, 5), 100 + draw(1, 5).square(), draw(6, 4).sigmoid()
    query = 50 * draw(6, 4)
    expected = similarity(key, shrinkage, query, selection)
    assert expected.min() < -1e5  # beyond half precision
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(similarity(key, shrinkage, query, selection), expected)
