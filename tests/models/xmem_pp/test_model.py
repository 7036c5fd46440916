import functools

import numpy as np
import pytest
import torch

from fgstp.models.sampling import Batch
from fgstp.models.session import Prompt
from fgstp.models.xmem_pp.training import frame_loss, segment_clips

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WIDTHS = {"key": 16, "value": 32, "sensory": 16, "coarse": 32, "fine": 16}


@pytest.fixture
def small(small_xmem):
    return functools.partial(small_xmem, widths=WIDTHS, height_px=48, width_px=64)


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


def test_it_needs_the_first_mask_and_takes_spread_frames(small):
    built = small()
    assert (built.name, built.prompt_kind) == ("xmem_pp", "first_mask")
    sampling = built.sampling
    assert (sampling.n_frames, sampling.reverse_fraction) == (8, 0.5)
    assert sampling.largest_step == ((0.0, 5), (0.1, 10), (0.3, 15), (0.9, 5))
    names = {name.partition(".")[0] for name, _ in built.network.named_parameters()}
    assert set(built.encoders) < names


def test_the_loss_is_the_sum_over_frames_each_against_its_own_mask(small, batch):
    built = small(training={"n_reference": 9, "deep_update_fraction": 0.0})  # nothing is drawn
    built.network.eval()
    gas = (batch.masks > 0.5).float()
    with torch.no_grad():
        loss, parts = built.training_step(batch, 0.0)
        mean, std = (torch.tensor(each).view(3, 1, 1) for each in IMAGENET)
        frames = (batch.frames - mean) / std
        found = list(segment_clips(built.network, frames, gas[:, 0], 9, 0.0))
    assert len(found) == 5
    terms = [
        frame_loss(frame.logits, frame.prob, gas[:, t + 1], 1.0) for t, frame in enumerate(found)
    ]
    assert parts["ce"].item() == pytest.approx(sum(ce.item() for ce, _ in terms), rel=1e-5)
    assert parts["dice"].item() == pytest.approx(sum(dice.item() for _, dice in terms), rel=1e-5)
    assert loss == pytest.approx(parts["ce"] + parts["dice"])


def test_later_the_hardest_pixels_count_alone(small, batch):
    built = small()
    built.network.eval()
    entropies = []
    for progress in (0.0, 0.18, 0.4, 0.64, 0.99):
        torch.manual_seed(3)
        entropies.append(built.training_step(batch, progress)[1]["ce"].item())
    assert entropies[0] == entropies[1] < entropies[2] < entropies[3] == entropies[4]


@pytest.mark.parametrize("n_frames", [2, 6])
def test_a_step_moves_the_statistics_of_both_encoders_as_far(small, batch, n_frames):
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


def test_it_learns_to_follow_a_clip(small, batch, learned):
    built = small()
    one = Batch(*(x[:1, :4] for x in batch[:3]))
    built.network.key_head.key.bias.requires_grad_(False)  # in keys and queries: it falls out
    first, last = learned(built, one, 22)
    assert last < 0.5 * first
    # In evaluation mode, with stored statistics and real memories, it does what it learned.
    frames, masks = ((x[0, :, 0] * 255).round().byte().numpy() for x in one[:2])
    found = built.predict(frames, prompt=Prompt((masks[0] > 0).astype(np.uint8)))[1:] > 0
    gas = masks[1:] > 0
    assert (found & gas).sum() > 0.6 * (found | gas).sum()


def video(draw, n_frames, height=32, width=48):
    mask = torch.zeros(1, 1, height, width)
    mask[..., 8:24, 8:30] = 1
    return draw(1, 3, height, width) + 0.3 * draw(n_frames, 3, height, width), mask


def plain_xmem(
    network, frames, first_mask, *, every, t_max_frames, t_min_frames, n_prototypes, top_k
):
    """XMem without a permanent memory: its working memory begins with the given frame.

    That frame counts in both limits and is never merged.
    """
    probs, last_memory, sensory, n_long_trace = [first_mask[0, 0]], 0, None, []
    pinned, long_term, working = [], [], []  # an item an element
    for t, frame in enumerate(frames[:, None]):
        x = network.encode_key(frame)
        key, shrinkage, selection = (y[0].flatten(1).T for y in x[:3])
        if t == 0:
            sensory, memory_frame, mask = network.no_sensory(x.f16), True, first_mask
        else:
            memory = pinned + long_term + working
            k, s, v = (torch.stack([each[name] for each in memory]) for name in "ksv")
            similarities = torch.stack(
                [
                    -s[:, 0] * (e * (k - q) ** 2).sum(1) / 8**0.5
                    for q, e in zip(key, selection, strict=True)
                ]
            )  # a row a query
            bound = similarities.sort(1, descending=True).values[:, :top_k][:, -1:]
            weights = similarities.masked_fill(similarities < bound, -torch.inf).softmax(1)
            for each, use in zip(memory, weights.sum(0), strict=True):
                each["use"] += use
                each["life"] += 1
            last = t == len(frames) - 1  # as published: it changes no state
            memory_frame = t - last_memory >= every and not last
            readout = (weights @ v).T.reshape(1, -1, *x.key.shape[2:])
            sensory, _, mask = network.segment(
                x, readout, sensory, frame.shape[2:], update=not memory_frame and not last
            )
            probs.append(mask[0, 0])
        if memory_frame:
            last_memory = t
            value, sensory = network.encode_value(frame, x.f16, mask, sensory, deep_update=True)
            rows = zip(key, shrinkage, selection, value[0].flatten(1).T, strict=True)
            new = [dict(zip("ksev", row, strict=True), use=0.0, life=1e-7) for row in rows]
            (working if t else pinned).extend(new)
            if len(pinned + working) == t_max_frames * len(new):
                newest = (t_min_frames - 1) * len(new)
                old, working = working[:-newest], working[-newest:]
                k, s, v = (torch.stack([each[name] for each in old]) for name in "ksv")
                for each in sorted(old, key=lambda e: -e["use"] / e["life"])[:n_prototypes]:
                    distance = (each["e"] * (k - each["k"]) ** 2).sum(1)
                    weights = (-s[:, 0] * distance / 8**0.5).softmax(0)
                    merged = {"s": weights @ s, "v": weights @ v, "use": 0.0, "life": 1e-7}
                    long_term.append(each | merged)
        n_long_trace.append(len(long_term))
    return torch.stack(probs), n_long_trace


def test_with_one_prompted_frame_it_is_xmem_with_limits_larger_by_one(network, propagated, draw):
    frames, mask = video(draw, 25)
    limits = {"n_prototypes": 5, "top_k": 9}
    ours, session = propagated(
        network, frames, mask, memory_every_frames=2, t_max_frames=4, t_min_frames=2, **limits
    )
    with torch.inference_mode():
        theirs, n_long = plain_xmem(
            network, frames, mask, every=2, t_max_frames=5, t_min_frames=3, **limits
        )
    # The last frame is merged here, for a session does not know which one is the last.
    assert session.memory.long_term.n_elements == n_long[-1] + 5 == 25
    assert ours[1:].std() > 0.05
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=0)
