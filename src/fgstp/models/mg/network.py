"""The network of Motion Grouping (arXiv 2104.07658)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from fgstp.models.mg.slot_attention import SlotAttention

STRIDE = 8  # of the grid that the decoder starts from: sides must be multiples of it
KERNEL, PADDING = 5, 2


class Layers(NamedTuple):
    """A picture of flow taken apart into K layers.

    Attributes:
        reconstruction: (N, C, H, W): the layers blended again, sum of alpha * colours.
        colours: (N, K, C, H, W): the picture of each layer.
        alpha: (N, K, 1, H, W) in [0, 1]: its share of each pixel; the shares sum to 1.
    """

    reconstruction: Tensor
    colours: Tensor
    alpha: Tensor


class PositionEmbedding(nn.Module):
    """Adds a linear map of where a cell lies, (y, x, 1 - y, 1 - x), y and x from 0 to 1.

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
        # It follows from the size, so that checkpoints do without it.
        self.register_buffer("grid", torch.cat([place, 1.0 - place], dim=-1), persistent=False)
        self.project = nn.Linear(4, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, h, w, width), or (N, 1, 1, width) spread over the grid -> (N, h, w, width)."""
        return x + self.project(self.grid)


class MotionGrouping(nn.Module):
    """Rebuilds a picture of flow from a few slots, each of which paints one layer.

    The alpha of a layer is where something moves by itself. All normalisations are of one
    picture alone, so that pictures do not see each other and evaluation is as training.

    Args:
        height_px: height of the pictures, a multiple of 8.
        width_px: width of the pictures, a multiple of 8.
        n_in: channels of a picture: 3 for a colour-coded field, 2 for a bare one.
        n_slots: layers.
        width: channels of tokens and slots, a multiple of 4; the first two stages of the
            encoder have a quarter and a half of it, the decoder a quarter.
        n_iterations: of slot attention.
    """

    def __init__(
        self,
        height_px: int = 128,
        width_px: int = 224,
        *,
        n_in: int = 3,
        n_slots: int = 2,
        width: int = 256,
        n_iterations: int = 5,
    ) -> None:
        super().__init__()
        self.encoder = _encoder(n_in, (width // 4, width // 2, width))
        self.encoder_position = PositionEmbedding(width, height_px // 4, width_px // 4)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.slot_attention = SlotAttention(width, n_slots, n_iterations)
        self.decoder_position = PositionEmbedding(width, height_px // STRIDE, width_px // STRIDE)
        self.decoder = _decoder(width, width // 4, n_in + 1)

    def forward(self, pictures: Tensor) -> Layers:
        """Take pictures of flow apart.

        Args:
            pictures: (N, n_in, H, W) float32, of the size given at construction; colour-coded
                ones in [-1, 1].

        Returns:
            Their layers.
        """
        return self.paint(self.slot_attention(self.tokens(self.encoder(pictures))))

    def tokens(self, features: Tensor) -> Tensor:
        """What the encoder gives, (N, width, H/4, W/4) -> tokens (N, H W / 16, width)."""
        placed = self.encoder_position(features.permute(0, 2, 3, 1))
        return self.mlp(self.norm(placed.flatten(1, 2)))

    def paint(self, slots: Tensor) -> Layers:
        """Slots (N, K, width) -> layers of pictures (N, n_in, H, W)."""
        cells = self.decoder_position(slots.flatten(0, 1)[:, None, None])
        painted = self.decoder(cells.permute(0, 3, 1, 2)).unflatten(0, slots.shape[:2])
        colours, logits = painted[:, :, :-1], painted[:, :, -1:]
        alpha = torch.softmax(logits, dim=1)
        return Layers((alpha * colours).sum(dim=1), colours, alpha)


def _encoder(n_in: int, widths: tuple[int, ...]) -> nn.Sequential:
    """Two convolutions a width, halved in size between the widths."""
    layers: list[nn.Module] = []
    for width in widths:
        if layers:
            layers.append(nn.MaxPool2d(2))
        layers += _normalised(nn.Conv2d(n_in, width, KERNEL, padding=PADDING), width)
        layers += _normalised(nn.Conv2d(width, width, KERNEL, padding=PADDING), width)
        n_in = width
    return nn.Sequential(*layers)


def _decoder(n_in: int, width: int, n_out: int) -> nn.Sequential:
    """Doubled in size three times, then two convolutions."""
    layers: list[nn.Module] = []
    for n_from in (n_in, width, width):
        doubled = nn.ConvTranspose2d(
            n_from, width, KERNEL, stride=2, padding=PADDING, output_padding=1
        )
        layers += _normalised(doubled, width)
    layers += _normalised(nn.Conv2d(width, width, KERNEL, padding=PADDING), width)
    return nn.Sequential(*layers, nn.Conv2d(width, n_out, KERNEL, padding=PADDING))


def _normalised(layer: nn.Module, width: int) -> list[nn.Module]:
    return [layer, nn.InstanceNorm2d(width, affine=True), nn.ReLU()]
