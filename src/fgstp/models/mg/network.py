"""The network of Motion Grouping (arXiv 2104.07658)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

STRIDE = 8  # of the decoder's initial grid: sides must be multiples of it
KERNEL, PADDING = 5, 2


class FlowLayers(NamedTuple):
    """A picture of flow decomposed into K layers.

    Attributes:
        reconstruction: (N, C, H, W): sum over the layers of alpha * colours.
        colours: (N, K, C, H, W): the picture of each layer.
        alpha: (N, K, 1, H, W) in [0, 1]: opacity of each layer; sums to 1 over the layers.
    """

    reconstruction: Tensor
    colours: Tensor
    alpha: Tensor


class SlotAttention(nn.Module):
    """Slots that compete for tokens (arXiv 2006.15055), with learned initial slots.

    With LN layer normalisations, W linear layers, d the width and x the tokens, k = W_k LN(x)
    and v = W_v LN(x), every iteration is

        a = softmax over slots of (W_q LN(slots)) k' / sqrt(d), + 1e-8,
        updates = sum over tokens of a v / sum over tokens of a,
        slots = GRU(updates, slots), slots = slots + MLP(LN(slots)).

    As published, the slots start from a table instead of noise, so that each of them
    represents the same kind of layer in every picture.

    Args:
        width: d, channels of tokens and slots.
        n_slots: number of slots.
    """

    n_iterations = 5
    eps = 1e-8

    def __init__(self, width: int, n_slots: int) -> None:
        super().__init__()
        self.start = nn.Embedding(n_slots, width)
        self.norm_tokens, self.norm_slots, self.norm_mlp = (nn.LayerNorm(width) for _ in range(3))
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))
        self.gru = nn.GRUCell(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (N, L, width) -> slots (N, n_slots, width)."""
        tokens = self.norm_tokens(tokens)
        k, v = self.k(tokens), self.v(tokens)
        slots = self.start.weight.expand(len(tokens), -1, -1)
        for _ in range(self.n_iterations):
            q = self.q(self.norm_slots(slots))
            logits = q @ k.transpose(1, 2) * q.shape[-1] ** -0.5
            weights = torch.softmax(logits, dim=1) + self.eps
            updates = weights / weights.sum(dim=2, keepdim=True) @ v
            slots = self.gru(updates.flatten(0, 1), slots.flatten(0, 1)).view_as(updates)
            slots = slots + self.mlp(self.norm_mlp(slots))
        return slots


class PositionEmbedding(nn.Module):
    """Adds a linear map of the position (y, x, 1 - y, 1 - x) of a cell, y and x in [0, 1].

    Args:
        width: channels.
        height_cells: height of the grid.
        width_cells: width of the grid.
    """

    grid: Tensor

    def __init__(self, width: int, height_cells: int, width_cells: int) -> None:
        super().__init__()
        y, x = (torch.linspace(0.0, 1.0, cells) for cells in (height_cells, width_cells))
        place = torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1)
        # Not in checkpoints: it follows from the size.
        self.register_buffer("grid", torch.cat([place, 1.0 - place], dim=-1), persistent=False)
        self.project = nn.Linear(4, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, h, w, width), or (N, 1, 1, width) spread over the grid -> (N, h, w, width)."""
        return x + self.project(self.grid)


class MotionGrouping(nn.Module):
    """Reconstructs a picture of flow from a few slots, each of which decodes to one layer.

    The alpha of a layer shows where something moves by itself. All normalisations are per
    picture: pictures of a batch are independent, and evaluation computes what training does.

    Args:
        height_px: height of the pictures, a multiple of 8.
        width_px: width of the pictures, a multiple of 8.
        n_in: channels of a picture: 3 for a colour-coded field, 2 for a bare one.
        n_slots: number of layers.
        width: channels of tokens and slots, a multiple of 4; the first two stages of the
            encoder have a quarter and a half of it, the decoder a quarter.
    """

    def __init__(
        self,
        height_px: int = 128,
        width_px: int = 224,
        *,
        n_in: int = 3,
        n_slots: int = 2,
        width: int = 256,
    ) -> None:
        super().__init__()
        self.encoder = _encoder(n_in, (width // 4, width // 2, width))
        self.encoder_position = PositionEmbedding(width, height_px // 4, width_px // 4)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.slot_attention = SlotAttention(width, n_slots)
        self.decoder_position = PositionEmbedding(width, height_px // STRIDE, width_px // STRIDE)
        self.decoder = _decoder(width, width // 4, n_in + 1)

    def forward(self, pictures: Tensor) -> FlowLayers:
        """Decompose pictures of flow (N, n_in, H, W) float32; colour-coded ones in [-1, 1]."""
        return self.paint(self.slot_attention(self.tokens(self.encoder(pictures))))

    def tokens(self, features: Tensor) -> Tensor:
        """Output of the encoder (N, width, H/4, W/4) -> tokens (N, H W / 16, width)."""
        placed = self.encoder_position(features.permute(0, 2, 3, 1))
        return self.mlp(self.norm(placed.flatten(1, 2)))

    def paint(self, slots: Tensor) -> FlowLayers:
        """Slots (N, K, width) -> layers of pictures (N, n_in, H, W)."""
        cells = self.decoder_position(slots.flatten(0, 1)[:, None, None])
        painted = self.decoder(cells.permute(0, 3, 1, 2)).unflatten(0, slots.shape[:2])
        colours, logits = painted[:, :, :-1], painted[:, :, -1:]
        alpha = torch.softmax(logits, dim=1)
        return FlowLayers((alpha * colours).sum(dim=1), colours, alpha)


def _encoder(n_in: int, widths: tuple[int, ...]) -> nn.Sequential:
    """Two convolutions per width, with pooling between the widths."""
    layers: list[nn.Module] = []
    for width in widths:
        if layers:
            layers.append(nn.MaxPool2d(2))
        layers += _normalised(nn.Conv2d(n_in, width, KERNEL, padding=PADDING), width)
        layers += _normalised(nn.Conv2d(width, width, KERNEL, padding=PADDING), width)
        n_in = width
    return nn.Sequential(*layers)


def _decoder(n_in: int, width: int, n_out: int) -> nn.Sequential:
    """Three upsampling convolutions, then two convolutions."""
    layers: list[nn.Module] = []
    for n_from in (n_in, width, width):
        layers += _normalised(nn.ConvTranspose2d(n_from, width, KERNEL, 2, PADDING, 1), width)
    layers += _normalised(nn.Conv2d(width, width, KERNEL, padding=PADDING), width)
    return nn.Sequential(*layers, nn.Conv2d(width, n_out, KERNEL, padding=PADDING))


def _normalised(layer: nn.Module, width: int) -> list[nn.Module]:
    return [layer, nn.InstanceNorm2d(width, affine=True), nn.ReLU()]
