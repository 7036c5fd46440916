import torch

from fgstp.models.settings import NetworkSettings, NormalisationSettings
from fgstp.models.sinet_v2 import with_differences

SETTINGS = NetworkSettings(
    height_px=8,
    width_px=8,
    batch_frames=2,
    normalisation=NormalisationSettings(mean=(0.2,) * 3, std=(0.1,) * 3),
)


def test_channels_are_the_frame_and_its_two_differences():
    grey = torch.tensor([0.5, 0.2, 0.6]).view(3, 1, 1, 1).expand(3, 1, 8, 8)
    [shown] = with_differences(grey, torch.tensor([[0, 1, 2]]), SETTINGS)
    # (0.5 - 0.2) / 0.1, (0.5 - 0.2) * 30, (0.5 - 0.6) * 30
    torch.testing.assert_close(shown.mean((1, 2)), torch.tensor([3.0, 9.0, -3.0]))
