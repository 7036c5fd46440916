import pytest
import torch

from fgstp.models.resnet import ResNetSettings
from fgstp.models.xmem_pp.inference import Tracker
from fgstp.models.xmem_pp.memory import Memory
from fgstp.models.xmem_pp.network import Xmem
from fgstp.models.xmem_pp.training import drawn_references, segment_clips

RESNET18 = ResNetSettings(name="resnet18")


@pytest.fixture
def network(randomised):
    widths = {"n_key": 8, "n_value": 16, "n_sensory": 4, "n_coarse": 16, "n_fine": 8}
    network = randomised(Xmem(RESNET18, RESNET18, **widths))
    with torch.no_grad():
        network.key_head.key.weight.mul_(0.1)
        network.decoder.score.weight.mul_(0.2)
    return network


@pytest.fixture
def clips(draw):
    masks = torch.zeros(2, 1, 32, 48)
    masks[0, :, 8:24, 8:30] = 1
    return draw(2, 1, 3, 32, 48) + 0.3 * draw(2, 5, 3, 32, 48), masks


def probabilities(network, frames, masks, n_reference=9, share=1.0):
    with torch.no_grad():
        found = segment_clips(network, frames, masks, n_reference, share)
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


def test_what_is_drawn_is_drawn_by_the_seed():
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(drawn_references(8, 7, 3))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_clips_of_a_batch_do_not_see_each_other(network, clips, share):
    frames, masks = clips
    batch = probabilities(network, frames, masks, share=share)
    assert batch.shape == (2, 4, 1, 32, 48)
    for i in range(2):
        alone = probabilities(network, frames[i : i + 1], masks[i : i + 1], share=share)
        torch.testing.assert_close(batch[i], alone[0], atol=1e-5, rtol=0)


def test_each_clip_reads_its_own_references(network, clips, monkeypatch):
    frames, masks = clips
    numbers = {1: [[0], [0]], 2: [[0], [1]], 3: [[2], [0]], 4: [[3], [1]]}

    def fixed(rows):
        module = "fgstp.models.xmem_pp.training.drawn_references"
        monkeypatch.setattr(module, lambda _, t, __: torch.tensor(numbers[t])[rows])

    fixed(slice(None))
    batch = probabilities(network, frames, masks)
    for i in range(2):
        fixed(slice(i, i + 1))
        alone = probabilities(network, frames[i : i + 1], masks[i : i + 1])
        torch.testing.assert_close(batch[i], alone[0], atol=1e-5, rtol=0)


def test_reading_the_first_frame_alone_is_to_remember_no_other(network, clips):
    frames, masks = clips
    limits = {
        "t_max_frames": 9,
        "t_min_frames": 1,
        "n_prototypes": 1,
        "long_term_limit_elements": 9,
        "top_k": 99,
    }
    tracker = Tracker(network, Memory(**limits), memory_every_frames=99)
    with torch.inference_mode():
        followed = torch.stack(list(tracker.follow([frames[0]], masks[:1], 5)))
    trained = probabilities(network, frames[:1], masks[:1], n_reference=1, share=0.0)
    torch.testing.assert_close(trained[0, :, 0], followed[1:], atol=1e-5, rtol=0)


def test_values_update_the_state_as_often_as_told(network, clips):
    frames, masks = clips
    never, always = (probabilities(network, frames, masks, share=s) for s in (0.0, 1.0))
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
