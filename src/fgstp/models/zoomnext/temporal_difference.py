"""Difference-aware operator: relates the frames of a clip."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class TemporalDifference(nn.Module):
    """Adds to each frame what the differences of neighbouring frames say.

    With u_t the C channels of frame t of a clip of T frames, and frame T - 1 before frame 0:

        d = u_{t-1} - u_t, at each position and channel normalised over the T frames
        (k, v) = linear of the T values of d, at each position and channel
        a_t = softmax over channels y of d_t[x] . k_t[y] / sqrt(H W), sums over positions
        o_t[x] = sum over y of a_t[x, y] v_t[y]
        result = u + mix(o), two 3 x 3 convolutions over frames as their channels

    All frames of a clip are looked at, later ones too. The last convolution begins with zeros,
    so that the operator does nothing at the start of training; with one frame it never does.

    Args:
        n_frames: frames T of a clip, which the weights are made for.
    """

    def __init__(self, n_frames: int = 5) -> None:
        super().__init__()
        self.n_frames = n_frames
        self.to_key_value = nn.Linear(n_frames, 2 * n_frames, bias=False)
        last = nn.Conv2d(n_frames, n_frames, 3, padding=1, bias=False)
        nn.init.zeros_(last.weight)
        self.mix = nn.Sequential(
            nn.Conv2d(n_frames, n_frames, 3, padding=1, bias=False), nn.ReLU(), last
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B T, C, H, W), clip by clip -> the same shape."""
        height, width = x.shape[-2:]
        clips = torch.unflatten(x, 0, (-1, self.n_frames))  # (B, T, C, H, W)
        difference = (clips.roll(1, dims=1) - clips).flatten(3).movedim(1, -1)  # (B, C, H W, T)
        difference = functional.layer_norm(difference, (self.n_frames,))
        key, value = self.to_key_value(difference).chunk(2, dim=-1)
        # Channels are the tokens, positions their features: (B, T, C, H W) each.
        query, key, value = (each.movedim(-1, 1) for each in (difference, key, value))
        related = functional.scaled_dot_product_attention(query.to(key.dtype), key, value)
        related = related.transpose(1, 2).reshape(-1, self.n_frames, height, width)
        change = torch.unflatten(self.mix(related), 0, (len(clips), -1)).transpose(1, 2)
        return x + change.flatten(0, 1)
