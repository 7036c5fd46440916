"""A session of Motion Grouping: flow to the frames around each frame, and the layer of gas."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fgstp.models.mg.flow import flow_pictures, other_frame
from fgstp.models.session import Session

if TYPE_CHECKING:
    from fgstp.models.mg.model import MgModel

SlotChoice = Literal["border", "oracle"]
THRESHOLD = 0.5
TIE_PX = 1e-6  # decides between layers that do not overlap the mask at all


class MgSession(Session):
    """The map of a frame is the mean over the gaps of alpha of the chosen layer.

    It is predicted when all frames that the frame is compared with have been pushed. Near the
    beginning, where negative gaps become positive ones, that is later than `max(gaps)` says.
    """

    model: "MgModel"

    def _begin(self) -> None:
        model = self.model
        self._network = model.network
        self._flow = model.features
        self._flow_picture = model.settings.flow_picture
        self._device = model.device
        self._masks = self.prompt.masks if model.settings.slot_choice == "oracle" else None
        # A waiting frame is at most the largest gap old, and compared with frames as far again.
        self._capacity = 2 * max(map(abs, self._flow.gaps_frames)) + 1
        self._frames: dict[int, NDArray[np.uint8]] = {}  # the last ones
        self._n_compared = 0
        self._waiting: list[NDArray[np.float16]] = []  # fields

    def _push(self, frame: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
        self._frames[self._n_pushed - 1] = frame.copy()
        self._frames.pop(self._n_pushed - 1 - self._capacity, None)
        return self._maps(is_end=False)

    def _flush(self) -> Iterator[NDArray[np.float32]]:
        return self._maps(is_end=True)

    def _maps(self, *, is_end: bool) -> Iterator[NDArray[np.float32]]:
        # As long as the end is not known, no frame is beyond it.
        n_frames = self._n_pushed if is_end else self._n_pushed + self._capacity
        while self._n_compared < self._n_pushed:
            number = self._n_compared
            others = [other_frame(number, gap, n_frames) for gap in self._flow.gaps_frames]
            if max(others) >= self._n_pushed:
                break
            compared = (self._frames[other] for other in others)
            self._waiting.append(self._flow.fields(self._frames[number], compared))
            self._n_compared += 1
            if len(self._waiting) == self.batch_frames:
                yield from self._predict()
        if is_end and self._waiting:
            yield from self._predict()

    def _predict(self) -> NDArray[np.float32]:
        """Maps (N, H, W) of the N frames whose fields are waiting."""
        fields = np.array(self._waiting, np.float32).swapaxes(0, 1)  # (G, N, 2, h, w)
        masks = None
        if self._masks is not None:
            own = slice(self._n_predicted, self._n_predicted + len(self._waiting))
            masks = torch.from_numpy(np.array(self._masks[own])).to(self._device)
        self._waiting = []
        alphas = [self._alpha(torch.from_numpy(each).to(self._device), masks) for each in fields]
        mean = torch.stack(alphas).mean(dim=0)
        maps = functional.interpolate(mean, size=self.size, mode="bilinear")
        return maps.squeeze(1).cpu().numpy()

    def _alpha(self, fields: Tensor, masks: Tensor | None) -> Tensor:
        """Alpha (N, 1, h, w) of the chosen layer of fields (N, 2, h, w)."""
        pictures = flow_pictures(fields) if self._flow_picture else fields
        alpha = self._network(pictures).alpha.float()
        slots = border_slots(alpha) if masks is None else oracle_slots(alpha, masks)
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
