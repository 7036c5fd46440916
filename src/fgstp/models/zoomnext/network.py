"""The network of ZoomNeXt (arXiv 2310.20208)."""

import torch
from timm.models.pvt_v2 import PyramidVisionTransformerStage
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.blocks.decoder import resized
from fgstp.models.blocks.encoder import PvtName, pvt, widths
from fgstp.models.blocks.layers import ConvBn, GroupedUnit


class ConvBnRelu(ConvBn):
    """Convolution without bias, batch normalisation, ReLU; arguments are those of `ConvBn`."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, H, W) -> (B, n_out, H, W), not negative."""
        return functional.relu(super().forward(x))


class AtrousPyramid(nn.Module):
    """Reduces a coarse level to few channels with context from their surroundings.

    With n channels of the output, every layer a convolution, normalisation and ReLU:

        [a, b] = split(x), n channels each
        a_1 = near_1(a), a_2 = near_2(a_1), a_3 = near_3(a_2), 3 x 3 with dilation 3
        c = whole(mean of b over all positions), at every position
        y = merge([c, a, a_1, a_2, a_3]), 1 x 1 and then 3 x 3

    In training the normalisation of c has one value a frame, so a batch must hold two frames.

    Args:
        n_in: channels of the input.
        n_channels: channels n of the output.
    """

    def __init__(self, n_in: int, n_channels: int) -> None:
        super().__init__()
        self.split = ConvBnRelu(n_in, 2 * n_channels, 1)
        n = n_channels
        self.near = nn.ModuleList([ConvBnRelu(n, n, 3, dilation=3) for _ in range(3)])
        self.whole = ConvBnRelu(n, n, 1)
        self.merge = nn.Sequential(ConvBnRelu(5 * n, n, 1), ConvBnRelu(n, n, 3))

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_in, H, W) -> (B, n_channels, H, W), not negative."""
        a, b = self.split(x).chunk(2, dim=1)
        cascade = [a]
        for near in self.near:
            cascade.append(near(cascade[-1]))
        whole = self.whole(b.mean((2, 3), keepdim=True)).expand_as(a)
        return self.merge(torch.cat([whole, *cascade], dim=1))


N_SCALES, N_HEADS = 3, 4


class ScaleIntegration(nn.Module):
    """MHSIU: at every position and in every head, a weighted mean of the three zooms.

    The large zoom is pooled to the size of the middle one, maximum plus mean, and the small
    one is resized to it, each after a convolution of its own. With L, M and S the three after
    one more convolution each, and h channels a head:

        A = compare([L, M, S]), V = content([L, M, S]), cut into heads of 3 h channels each
        w = softmax over the zooms of weigh(A), the same layers for all heads
        y = w_L V_L + w_M V_M + w_S V_S, of all heads side by side

    Args:
        n_channels: channels of each zoom and of the output, a multiple of 4, the number of heads.
    """

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        n, head = n_channels, n_channels // N_HEADS
        self.before_pooling, self.before_resizing = ConvBnRelu(n, n, 3), ConvBnRelu(n, n, 3)
        self.large, self.middle, self.small = (ConvBnRelu(n, n, 3) for _ in range(N_SCALES))
        self.compare = ConvBnRelu(N_SCALES * n, N_SCALES * n, 1)
        self.content = ConvBnRelu(N_SCALES * n, N_SCALES * n, 1)
        self.weigh = nn.Sequential(
            ConvBnRelu(N_SCALES * head, head, 1),
            ConvBnRelu(head, head, 3),
            nn.Conv2d(head, N_SCALES, 1),
        )

    def forward(self, large: Tensor, middle: Tensor, small: Tensor) -> Tensor:
        """(B, n_channels, h, w) of any sizes -> (B, n_channels, H, W) of the middle's, >= 0."""
        height, width = size = middle.shape[-2:]
        large = self.before_pooling(large)
        pooled = max_pooled(large, (height, width))
        pooled = pooled + functional.adaptive_avg_pool2d(large, (height, width))
        small = resized(self.before_resizing(small), size)
        scales = torch.cat([self.large(pooled), self.middle(middle), self.small(small)], dim=1)

        compared = self._heads(self.compare(scales)).flatten(1, 2)
        weights = self.weigh(compared).softmax(dim=1).unsqueeze(2)
        mixed = (weights * self._heads(self.content(scales))).sum(dim=1)
        return torch.unflatten(mixed, 0, (-1, N_HEADS)).flatten(1, 2)

    def _heads(self, x: Tensor) -> Tensor:
        """(B, 3 heads h, H, W), zooms outermost -> (B heads, 3, h, H, W)."""
        heads = torch.unflatten(x, 1, (N_SCALES, N_HEADS, -1)).transpose(1, 2)
        return heads.flatten(0, 1)


