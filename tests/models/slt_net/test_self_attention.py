"""Normalised self-attention against loops over every frame, head, place and place seen."""

import math

import numpy as np
import pytest
import torch

from fgstp.models.slt_net.self_attention import NormalisedSelfAttention


def naive(block, x):
    """One clip (T, C, H, W), in double precision."""
    n_frames, n_channels, height, width = x.shape
    depth = n_channels // 4
    project = {
        name: getattr(block, name).weight[:, :, 0, 0].double().numpy()
        for name in ("query", "key", "value", "project")
    }
    q, k, v = (
        np.einsum("oc,tchw->tohw", project[name], x.numpy()) for name in ("query", "key", "value")
    )
    mixed = np.zeros_like(v)
    certainty = np.zeros((n_frames, height, width))
    for head, dilation in enumerate((1, 3, 5, 7)):
        own = slice(head * depth, (head + 1) * depth)
        for t in range(n_frames):
            query = q[t, own]
            query = (query - query.mean()) / math.sqrt(query.var() + 1e-5)
            query = query * block.norm.weight.numpy() + block.norm.bias.numpy()
            for y, x_ in np.ndindex(height, width):
                scores = []
                for s, i, j in np.ndindex(n_frames, 7, 7):
                    row, column = y + dilation * (i - 3), x_ + dilation * (j - 3)
                    if 0 <= row < height and 0 <= column < width:
                        seen = k[s, own, row, column], v[s, own, row, column]
                        score = query[:, y, x_] @ seen[0] / math.sqrt(depth)
                        mixed[t, own, y, x_] += score * seen[1]
                    else:
                        score = 0.0
                    scores.append(score)
                odds = np.exp(scores)
                certainty[t, y, x_] = max(certainty[t, y, x_], (odds / odds.sum()).max())
    result = np.einsum("oc,tchw->tohw", project["project"], mixed)
    return torch.from_numpy(result * certainty[:, None])


@pytest.mark.parametrize(("n_frames", "height", "width"), [(2, 5, 8), (1, 9, 3)])
@torch.no_grad()
def test_it_computes_what_loops_compute(randomised, draw, n_frames, height, width):
    block = randomised(NormalisedSelfAttention(16, height, width))
    block.norm.weight.copy_(1 + 0.3 * draw(4, height, width))
    block.norm.bias.copy_(0.3 * draw(4, height, width))
    clips = draw(2, n_frames, 16, height, width)
    result = block(clips)
    for one, clip in zip(result, clips, strict=True):
        expected = naive(block, clip.double())
        assert expected.std() > 0.1
        torch.testing.assert_close(one.double(), expected, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_the_order_of_the_frames_does_not_matter(randomised, draw):
    block, clip = randomised(NormalisedSelfAttention(32, 4, 6)), draw(1, 4, 32, 4, 6)
    order = [2, 0, 3, 1]
    torch.testing.assert_close(block(clip[:, order]), block(clip)[:, order], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_mixed_precision_makes_no_difference(randomised, draw):
    block, clip = randomised(NormalisedSelfAttention(32, 4, 6)), draw(1, 2, 32, 4, 6)
    expected = block(clip)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(block(clip), expected)
