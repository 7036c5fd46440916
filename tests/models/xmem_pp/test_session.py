import pytest
import torch


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


@pytest.mark.parametrize(("n_frames", "n_written"), [(6, 1), (7, 2), (9, 2), (10, 3)])
def test_every_few_frames_one_is_written_to_memory(network, propagated, draw, n_frames, n_written):
    frames, mask = video(draw, n_frames)
    _, session = propagated(network, frames, mask, memory_every_frames=3, t_max_frames=3)
    merged = n_written == 3  # the working memory is full, and one frame stays
    assert len(session.memory.working) == (1 if merged else n_written)
    assert (session.memory.long_term is not None) == merged
    assert len(session.memory.permanent) == 1


def test_a_frame_does_not_depend_on_later_ones(network, propagated, draw):
    frames, mask = video(draw, 8)
    whole, _ = propagated(network, frames, mask)
    frames[6:] = 0
    cut, _ = propagated(network, frames, mask)
    torch.testing.assert_close(whole[:6], cut[:6])
    assert (whole[6] - cut[6]).abs().max() > 1e-3