def max_pooled(x: Tensor, size: tuple[int, int]) -> Tensor:
    """`adaptive_max_pool2d` to a size; ONNX has no such operator, so it is exported as maxima.

    Cell i of n of a side of L pixels holds those from floor(i L / n) to ceil((i + 1) L / n) - 1.
    """
    if not torch.compiler.is_exporting():
        return functional.adaptive_max_pool2d(x, size)
    for dim, n in zip((2, 3), size, strict=True):
        length = x.shape[dim]
        first, last = ([(i * length + e * (length - 1)) // n for i in range(n)] for e in (0, 1))
        most = max(end - start for start, end in zip(first, last, strict=True))
        cells = [[min(a + k, b) for a, b in zip(first, last, strict=True)] for k in range(most + 1)]
        x = torch.stack([x.index_select(dim, torch.tensor(cell)) for cell in cells]).amax(0)
    return x


class TemporalDifference(nn.Module):
    """Adds to each frame features of the differences of neighbouring frames.

    With u_t the C channels of frame t of a clip of T frames, and frame T - 1 before frame 0:

        d = u_{t-1} - u_t, at each position and channel normalised over the T frames
        (k, v) = linear of the T values of d, at each position and channel
        a_t = softmax over channels y of d_t[x] . k_t[y] / sqrt(H W), sums over positions
        o_t[x] = sum over y of a_t[x, y] v_t[y]
        result = u + mix(o), two 3 x 3 convolutions over frames as their channels

    All frames of a clip are looked at, later ones too. The last convolution begins with zeros,
    so that the operator does nothing at the start of training; with one frame it never does.

    Args:
        n_frames: frames T of a clip, for which the weights are made.
    """

    def __init__(self, n_frames: int) -> None:
        super().__init__()
        self.n_frames = n_frames
        self.to_key_value = nn.Linear(n_frames, 2 * n_frames, bias=False)
        last, first = (nn.Conv2d(n_frames, n_frames, 3, padding=1, bias=False) for _ in range(2))
        nn.init.zeros_(last.weight)
        self.mix = nn.Sequential(first, nn.ReLU(), last)

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


Channels = tuple[float, float, float]


class ZoomNext(nn.Module):
    """Segments what hides in clips by looking at each frame at three zooms.

    All zooms share one encoder. At each of its levels i, finest 2 and coarsest 5:

        f_i = MHSIU_i(large_i, middle_i, small_i)
        x_5 = RGPU_5(f_5), x_i = RGPU_i(f_i + resized(x_{i+1}))

    and the logits come of x_2 in two steps that double its size. The frames of a clip meet in
    the operator of the RGPU, `TemporalDifference`, alone; with one frame it is left out.

    Frames may have any size of which the small zoom has 29 pixels a side. Nothing is padded:
    odd maps are rounded up by the encoder, and maps are resized to each other's size.

    Module lists hold the levels finest first.

    Args:
        encoder: size of the encoder, a name of timm.
        n_channels: channels of all levels after the encoder, a multiple of 4.
        n_frames: frames of a clip; 1: single frames.
        mean: of the pixels in [0, 1], a value a channel.
        std: standard deviation of the pixels, a value a channel.
        drop_path: rate of stochastic depth of the encoder.
        checkpoint_encoder: compute each block of the encoder once more for its gradient
            instead of keeping what is inside it; the result is the same.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        encoder: PvtName = "pvt_v2_b5",
        n_channels: int = 64,
        n_frames: int = 5,
        *,
        mean: Channels = (0.485, 0.456, 0.406),
        std: Channels = (0.229, 0.224, 0.225),
        drop_path: float = 0.0,
        checkpoint_encoder: bool = False,
    ) -> None:
        super().__init__()
        n = n_channels
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)
        self.encoder = pvt(encoder, (2, 3, 4, 5), drop_path)
        for stage in self.encoder.children():
            if isinstance(stage, PyramidVisionTransformerStage):
                stage.grad_checkpointing = checkpoint_encoder
        *finer, coarsest = widths(self.encoder)
        self.reduce = nn.ModuleList(
            [*(ConvBnRelu(width, n, 3) for width in finer), AtrousPyramid(coarsest, n)]
        )
        self.siu = nn.ModuleList([ScaleIntegration(n) for _ in self.reduce])
        operators = (TemporalDifference(n_frames) if n_frames > 1 else None for _ in self.reduce)
        self.rgpu = nn.ModuleList([GroupedUnit(n, operator) for operator in operators])
        self.smooth = ConvBnRelu(n, n, 3)
        self.predictor = nn.Sequential(ConvBnRelu(n, n // 2, 3), nn.Conv2d(n // 2, 1, 1))

    def forward(self, image_s: Tensor, image_m: Tensor, image_l: Tensor) -> Tensor:
        """Segment clips.

        Args:
            image_s: (B T, 3, H_s, W_s) float32 in [0, 1]: the small zoom, clip by clip.
            image_m: (B T, 3, H, W): the middle zoom.
            image_l: (B T, 3, H_l, W_l): the large zoom.

        Returns:
            Logits (B T, 1, H, W).
        """
        zooms = [self.levels(image) for image in (image_l, image_m, image_s)]
        fused = [unit(*level) for unit, *level in zip(self.siu, *zooms, strict=True)]
        return self.segment(self.refine(fused), image_m.shape[-2:])

    def levels(self, image: Tensor) -> list[Tensor]:
        """Maps (N, n_channels, h, w) of one zoom (N, 3, H, W) in [0, 1], finest first."""
        encoded = self.encoder((image - self.mean) / self.std)
        return [reduce(level) for reduce, level in zip(self.reduce, encoded, strict=True)]

    def refine(self, fused: list[Tensor]) -> Tensor:
        """The levels f_i, finest first, made into x_2, of the size of the finest."""
        *finer, refined = fused
        refined = self.rgpu[-1](refined)
        for unit, level in zip(reversed(self.rgpu[:-1]), reversed(finer), strict=True):
            refined = unit(level + resized(refined, level.shape[-2:]))
        return refined

    def segment(self, finest: Tensor, size: tuple[int, ...]) -> Tensor:
        """Logits (N, 1, H, W) of some size from x_2."""
        half_size = tuple((side + 1) // 2 for side in size)
        return self.predictor(resized(self.smooth(resized(finest, half_size)), size))
