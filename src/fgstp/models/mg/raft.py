"""Optical flow by RAFT, and pictures of flow: what needs torch."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torchvision.models import optical_flow  # type: ignore[import-untyped]
from torchvision.utils import flow_to_image  # type: ignore[import-untyped]

from fgstp.core.errors import UserError
from fgstp.core.fingerprint import content_hash
from fgstp.models.mg.flow import Field, Frame, padded_frame
from fgstp.models.state_dicts import check_fit, read_weights

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class RaftFlow:
    """RAFT (arXiv 2003.12039), the large model of torchvision.

    The published fields are from weights trained on FlyingChairs and FlyingThings.

    Attributes:
        weights: file of weights of torchvision's `raft_large`.
        device: device that it runs on.
        n_updates: number of iterations.
    """

    weights: Path
    device: Device = "cpu"
    n_updates: int = 20
    smallest_px: ClassVar[int] = 128  # torchvision refuses less

    @cached_property
    def facts(self) -> dict[str, object]:
        """See `FlowEstimator`."""
        digest = content_hash([self.weights])
        return {"method": "raft", "updates": self.n_updates, "weights": digest}

    @cached_property
    def network(self) -> nn.Module:
        """The network, loaded on first use.

        Raises:
            UserError: the file of weights cannot be used, or there is no such device.
        """
        weights = read_weights(self.weights)
        network: nn.Module = optical_flow.raft_large(weights=None)
        what = f"{self.weights} does not fit raft_large of torchvision"
        check_fit(weights, network.state_dict(), what=what)
        network.load_state_dict(weights)
        if self.device == "cuda" and not torch.cuda.is_available():
            raise UserError("flow.device is cuda, but torch finds no CUDA device; set it to cpu.")
        return network.eval().requires_grad_(False).to(self.device)

    def __call__(self, frame: Frame, other: Frame) -> Field:
        """See `FlowEstimator`; raises the errors of `network`."""
        pair = (self._input(each) for each in (frame, other))
        # Autocast of the caller must not change the fields.
        with torch.inference_mode(), torch.autocast(self.device, enabled=False):
            field = self.network(*pair, num_flow_updates=self.n_updates)[-1].squeeze(0)
        height, width = frame.shape
        return field[:, :height, :width].float().cpu().numpy()

    def _input(self, frame: Frame) -> Tensor:
        """(1, 3, H, W) in [-1, 1], sides multiples of 8."""
        grey = torch.from_numpy(padded_frame(frame, self.smallest_px, multiple_px=8))
        return (grey.to(self.device).float() / 127.5 - 1.0).expand(1, 3, -1, -1)


def flow_pictures(flows: Tensor) -> Tensor:
    """Colour-code fields with Middlebury's wheel of 55 hues.

    The hue is the direction; a pixel at rest is white, and the fastest one of a field has the
    full colour. As published, each field is divided by its own maximum speed, so that noise of a
    camera at rest looks like strong motion.

    Args:
        flows: (N, 2, H, W) floating, x and y in pixels.

    Returns:
        (N, 3, H, W) float32 in [-1, 1], in 256 levels.
    """
    flows = flows.float()
    speed = torch.linalg.vector_norm(flows, dim=1).amax(dim=(1, 2))
    # torchvision divides by the maximum speed over all fields, which is then 1.
    relative = flows / speed.clamp(min=torch.finfo(torch.float32).tiny).view(-1, 1, 1, 1)
    return flow_to_image(relative).float() / 127.5 - 1.0
