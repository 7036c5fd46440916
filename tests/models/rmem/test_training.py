import pytest
import torch

from fgstp.models.rmem import training
from fgstp.models.rmem.training import clip_loss, frame_loss, soft_jaccard
from fgstp.models.sampling import Batch, SpreadFrames


def batch(n_clips=1, n_frames=8, height=48, width=64, seed=0):
    """Clips of a bright blob that moves."""
    generator = torch.Generator().manual_seed(seed)
    frames = 0.3 + 0.1 * torch.rand(n_clips, n_frames, 1, height, width, generator=generator)
    masks = torch.zeros_like(frames)
    for t in range(n_frames):
        masks[:, t, :, 10:26, 3 * t : 3 * t + 18] = 1
    frames += 0.3 * masks
    return Batch(frames, masks, torch.arange(n_frames).view(1, -1, 1).expand(n_clips, -1, -1))


def inputs(n_clips=1, n_frames=5, **how):
    made = batch(n_clips, n_frames, **how)
    return made.frames.expand(-1, -1, 3, -1, -1), made.masks.squeeze(2).long()


def test_a_few_steps_make_the_loss_fall_and_every_weight_learns(small_rmem, learned):
    model = small_rmem(drawn=False, n_identities=1)  # several are learned one after another
    first, last = learned(model, batch(), 8)
    assert last < 0.7 * first
    model = small_rmem(training={"dropout": 0.0})
    learned(model, batch(2), 1)
    slots = model.network.propagation.temporal.slots.grad
    assert (slots.abs().sum(1) > 0).all()


def test_the_identity_bank_gets_no_gradient_in_the_second_half(small_rmem):
    model = small_rmem()
    model.train()
    model.training_step(batch(2), 0.5)[0].backward()
    without = {name for name, w in model.network.named_parameters() if w.grad is None}
    assert without == {
        f"identities.{name}" for name, _ in model.network.identities.named_parameters()
    }


def spied_logits(monkeypatch, network, labels, progress):
    """Logits of each frame as the loss gets them."""
    logits = []

    def spy(maps, *others):
        logits.append(maps.detach())
        return frame_loss(maps, *others)

    with monkeypatch.context() as patched:
        patched.setattr(training, "frame_loss", spy)
        torch.manual_seed(0)
        clip_loss(network, inputs()[0], labels, write_every_frames=2, progress=progress)
    return logits


@pytest.mark.parametrize(
    ("frame", "progress", "changed"),
    [
        (1, 0.49, [False, False, True, True, True]),  # true masks are remembered in the first half
        (1, 0.5, [False] * 5),
        (0, 0.9, [True] * 5),  # the first one always
    ],
)
def test_true_masks_are_remembered_in_the_first_half_only(
    small_rmem, monkeypatch, frame, progress, changed
):
    network, labels = small_rmem().network, inputs()[1]
    others = labels.clone()
    others[:, frame] = 1 - others[:, frame]
    one, two = (spied_logits(monkeypatch, network, each, progress) for each in (labels, others))
    assert [not torch.equal(a, b) for a, b in zip(one, two, strict=True)] == changed


def test_an_object_of_another_identity_is_found_by_the_weights_of_that_identity(
    small_rmem, monkeypatch
):
    network = small_rmem().network  # in evaluation mode: nothing else is drawn
    frames, labels = inputs()

    def loss_as(identity):
        places = torch.arange(11).unsqueeze(0)
        places[0, 1], places[0, identity] = identity, 1
        monkeypatch.setattr(training, "identity_places", lambda *_: places)
        return clip_loss(network, frames, labels, write_every_frames=2, progress=0.6)

    as_seven = loss_as(7)
    assert loss_as(1)[0] != as_seven[0]
    with torch.no_grad():
        for weight, axis in (
            (network.identities.embed.weight, 1),
            (network.head.out.weight, 0),
            (network.head.out.bias, 0),
        ):
            order = list(range(weight.shape[axis]))
            order[1], order[7] = 7, 1
            weight.copy_(weight.index_select(axis, torch.tensor(order)))
    torch.testing.assert_close(loss_as(1), as_seven)


