import pytest
import torch

from fgstp.models.xmem_pp.training import drawn_references, frame_loss, segment_clips


@pytest.fixture
def clips(draw):
    masks = torch.zeros(2, 1, 32, 48)
    masks[0, :, 8:24, 8:30] = 1
    return draw(2, 1, 3, 32, 48) + 0.3 * draw(2, 5, 3, 32, 48), masks


def probabilities(network, frames, masks, n_reference=9, fraction=1.0):
    with torch.no_grad():
        found = segment_clips(network, frames, masks, n_reference, fraction)
        return torch.stack([frame.prob for frame in found], 1)


def test_references_are_the_first_frame_and_others_before():
    torch.manual_seed(0)
    assert drawn_references(2, 1, 3).tolist() == [[0], [0]]
    assert drawn_references(2, 3, 3).tolist() == [[0, 1, 2], [0, 1, 2]]
    rows = drawn_references(500, 6, 3).tolist()
    assert all(row[0] == 0 and len(set(row)) == 3 for row in rows)
    assert {tuple(row[1:]) for row in rows} == {
        (a, b) for a in range(1, 6) for b in range(1, 6) if a != b
    }
    assert drawn_references(2, 6, 1).tolist() == [[0], [0]]


def test_each_clip_reads_its_own_references(network, clips, monkeypatch):
    frames, masks = clips
    numbers = {1: [[0], [0]], 2: [[0], [1]], 3: [[2, 0], [0, 1]], 4: [[3, 1, 2], [1, 0, 2]]}

    def fixed(rows):
        module = "fgstp.models.xmem_pp.training.drawn_references"
        monkeypatch.setattr(module, lambda _, t, __: torch.tensor(numbers[t])[rows])

    fixed(slice(None))
    batch = probabilities(network, frames, masks)
    assert batch.shape == (2, 4, 1, 32, 48)
    for i in range(2):
        fixed(slice(i, i + 1))
        alone = probabilities(network, frames[i : i + 1], masks[i : i + 1])
        torch.testing.assert_close(batch[i], alone[0], atol=1e-5, rtol=0)


def test_reading_the_first_frame_alone_is_to_remember_no_other(network, propagated, clips):
    frames, masks = clips
    expected, _ = propagated(network, frames[0], masks[:1], memory_every_frames=99, top_k=99)
    trained = probabilities(network, frames[:1], masks[:1], n_reference=1, fraction=0.0)
    torch.testing.assert_close(trained[0, :, 0], expected[1:], atol=1e-5, rtol=0)


def test_values_update_the_state_as_often_as_told(network, clips):
    frames, masks = clips
    never, always = (probabilities(network, frames, masks, fraction=each) for each in (0.0, 1.0))
    torch.testing.assert_close(never[:, 0], always[:, 0])  # the given mask always does
    assert (never[:, 1] - always[:, 1]).abs().max() > 1e-4


def test_the_last_frame_updates_nothing(network, clips):
    with torch.no_grad():
        *_, before, last = segment_clips(network, *clips, 9, 0.0)
    assert last.sensory is before.sensory


def test_gradients_flow_back_through_predicted_masks_and_states(network, clips):
    frames, masks = clips
    frames.requires_grad_()
    *_, last = segment_clips(network, frames, masks, 9, 1.0)
    last.prob.sum().backward()
    assert (frames.grad.flatten(2).abs().sum(2) > 0).all()  # frames of both clips, all of them
    network.zero_grad()
    first, second, *_ = segment_clips(network, frames, masks, 1, 1.0)
    first.prob.retain_grad()
    second.prob.sum().backward()  # reads frame 0 alone: frame 1 acts through the state
    assert first.prob.grad.abs().sum() > 0


def segmented(logit):
    return torch.cat([-logit, logit], 1), torch.sigmoid(2 * logit)


@pytest.mark.parametrize(("fraction", "n_hardest"), [(1.0, 48), (0.25, 12), (0.001, 1)])
def test_the_loss_is_that_of_the_hardest_pixels_and_of_dice(draw, fraction, n_hardest):
    logit, masks = draw(3, 1, 6, 8), (draw(3, 1, 6, 8) > 0.5).float()
    masks[2] = 0  # nothing to be found
    p = (1 / (1 + torch.exp(-2 * logit.double()))).flatten(1)
    g = masks.double().flatten(1)
    entropy = -(g * p.log() + (1 - g) * (1 - p).log())
    ce = sum(row.sort(descending=True).values[:n_hardest].mean() for row in entropy) / 3
    dice = sum(
        1 - (2 * (row * gas).sum() + 1) / (row.sum() + gas.sum() + 1)
        for row, gas in zip(p, g, strict=True)
    )
    found = frame_loss(*segmented(logit), masks, fraction)
    assert [each.item() for each in found] == pytest.approx([ce.item(), dice.item() / 3], rel=1e-5)


def test_a_pixel_that_is_wrong_beyond_doubt_is_learned_from():
    logit = torch.full((1, 1, 2, 2), 40.0, requires_grad=True)
    frame_loss(*segmented(logit), torch.zeros(1, 1, 2, 2), 1.0)[0].backward()
    assert (logit.grad > 0.1).all()
