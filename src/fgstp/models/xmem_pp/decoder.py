"""From what was read from memory to logits, and the state that goes along the clip."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.resnet import Levels
from fgstp.models.xmem_pp.blocks import Fuse, GatedUpdate, ResBlock


class UpBlock(nn.Module):
    """Doubles a map and refines it with features of the frame.

        y = ResBlock(up2(g) + conv3(f))

    Args:
        n_skip: channels of the features.
        n_in: channels of the map.
        n_out: channels of the output.
    """

    def __init__(self, n_skip: int, n_in: int, n_out: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(n_skip, n_in, 3, padding=1)
        self.refine = ResBlock(n_in, n_out)

    def forward(self, features: Tensor, g: Tensor) -> Tensor:
        """(B, n_skip, 2h, 2w) and (B, n_in, h, w) -> (B, n_out, 2h, 2w)."""
        return self.refine(enlarged(g, 2) + self.skip(features))


class SensoryUpdate(nn.Module):
    """The sensory state takes in the decoder's maps of all levels.

        z = conv1(g16) + conv1(mean of 2 x 2 of g8) + conv1(mean of 4 x 4 of [g4, logit])

    Args:
        n_coarse: channels of g16.
        n_fine: channels of g8 and g4, and of z.
        n_sensory: channels of the state.
    """

    def __init__(self, n_coarse: int, n_fine: int, n_sensory: int) -> None:
        super().__init__()
        self.g16 = nn.Conv2d(n_coarse, n_fine, 1)
        self.g8 = nn.Conv2d(n_fine, n_fine, 1)
        self.g4 = nn.Conv2d(n_fine + 1, n_fine, 1)
        self.update = GatedUpdate(n_fine, n_sensory)

    def forward(self, maps: Levels, logits: Tensor, sensory: Tensor) -> Tensor:
        """The decoder's maps, its logits (B, 1, H/4, W/4) and the state -> the next state."""
        fine = torch.cat([maps.f4, logits], dim=1)
        z = (
            self.g16(maps.f16)
            + self.g8(functional.avg_pool2d(maps.f8, 2))
            + self.g4(functional.avg_pool2d(fine, 4))
        )
        return self.update(z, sensory)


class Decoder(nn.Module):
    """Decodes frames (arXiv 2207.07115, section 3.5).

        g16 = Fuse(f16, [readout, sensory]), g8 = Up(f8, g16), g4 = Up(f4, g8)
        logit = conv3(relu(g4)), enlarged four times

    Args:
        skips: channels of f4, f8 and f16.
        n_value: channels of the readout.
        n_sensory: channels of the sensory state.
        n_coarse: channels at 1/16.
        n_fine: channels at 1/8 and 1/4.
    """

    def __init__(
        self, skips: list[int], n_value: int, n_sensory: int, n_coarse: int, n_fine: int
    ) -> None:
        super().__init__()
        n_f4, n_f8, n_f16 = skips
        self.fuse = Fuse(n_f16 + n_value + n_sensory, n_coarse)
        self.up_8 = UpBlock(n_f8, n_coarse, n_fine)
        self.up_4 = UpBlock(n_f4, n_fine, n_fine)
        self.score = nn.Conv2d(n_fine, 1, 3, padding=1)
        self.sensory = SensoryUpdate(n_coarse, n_fine, n_sensory)

    def forward(
        self, features: Levels, readout: Tensor, sensory: Tensor, *, update: bool
    ) -> tuple[Tensor, Tensor]:
        """Decode frames.

        Args:
            features: of the frames.
            readout: (B, n_value, h, w).
            sensory: (B, n_sensory, h, w).
            update: whether the state takes in what is decoded.

        Returns:
            The state, updated or as it was, and logits (B, 1, 16 h, 16 w).
        """
        g16 = self.fuse(features.f16, torch.cat([readout, sensory], dim=1))
        g8 = self.up_8(features.f8, g16)
        g4 = self.up_4(features.f4, g8)
        logits = self.score(functional.relu(g4))
        if update:
            sensory = self.sensory(Levels(g4, g8, g16), logits, sensory)
        return sensory, enlarged(logits, 4)


def enlarged(x: Tensor, factor: int) -> Tensor:
    """A map with its height and width so many times as large, bilinear."""
    return functional.interpolate(x, scale_factor=factor, mode="bilinear")
