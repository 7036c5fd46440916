"""Fields of optical flow as coloured pictures."""

import torch
from torch import Tensor
from torchvision.utils import flow_to_image  # type: ignore[import-untyped]


def flow_pictures(flows: Tensor) -> Tensor:
    """Colour-code fields with Middlebury's wheel of 55 hues.

    The hue is the direction; a pixel at rest is white, and the fastest one of a field has the
    full colour. Each field is divided by its own greatest speed, as published, so that the
    noise of a camera that stands still looks like strong motion.

    Args:
        flows: (N, 2, H, W) floating, x and y in pixels.

    Returns:
        (N, 3, H, W) float32 in [-1, 1], in 256 levels.
    """
    flows = flows.float()
    speed = torch.linalg.vector_norm(flows, dim=1).amax(dim=(1, 2))
    # torchvision divides by the greatest speed of all fields, which is then 1.
    relative = flows / speed.clamp(min=torch.finfo(torch.float32).tiny).view(-1, 1, 1, 1)
    return flow_to_image(relative).float() / 127.5 - 1.0
