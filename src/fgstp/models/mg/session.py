"""A session of Motion Grouping: which layer of the flow is gas."""

from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fgstp.models.mg.flow import VideoFlow, coloured
from fgstp.models.mg.flow_session import FlowSession

if TYPE_CHECKING:
    from fgstp.models.mg.model import MgModel

SlotChoice = Literal["border", "oracle"]
THRESHOLD = 0.5
TIE_PX = 1e-6  # decides between layers that do not overlap the mask at all


class MgSession(FlowSession):
    """The map of a frame is the mean over the gaps of alpha of the chosen layer."""

    model: "MgModel"

    def _begin(self) -> None:
        super()._begin()
        is_oracle = self.model.settings.slot_choice == "oracle"
        self._masks = self.prompt.masks if is_oracle else None

    def video_flow(self) -> VideoFlow:
        """Flow from each frame to those at all gaps."""
        return self.model.features

    def maps(self, fields: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `FlowSession`."""
        device, masks = self.model.device, None
        if self._masks is not None:
            own = slice(self._n_predicted, self._n_predicted + fields.shape[1])
            masks = torch.from_numpy(np.array(self._masks[own])).to(device)
        shown = coloured(fields) if self.model.settings.flow_picture else fields
        alphas = [self._alpha(torch.from_numpy(each).to(device), masks) for each in shown]
        mean = torch.stack(alphas).mean(dim=0)
        maps = functional.interpolate(mean, size=self.size, mode="bilinear")
        return maps.squeeze(1).cpu().numpy()

    def _alpha(self, shown: Tensor, masks: Tensor | None) -> Tensor:
        """Alpha (N, 1, h, w) of the chosen layer of fields, or pictures of them, (N, C, h, w)."""
        alpha = self.model.network(shown).alpha.float()
        slots = border_slots(alpha) if masks is None else oracle_slots(alpha, masks)
        return chosen(alpha, slots)


class FlowStep(nn.Module):
    """The mean over the gaps of alpha of the layer that is not at the border, of one frame."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, shown: Tensor) -> Tensor:
        """Fields, or pictures of them, (G, C, h, w) -> map (1, 1, h, w) in [0, 1]."""
        alpha = self.network(shown).alpha
        return chosen(alpha, border_slots(alpha)).mean(dim=0, keepdim=True)


def chosen(alpha: Tensor, slots: Tensor) -> Tensor:
    """Alpha (N, 1, H, W) of one layer of each (N, K, 1, H, W), by its number (N,) int64."""
    return alpha[torch.arange(len(alpha), device=alpha.device), slots]


def border_slots(alpha: Tensor) -> Tensor:
    """Layer of each alpha (N, K, 1, H, W) with the smallest mean at the outermost pixels.

    There the background is. Returns (N,) int64.
    """
    border = torch.ones(alpha.shape[-2:], dtype=torch.bool, device=alpha.device)
    border[1:-1, 1:-1] = False
    return alpha.squeeze(2)[..., border].mean(dim=-1).argmin(dim=1)


def oracle_slots(alpha: Tensor, masks: Tensor) -> Tensor:
    """The layer with the highest IoU with the true mask: an upper bound, as published.

    The layers are resized to the masks by their nearest pixels and thresholded at 0.5. If no
    layer overlaps the mask, such as an empty one, the smallest layer is chosen.

    Args:
        alpha: (N, K, 1, h, w).
        masks: (N, H, W), 0/1.

    Returns:
        (N,) int64.
    """
    size = tuple(masks.shape[-2:])
    layers = functional.interpolate(alpha.squeeze(2), size=size, mode="nearest") > THRESHOLD
    true = masks.bool().unsqueeze(1)
    both = (layers & true).sum(dim=(2, 3), dtype=torch.float64)
    either = (layers | true).sum(dim=(2, 3), dtype=torch.float64)
    return ((both + TIE_PX) / (either + TIE_PX)).argmax(dim=1)
