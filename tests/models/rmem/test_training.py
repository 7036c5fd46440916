import pytest
import torch
from torch.nn import functional

from fgstp.models.rmem import training
from fgstp.models.rmem.model import RmemSettings
from fgstp.models.rmem.training import RmemTrainingSettings, clip_loss, frame_loss, soft_jaccard
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


def test_a_few_steps_make_the_loss_fall(small_rmem):
    model = small_rmem(drawn=False, n_identities=1)  # several are learned one after another
    optimiser = torch.optim.AdamW(model.network.parameters(), 1e-3)
    model.train()
    losses = []
    for _ in range(10):
        loss, parts = model.training_step(batch(), 0.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert parts.keys() == {"entropy", "jaccard", "reference"}
    assert not any(part.requires_grad for part in parts.values())
    assert losses[-1] < 0.6 * losses[0], losses


def test_the_gradient_reaches_every_weight_while_true_masks_are_remembered(small_rmem):
    model = small_rmem()
    model.train()
    model.training_step(batch(2), 0.0)[0].backward()
    for name, weight in model.network.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name
        assert weight.grad.any(), name
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


@pytest.mark.parametrize(("progress", "forced"), [(0.0, True), (0.49, True), (0.5, False)])
def test_true_masks_are_remembered_in_the_first_half_only(
    small_rmem, monkeypatch, progress, forced
):
    network = small_rmem().network
    labels = inputs()[1]
    others = labels.clone()
    others[:, 1] = 1 - others[:, 1]
    one, two = (spied_logits(monkeypatch, network, each, progress) for each in (labels, others))
    changed = [not torch.equal(a, b) for a, b in zip(one, two, strict=True)]
    assert changed == [False, False, forced, forced, forced]


def test_the_first_mask_is_always_remembered(small_rmem, monkeypatch):
    network = small_rmem().network
    labels = inputs()[1]
    others = labels.clone()
    others[:, 0] = 1 - others[:, 0]
    one, two = (spied_logits(monkeypatch, network, each, 0.9) for each in (labels, others))
    assert all(not torch.equal(a, b) for a, b in zip(one, two, strict=True))


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


def test_a_batch_of_clips_is_as_good_as_single_clips(small_rmem):
    network = small_rmem().network
    frames, labels = inputs(n_clips=2)
    frames = frames + 0.1 * torch.randn(frames.shape, generator=torch.Generator().manual_seed(2))
    labels[1] = labels[1].roll(9, dims=1)

    def logits(clips):
        encoded = [network.encode(frames[clips, t]) for t in range(4)]
        embedding = network.identify(labels[clips, 0])
        result = network.reference(encoded[0], embedding)
        maps, bank = [result.logits], []
        for t in range(1, 4):
            entry, previous = network.write(result.seen, embedding)
            bank.append(entry)
            result = network.propagate(encoded[t], bank, previous)
            embedding = network.identify(labels[clips, t])
            maps.append(result.logits)
        return torch.stack(maps)

    with torch.inference_mode():
        both, one, two = (logits(slice(*ends)) for ends in ((0, 2), (0, 1), (1, 2)))
    torch.testing.assert_close(both, torch.cat([one, two], 1), atol=1e-4, rtol=1e-4)
    assert (one - two).abs().max() > 0.01


def test_samples_are_drawn_as_the_settings_say(small_rmem):
    model = small_rmem(training={"first_gas_px": 12, "max_frame_gap": 2})
    assert model.sampling == SpreadFrames(
        8, largest_step=((0.0, 2),), reverse_fraction=0.5, first_gas_px=12, attempts=40
    )
    assert model.sample_size == (64, 80)


def test_the_defaults_are_those_of_the_paper():
    settings = RmemSettings()
    assert (settings.base, settings.height_px, settings.width_px) == ("aotl", 352, 352)
    assert settings.training.first_gas_px == 200
    how = settings.optimisation
    assert (how.optimiser, how.schedule) == ("adamw", "polynomial")
    assert (how.weight_decay, how.warm_up_fraction, how.gradient_clip.at) == (0.07, 0.05, 5.0)


@pytest.mark.parametrize(
    "settings",
    [
        {"n_frames": 7},
        {"n_frames": 8, "write_every_frames": 3},
        {"drop_path": 1.0},
        {"reverse_fraction": 1.5},
    ],
)
def test_samples_too_short_for_the_temporal_slots_and_other_nonsense_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        RmemTrainingSettings(**settings)
    RmemTrainingSettings(n_frames=11, write_every_frames=3)


@pytest.mark.parametrize("settings", [{"width": 100}, {"n_layers": 0}, {"n_identities": 0}])
def test_widths_that_cannot_be_shared_out_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        RmemSettings(**settings)


def logits_of(probabilities):
    """Logits of two labels, (B, 2, H, W), from the probability of label 1."""
    p = torch.tensor(probabilities)
    return torch.stack([(1 - p).log(), p.log()], dim=1)


P = [[[0.9, 0.2], [0.4, 0.1]]]
LABELS = torch.tensor([[[1, 0], [1, 0]]])


def test_soft_jaccard_by_hand():
    # Gas: sum pg = 1.3, sum p(1-g) = 0.3, sum g(1-p) = 0.7; background: 1.7, 0.7, 0.3.
    expected = 1 - (1.3 / 2.3 + 1.7 / 2.7) / 2
    assert soft_jaccard(logits_of(P), LABELS) == pytest.approx(expected, rel=1e-5)


def test_soft_jaccard_leaves_out_labels_that_are_not_there():
    empty, full = torch.zeros_like(LABELS), torch.ones_like(LABELS)
    # Sum of p over the frame is 1.6.
    assert soft_jaccard(logits_of(P), empty) == pytest.approx(1 - 2.4 / 4, rel=1e-5)
    assert soft_jaccard(logits_of(P), full) == pytest.approx(1 - 1.6 / 4, rel=1e-5)
    both = soft_jaccard(logits_of(P * 2), torch.cat([empty, full]))
    assert both == pytest.approx(((1 - 2.4 / 4) + (1 - 1.6 / 4)) / 2, rel=1e-5)


def test_a_perfect_map_costs_nothing_and_a_wrong_one_the_most():
    right = 60.0 * (2 * functional.one_hot(LABELS, 2).permute(0, 3, 1, 2) - 1)
    assert sum(frame_loss(right, LABELS, 1.0)) == pytest.approx(0.0, abs=1e-6)
    assert frame_loss(-right, LABELS, 1.0)[1] == pytest.approx(1.0)


def test_the_loss_is_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        terms = frame_loss(logits_of(P).bfloat16(), LABELS, 0.5)
    assert [term.dtype for term in terms] == [torch.float32] * 2
