import numpy as np
import pytest
import torch
from pydantic import ValidationError

from fgstp.models.sampling import Batch
from fgstp.models.session import Prompt
from fgstp.models.xmem_pp.model import XmemModel, XmemSettings
from fgstp.models.xmem_pp.training import frame_loss, segment_clips

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SMALL = {
    "key_encoder": {"name": "resnet18"},
    "value_encoder": {"name": "resnet18"},
    "widths": {"key": 16, "value": 32, "sensory": 16, "coarse": 32, "fine": 16},
    "height_px": 48,
    "width_px": 64,
}


def small(**settings):
    torch.manual_seed(0)
    return XmemModel(XmemSettings(**SMALL | settings))


@pytest.fixture
def batch(clip):
    """Two clips with a blob that moves; in the second it is not gas."""
    frames = torch.from_numpy(clip(6, 48, 64))[:, None].float() / 255
    masks = torch.zeros_like(frames)
    for t in range(6):
        masks[t, :, 10:24, 4 * t : 4 * t + 14] = 0.9  # soft, as a mask that was turned
    return Batch(
        torch.stack([frames, frames]),
        torch.stack([masks, torch.zeros_like(masks)]),
        torch.arange(6).view(1, 6, 1).expand(2, 6, 1),
    )


def test_it_is_told_a_mask_and_takes_spread_frames():
    built = small()
    assert (built.name, built.prompt_kind) == ("xmem_pp", "first_mask")
    sampling = built.sampling
    assert (sampling.n_frames, sampling.reverse_fraction) == (8, 0.5)
    assert sampling.largest_step == ((0.0, 5), (0.1, 10), (0.3, 15), (0.9, 5))
    names = {name.partition(".")[0] for name, _ in built.network.named_parameters()}
    assert set(built.encoders) < names


def test_a_step_gives_a_gradient_to_all_that_is_used(batch):
    built = small()
    loss, parts = built.training_step(batch, 0.0)
    loss.backward()
    assert loss.item() == pytest.approx(sum(part.item() for part in parts.values()), rel=1e-6)
    assert set(parts) == {"ce", "dice"}
    assert not any(part.requires_grad for part in parts.values())
    for name, weight in built.network.named_parameters():
        assert weight.grad is not None, name
        if name != "key_head.key.bias":  # the same in keys and queries: it falls out
            assert weight.grad.abs().sum() > 0, name


def test_the_loss_is_the_sum_over_frames_each_against_its_own_mask(batch):
    built = small(training={"n_reference": 9, "deep_update_fraction": 0.0})  # nothing is drawn
    built.network.eval()
    gas = (batch.masks > 0.5).float()
    with torch.no_grad():
        loss, parts = built.training_step(batch, 0.0)
        frames = (batch.frames - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(
            IMAGENET_STD
        ).view(3, 1, 1)
        found = list(segment_clips(built.network, frames, gas[:, 0], 9, 0.0))
    assert len(found) == 5
    terms = [
        frame_loss(frame.logits, frame.prob, gas[:, t + 1], 1.0) for t, frame in enumerate(found)
    ]
    assert parts["ce"].item() == pytest.approx(sum(ce.item() for ce, _ in terms), rel=1e-5)
    assert parts["dice"].item() == pytest.approx(sum(dice.item() for _, dice in terms), rel=1e-5)
    assert loss == pytest.approx(parts["ce"] + parts["dice"])


def test_later_the_hardest_pixels_count_alone(batch):
    built = small()
    built.network.eval()
    entropies = []
    for progress in (0.0, 0.18, 0.4, 0.64, 0.99):
        torch.manual_seed(3)
        entropies.append(built.training_step(batch, progress)[1]["ce"].item())
    assert entropies[0] == entropies[1] < entropies[2] < entropies[3] == entropies[4]


@pytest.mark.parametrize("n_frames", [2, 6])
def test_a_step_moves_the_statistics_of_both_encoders_as_far(batch, n_frames):
    # If every batch were the same, a step would keep a share of 0.9 of what was stored.
    built = small(training={"n_frames": n_frames})
    norms = {
        part: getattr(built.network, part).body.bn1 for part in ("key_encoder", "value_encoder")
    }
    built.training_step(Batch(*(x[:, :n_frames] for x in batch[:3])), 0.0)
    n_batches = {part: int(norm.num_batches_tracked) for part, norm in norms.items()}
    assert n_batches == {"key_encoder": 1, "value_encoder": n_frames - 1}
    for part, norm in norms.items():
        assert n_batches[part] * norm.momentum == pytest.approx(0.1)


def test_training_repeats_itself_by_its_seed(batch):
    losses = []
    for seed in (1, 1, 2):
        built = small(training={"deep_update_fraction": 0.5})
        torch.manual_seed(seed)
        losses.append(built.training_step(batch, 0.0)[0].item())
    assert losses[0] == losses[1] != losses[2]


def test_it_learns_to_follow_a_clip(batch):
    built = small()
    optimiser = torch.optim.AdamW(built.network.parameters(), 1e-3)
    one = Batch(*(x[:1, :4] for x in batch[:3]))
    losses = []
    for _ in range(24):
        loss, _ = built.training_step(one, 0.0)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(built.network.parameters(), 3.0)
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    # In evaluation mode, with stored statistics and real memories, it does what it learned.
    frames, masks = ((x[0, :, 0] * 255).round().byte().numpy() for x in one[:2])
    found = built.predict(frames, prompt=Prompt((masks[0] > 0).astype(np.uint8)))[1:] > 0
    gas = masks[1:] > 0
    assert (found & gas).sum() > 0.6 * (found | gas).sum()


@pytest.mark.parametrize(
    "fault",
    [
        {"memory": {"t_min_frames": 10, "t_max_frames": 10}},
        {"memory": {"n_prototypes": 200, "long_term_limit_elements": 100}},
        {"training": {"n_frames": 1}},
        {"training": {"max_frame_gap": ((0.1, 5),)}},
        {"training": {"max_frame_gap": ((0.0, 5), (0.5, 9), (0.3, 4))}},
        {"training": {"max_frame_gap": ()}},
        {"widths": {"value": 8}},
        {"output": "hard"},
        {"value_encoder": {"weights": "a.pth", "frozen_stages": 1}},  # blind to masks
    ],
)
def test_settings_that_cannot_be_are_refused(fault):
    with pytest.raises(ValidationError):
        XmemSettings(**fault)
