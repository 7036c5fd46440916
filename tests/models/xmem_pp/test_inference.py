import pytest
import torch

from fgstp.models.resnet import ResNetSettings
from fgstp.models.xmem_pp.inference import Tracker
from fgstp.models.xmem_pp.memory import Memory
from fgstp.models.xmem_pp.network import Xmem

RESNET18 = ResNetSettings(name="resnet18")


@pytest.fixture
def network(randomised):
    widths = {"n_key": 8, "n_value": 16, "n_sensory": 4, "n_coarse": 16, "n_fine": 8}
    network = randomised(Xmem(RESNET18, RESNET18, **widths))
    with torch.no_grad():  # so that several elements have a say in a reading
        network.key_head.key.weight.mul_(0.1)
        network.decoder.score.weight.mul_(0.2)
    return network


def video(draw, n_frames, height=32, width=48):
    mask = torch.zeros(1, 1, height, width)
    mask[..., 8:24, 8:30] = 1
    return draw(1, 3, height, width) + 0.3 * draw(n_frames, 3, height, width), mask


def followed(network, frames, mask, every=1, batch=4, **limits):
    defaults = {
        "t_max_frames": 99,
        "t_min_frames": 1,
        "n_prototypes": 5,
        "long_term_limit_elements": 99,
        "top_k": 9,
    }
    tracker = Tracker(network, Memory(**defaults | limits), every)
    with torch.inference_mode():
        probs = torch.stack(list(tracker.follow(frames.split(batch), mask, len(frames))))
    return probs, tracker


def plain_xmem(
    network, frames, first_mask, *, every, t_max_frames, t_min_frames, n_prototypes, top_k
):
    """XMem without a permanent memory: its working memory begins with the given frame.

    That frame counts in both limits and is never merged.
    """
    probs, pinned, last_memory, sensory = [first_mask[0, 0]], None, 0, None
    memory = {"k": [], "s": [], "e": [], "v": [], "use": [], "life": []}  # an item an element
    n_long, n_long_trace = 0, []
    for t, frame in enumerate(frames[:, None]):
        x = network.encode_key(frame)
        n = x.key[0, 0].numel()
        key, shrinkage, selection = (y[0].flatten(1).T for y in x[:3])
        if t == 0:
            pinned, sensory = n, network.no_sensory(x.f16)
            memory_frame, mask = True, first_mask
        else:
            k, s, v = (torch.stack(memory[name]) for name in "ksv")
            similarities = torch.stack(
                [
                    -s[:, 0] * (e * (k - q) ** 2).sum(1) / 8**0.5
                    for q, e in zip(key, selection, strict=True)
                ]
            )  # a row a query
            bound = similarities.sort(1, descending=True).values[:, :top_k][:, -1:]
            weights = similarities.masked_fill(similarities < bound, -torch.inf).softmax(1)
            for number, use in enumerate(weights.sum(0)):
                memory["use"][number] += use
                memory["life"][number] += 1
            last = t == len(frames) - 1
            memory_frame = t - last_memory >= every and not last
            readout = (weights @ v).T.reshape(1, -1, *x.key.shape[2:])
            sensory, _, mask = network.segment(
                x, readout, sensory, frame.shape[2:], update=not memory_frame and not last
            )
            probs.append(mask[0, 0])
        if memory_frame:
            last_memory = t
            value, sensory = network.encode_value(frame, x.f16, mask, sensory, deep_update=True)
            memory["k"] += list(key)
            memory["s"] += list(shrinkage)
            memory["e"] += list(selection)
            memory["v"] += list(value[0].flatten(1).T)
            memory["use"] += [0.0] * n
            memory["life"] += [1e-7] * n
            # Order: the pinned frame, the long-term memory, the rest of the working memory.
            if len(memory["k"]) - n_long == t_max_frames * n:
                start, stop = pinned + n_long, len(memory["k"]) - (t_min_frames - 1) * n
                old = {name: items[start:stop] for name, items in memory.items()}
                usage = [use / life for use, life in zip(old["use"], old["life"], strict=True)]
                chosen = sorted(range(len(usage)), key=lambda i: -usage[i])[:n_prototypes]
                new = {"k": [], "s": [], "e": [], "v": []}
                for i in chosen:
                    k, s, v = (torch.stack(old[name]) for name in "ksv")
                    distance = (old["e"][i] * (k - old["k"][i]) ** 2).sum(1)
                    weights = (-s[:, 0] * distance / 8**0.5).softmax(0)
                    new["k"].append(old["k"][i])
                    new["e"].append(old["e"][i])
                    new["s"].append(weights @ s)
                    new["v"].append(weights @ v)
                new |= {"use": [0.0] * len(chosen), "life": [1e-7] * len(chosen)}
                for name, items in memory.items():
                    items[start:stop] = new[name]
                n_long += len(chosen)
        n_long_trace.append(n_long)
    return torch.stack(probs), n_long_trace


def test_with_one_given_frame_it_is_xmem_with_limits_larger_by_one(network, draw):
    frames, mask = video(draw, 26)
    ours, tracker = followed(
        network, frames, mask, every=2, t_max_frames=4, t_min_frames=2, n_prototypes=5, top_k=9
    )
    with torch.inference_mode():
        theirs, n_long = plain_xmem(
            network, frames, mask, every=2, t_max_frames=5, t_min_frames=3, n_prototypes=5, top_k=9
        )
    assert n_long[-1] == tracker.memory.long_term.n_elements == 25  # merged five times
    assert ours[1:].std() > 0.05
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=0)


@pytest.mark.parametrize(("n_frames", "merges"), [(7, False), (8, True)])
def test_a_short_clip_is_never_merged(network, draw, n_frames, merges):
    frames, mask = video(draw, n_frames)
    _, tracker = followed(network, frames, mask, every=2, t_max_frames=3)
    assert (tracker.memory.long_term is not None) == merges


def test_every_few_frames_one_is_remembered_but_never_the_last(network, draw):
    for n_frames, expected in ((6, 1), (7, 1), (8, 2)):
        frames, mask = video(draw, n_frames)
        _, tracker = followed(network, frames, mask, every=3)
        assert len(tracker.memory.working) == expected
        assert len(tracker.memory.permanent) == 1


def test_the_batches_in_which_frames_come_do_not_matter(network, draw):
    frames, mask = video(draw, 7)
    one, _ = followed(network, frames, mask, batch=1)
    several, _ = followed(network, frames, mask, batch=3)
    torch.testing.assert_close(one, several, atol=1e-5, rtol=0)


def test_a_frame_does_not_depend_on_later_ones(network, draw):
    frames, mask = video(draw, 8)
    whole, _ = followed(network, frames, mask)
    frames[6:] = 0
    cut, _ = followed(network, frames, mask)
    torch.testing.assert_close(whole[:6], cut[:6])
    assert (whole[6] - cut[6]).abs().max() > 1e-3
