import torch

from fgstp.models.mg.network import MotionGrouping, PositionEmbedding, SlotAttention


def test_positions_run_from_0_to_1_in_both_directions():
    embedding = PositionEmbedding(4, 3, 5)
    with torch.no_grad():
        embedding.project.weight.copy_(torch.eye(4))
        embedding.project.bias.zero_()
    added = embedding(torch.zeros(1, 3, 5, 4))[0]
    torch.testing.assert_close(added[0, 0], torch.tensor([0.0, 0.0, 1.0, 1.0]))
    torch.testing.assert_close(added[2, 4], torch.tensor([1.0, 1.0, 0.0, 0.0]))
    torch.testing.assert_close(added[1, 1], torch.tensor([0.5, 0.25, 0.5, 0.75]))
    assert list(embedding.state_dict()) == ["project.weight", "project.bias"]


@torch.no_grad()
def test_one_iteration_of_slot_attention_is_its_equation(randomised, draw):
    attention, tokens = randomised(SlotAttention(6, 3, 1)), draw(2, 7, 6)
    for sample, got in zip(tokens, attention(tokens), strict=True):
        x = norm(attention.norm_tokens, sample)
        start = attention.start.weight
        q = linear(attention.q, norm(attention.norm_slots, start))
        k, v = linear(attention.k, x), linear(attention.v, x)
        logits = torch.tensor([[float(q[s] @ k[t]) / 6**0.5 for t in range(7)] for s in range(3)])
        shares = logits.exp() / logits.exp().sum(dim=0)  # the slots compete for each token
        updates = torch.stack([sum(a * v[t] for t, a in enumerate(s)) / s.sum() for s in shares])
        slots = gru(attention.gru, updates, start)
        hidden = torch.relu(linear(attention.mlp[0], norm(attention.norm_mlp, slots)))
        torch.testing.assert_close(
            got, slots + linear(attention.mlp[2], hidden), atol=2e-5, rtol=2e-5
        )


def linear(layer, x):
    return x @ layer.weight.T + layer.bias


def norm(layer, x):
    centred = x - x.mean(dim=-1, keepdim=True)
    variance = centred.square().mean(dim=-1, keepdim=True)
    return centred / (variance + 1e-5).sqrt() * layer.weight + layer.bias


def gru(cell, x, h):
    from_x = (x @ cell.weight_ih.T + cell.bias_ih).chunk(3, dim=1)
    from_h = (h @ cell.weight_hh.T + cell.bias_hh).chunk(3, dim=1)
    reset, update = (torch.sigmoid(from_x[i] + from_h[i]) for i in range(2))
    return (1 - update) * torch.tanh(from_x[2] + reset * from_h[2]) + update * h


def test_layers_are_blended_by_shares_that_sum_to_1(randomised, draw):
    network = randomised(MotionGrouping(24, 40, width=16, n_slots=3, n_in=2))
    layers = network(draw(2, 2, 24, 40))
    assert layers.alpha.shape == (2, 3, 1, 24, 40)
    assert layers.colours.shape == (2, 3, 2, 24, 40)
    torch.testing.assert_close(layers.alpha.sum(dim=1), torch.ones(2, 1, 24, 40))
    blended = sum(layers.alpha[:, k] * layers.colours[:, k] for k in range(3))
    torch.testing.assert_close(layers.reconstruction, blended)


def test_a_picture_does_not_see_the_others_of_its_batch(randomised, draw):
    network, pictures = randomised(MotionGrouping(16, 24, width=8)).train(), draw(3, 3, 16, 24)
    alone = network(pictures[1:2]).alpha
    torch.testing.assert_close(network(pictures).alpha[1:2], alone, atol=1e-5, rtol=1e-5)
