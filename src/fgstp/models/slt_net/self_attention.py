"""Normalised self-attention of a clip, over windows in all frames."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

RADIUS = 3
DILATIONS = (1, 3, 5, 7)  # a head each


class NormalisedSelfAttention(nn.Module):
    """Attention to a window around the same place in every frame (PNS-Net, arXiv 2105.08468).

    The channels of query q, key k and value v, 1 x 1 projections of x, are cut into four heads
    of D channels. In head i place (x, y) of a frame looks at the 7 x 7 places (u, v) that lie
    0 to 3 steps of dilation 1, 3, 5 or 7 from it, in every frame s of the clip:

        score(s, u, v) = norm(q(x, y)) . k_s(u, v) / sqrt(D), and 0 outside of the frame
        mixed_i(x, y)  = sum over (s, u, v) of score(s, u, v) v_s(u, v)
        certainty(x, y) = largest softmax of score over (s, u, v), in any of the heads
        y = project([mixed_1 ... mixed_4]) certainty

    The values are weighted by the bare scores, and places outside of the frame take part in the
    softmax: so does the published network. The sums grow with the number of frames. The
    normalisation of q is over D channels and all places of a frame, which fixes their number.
    Float32 throughout, under autocast too, because the bare scores may be large.

    Args:
        n_channels: channels of x, four times D.
        height: of x.
        width: of x.
    """

    def __init__(self, n_channels: int, height: int, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value, self.project = (
            nn.Conv2d(n_channels, n_channels, 1, bias=False) for _ in range(4)
        )
        self.norm = nn.LayerNorm((n_channels // len(DILATIONS), height, width))

    def forward(self, x: Tensor) -> Tensor:
        """Clips (B, T, C, height, width) -> the same shape, float32."""
        n_clips, n_frames, _, *size = x.shape
        with torch.autocast(x.device.type, enabled=False):
            frames = x.float().flatten(0, 1)
            query, key, value = (
                project(frames).reshape(n_clips, n_frames, len(DILATIONS), -1, *size)
                for project in (self.query, self.key, self.value)
            )
            query = self.norm(query)
            heads = [
                _looked_around(query[:, :, head], key[:, :, head], value[:, :, head], dilation)
                for head, dilation in enumerate(DILATIONS)
            ]
            mixed, certainty = zip(*heads, strict=True)
            projected = self.project(torch.cat(mixed, dim=2).flatten(0, 1))
            return projected.reshape(x.shape) * torch.stack(certainty).amax(0)


def _looked_around(
    query: Tensor, key: Tensor, value: Tensor, dilation: int
) -> tuple[Tensor, Tensor]:
    """One head: mixed values (B, T, D, H, W), and certainty (B, T, 1, H, W).

    Args:
        query: normalised, (B, T, D, H, W).
        key: of the same shape.
        value: of the same shape.
        dilation: distance between the places of a window.
    """
    keys, values = _windows(key, dilation), _windows(value, dilation)
    scores = torch.einsum("btcp,bscop->btsop", query.flatten(3), keys) / math.sqrt(query.shape[2])
    mixed = torch.einsum("btsop,bscop->btcp", scores, values)
    # The largest softmax, without the others.
    certainty = (scores.amax((2, 3)) - scores.logsumexp((2, 3))).exp()
    n_clips, n_frames, _, *size = query.shape
    return mixed.reshape(query.shape), certainty.reshape(n_clips, n_frames, 1, *size)


def _windows(clips: Tensor, dilation: int) -> Tensor:
    """Windows around each place, zero outside: (B, T, D, H, W) -> (B, T, D, 49, places)."""
    side = 2 * RADIUS + 1
    windows = functional.unfold(
        clips.flatten(0, 1), side, dilation=dilation, padding=RADIUS * dilation
    )
    return windows.reshape(*clips.shape[:3], side * side, -1)
