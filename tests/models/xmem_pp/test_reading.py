import torch

from fgstp.models.xmem_pp.reading import similarity, top_k_softmax


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
