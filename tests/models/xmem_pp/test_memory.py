import pytest
import torch

from fgstp.models.xmem_pp.memory import (
    Elements,
    XmemMemory,
    XmemMemorySettings,
    merged,
    most_used,
    similarity,
    top_k_softmax,
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


def memory(**limits):
    defaults = {
        "t_max_frames": 4,
        "t_min_frames": 2,
        "n_prototypes": 5,
        "long_term_limit_elements": 100,
        "top_k": 7,
    }
    return XmemMemory(XmemMemorySettings(**defaults | limits))


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


def test_a_reading_is_one_softmax_over_the_three_memories(frame, query):
    kept, frames = memory(), [frame() for _ in range(6)]
    kept.keep_for_good(frames[0])
    for each in frames[1:]:
        kept.keep(each)
    assert len(kept.working) == 3
    assert n_long_term(kept) == 5
    union = Elements.joined([*kept.permanent, *kept.working, kept.long_term])
    q, e = query()
    close(kept.read(q, e), union.value @ plain_weights(union, q, e, 7))


def test_usage_is_the_weight_in_a_reading(frame, query):
    kept = memory()
    permanent, first, second = frame(), frame(), frame()
    kept.keep_for_good(permanent)
    kept.keep(first)
    union = Elements.joined([permanent, first])
    q, e = query()
    use = plain_weights(union, q, e, 7).sum(1)
    kept.read(q, e)
    close(first.use[0], use[N:])
    assert first.life.tolist() == [pytest.approx([1.0] * N)]

    kept.keep(second)
    union = Elements.joined([permanent, first, second])
    q, e = query()
    more = plain_weights(union, q, e, 7).sum(1)
    kept.read(q, e)
    close(first.usage, (use[N:] + more[N : 2 * N]) / 2)
    close(second.usage, more[2 * N :])
    assert (more[:N] > 0).any()  # the permanent frame was read, and not counted
    assert permanent.use.count_nonzero() == 0


def test_usage_is_counted_in_the_long_term_memory_too(frame, query):
    kept = memory()
    for _ in range(4):
        kept.keep(frame())
    assert kept.long_term.use.count_nonzero() == 0
    union = Elements.joined([*kept.working, kept.long_term])
    q, e = query()
    use = plain_weights(union, q, e, 7).sum(1)
    kept.read(q, e)
    close(kept.long_term.use[0], use[2 * N :])
    assert use[2 * N :].sum() > 0


def test_full_working_memory_is_merged_but_for_the_newest(frame):
    kept, frames, counts = memory(), [frame() for _ in range(9)], []
    for each in frames:
        kept.keep(each)
        counts.append((len(kept.working), n_long_term(kept)))
    assert counts == [(1, 0), (2, 0), (3, 0), (2, 5), (3, 5), (2, 10), (3, 10), (2, 15), (3, 15)]
    assert kept.working == frames[6:]


def test_the_permanent_memory_is_never_merged(frame):
    kept, given = memory(), frame()
    before = [field.clone() for field in given]
    kept.keep_for_good(given)
    for _ in range(20):
        kept.keep(frame())
    assert kept.permanent == [given]
    for field, old in zip(given, before, strict=True):
        torch.testing.assert_close(field, old, atol=0, rtol=0)


def test_prototypes_are_means_around_the_most_used_elements(frame, draw):
    elements = frame()
    elements.use.copy_(torch.tensor([[3.0, 1.0, 4.0, 1.5, 9.0, 2.0]]))
    elements.life.copy_(torch.tensor([[1.0, 1.0, 4.0, 1.0, 1.0, 1.0]]))  # the third: a usage of 1
    prototypes = merged(elements, 3)
    chosen = torch.tensor([4, 0, 5])
    assert torch.equal(prototypes.key, elements.key[:, chosen])
    weights = plain_weights(elements, prototypes.key, elements.selection[:, chosen], N)
    close(prototypes.value, elements.value @ weights)
    close(prototypes.shrinkage, elements.shrinkage @ weights)
    assert prototypes.use.count_nonzero() == 0
    assert prototypes.life.tolist() == [pytest.approx([1e-7] * 3)]


@pytest.mark.parametrize(("n_elements", "n_prototypes"), [(2, 2), (4, 4), (5, 5), (9, 5)])
def test_few_elements_are_all_prototypes(frame, n_elements, n_prototypes):
    assert merged(frame(n_elements), 5).n_elements == n_prototypes


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


def test_elements_used_as_little_as_the_last_to_go_go_too(frame):
    elements = frame()
    elements.use.copy_(torch.tensor([[3.0, 1.0, 4.0, 1.0, 9.0, 1.0]]))
    elements.life.fill_(1.0)
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
    assert counts[-1] <= 13
    assert counts[-1] > 5


def test_similarity_is_that_of_all_pairs(draw):
    key, shrinkage = draw(2, 6, 5), 1 + draw(2, 1, 5).square()
    query, selection = draw(2, 6, 4), draw(2, 6, 4).sigmoid()
    pairs = torch.zeros(2, 5, 4, dtype=torch.float64)
    for b in range(2):
        for i in range(5):
            for j in range(4):
                difference = key[b, :, i].double() - query[b, :, j].double()
                distance = (selection[b, :, j] * difference**2).sum()
                pairs[b, i, j] = -shrinkage[b, 0, i] * distance / 6**0.5
    torch.testing.assert_close(
        similarity(key, shrinkage, query, selection), pairs.float(), atol=1e-5, rtol=1e-5
    )


def test_similarity_has_all_its_digits_under_autocast(draw):
    key, shrinkage, selection = 50 * draw(6, 5), 100 + draw(1, 5).square(), draw(6, 4).sigmoid()
    query = 50 * draw(6, 4)
    expected = similarity(key, shrinkage, query, selection)
    assert expected.min() < -1e5  # beyond half precision
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(similarity(key, shrinkage, query, selection), expected)


def test_only_the_most_similar_elements_count(draw):
    similarities = draw(2, 7, 5)
    rank = similarities.argsort(1, descending=True).argsort(1)
    for top_k in (1, 3, 6):
        expected = similarities.masked_fill(rank >= top_k, -torch.inf).softmax(1)
        torch.testing.assert_close(top_k_softmax(similarities, top_k), expected)
        assert ((expected > 0).sum(1) == top_k).all()


def test_with_all_elements_it_is_a_softmax(draw):
    similarities = draw(2, 7, 5)
    for top_k in (7, 100):
        torch.testing.assert_close(top_k_softmax(similarities, top_k), similarities.softmax(1))


def test_elements_may_all_be_very_far():
    far = torch.tensor([[-5.0e4], [-5.0e4], [-6.0e4]])
    assert top_k_softmax(far, 3).tolist() == [[0.5], [0.5], [0.0]]