def test_frames_are_remembered_at_the_distance_that_is_set(small_rmem, monkeypatch):
    network = small_rmem().network
    read = []

    def spy(encoded, bank, previous, **how):
        read.append(len(bank))
        return propagate(encoded, bank, previous, **how)

    propagate = network.propagate
    monkeypatch.setattr(network, "propagate", spy)
    frames, labels = inputs(n_frames=8)
    clip_loss(network, frames, labels, write_every_frames=2, progress=0.0)
    assert read == [1, 1, 2, 2, 3, 3, 4]


@pytest.mark.parametrize("progress", [0.0, 0.75])
def test_the_reference_weighs_less_and_less(small_rmem, progress):
    network = small_rmem().network
    loss, parts = clip_loss(network, *inputs(), write_every_frames=2, progress=progress)
    own = (parts["entropy"] + parts["jaccard"]) / 2
    torch.testing.assert_close(loss, own + (1 - progress) * parts["reference"])


@pytest.mark.parametrize("progress", [0.1, 0.8])
def test_clips_without_gas_do_not_break_a_step(small_rmem, progress):
    model = small_rmem()
    model.train()
    made = batch(2)
    made.masks[0, 0] = 0
    made.masks[1] = 0
    loss, _ = model.training_step(made, progress)
    loss.backward()
    gradients = [w.grad for w in model.network.parameters() if w.grad is not None]
    assert torch.isfinite(loss)
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_a_step_works_in_half_precision(small_rmem):
    model = small_rmem()
    model.train()
    torch.manual_seed(0)
    full = model.training_step(batch(), 0.1)[0]
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        half = model.training_step(batch(), 0.1)[0]
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(full.item(), rel=0.1)


@pytest.mark.parametrize("progress", [0.2, 0.7])
def test_clips_of_a_batch_do_not_see_each_other(small_rmem, progress):
    network = small_rmem(n_identities=1).network  # in evaluation mode: nothing is drawn
    frames, labels = inputs(n_clips=2)
    frames = frames + 0.1 * torch.randn(frames.shape, generator=torch.Generator().manual_seed(2))
    labels[1] = labels[1].roll(9, dims=1)
    how = {"write_every_frames": 1, "progress": progress}
    with torch.inference_mode():
        both, one, two = (
            clip_loss(network, frames[clips], labels[clips], **how)[1]
            for clips in (slice(2), slice(1), slice(1, 2))
        )
    for name, loss in both.items():  # the mean over the clips
        torch.testing.assert_close(loss, (one[name] + two[name]) / 2, atol=1e-5, rtol=1e-5)
        assert (one[name] - two[name]).abs() > 0.001


def test_samples_are_drawn_as_the_settings_say(small_rmem):
    model = small_rmem(training={"first_gas_px": 12, "max_frame_gap": 2})
    assert model.sampling == SpreadFrames(
        8, largest_step=((0.0, 2),), reverse_fraction=0.5, first_gas_px=12, attempts=40
    )
    assert model.sample_size == (64, 80)


def test_soft_jaccard_by_hand():
    p, labels = torch.tensor([[[0.9, 0.2], [0.4, 0.1]]]), torch.tensor([[[1, 0], [1, 0]]])
    logits = torch.stack([(1 - p).log(), p.log()], dim=1)
    # Gas: sum pg = 1.3, sum p(1-g) = 0.3, sum g(1-p) = 0.7; background: 1.7, 0.7, 0.3.
    expected = 1 - (1.3 / 2.3 + 1.7 / 2.7) / 2
    assert soft_jaccard(logits, labels) == pytest.approx(expected, rel=1e-5)
    # Labels that are not there are left out; the sum of p over the frame is 1.6.
    empty, full = torch.zeros_like(labels), torch.ones_like(labels)
    both = soft_jaccard(logits.expand(2, -1, -1, -1), torch.cat([empty, full]))
    assert both == pytest.approx(((1 - 2.4 / 4) + (1 - 1.6 / 4)) / 2, rel=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        terms = frame_loss(logits.bfloat16(), labels, 0.5)
    assert [term.dtype for term in terms] == [torch.float32] * 2
