import pytest
import torch

from fgstp.models.rmem.model import RmemModel, RmemSettings


@pytest.fixture(params=["aotl", "deaotl"])
def base(request):
    return request.param


@pytest.fixture
def small_rmem(randomised, base):
    """A small model on each base whose every weight has a say."""

    def build(*, drawn=True, size=(64, 80), **settings):
        torch.manual_seed(3)
        height, width = size
        model = RmemModel(
            RmemSettings(
                **{"base": base, "encoder": {"name": "resnet18"}, "width": 32, "n_layers": 2}
                | {"height_px": height, "width_px": width}
                | settings
            )
        )
        if drawn:
            with torch.no_grad():
                randomised(model.network)
        return model

    return build
