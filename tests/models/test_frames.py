import numpy as np
import torch

from fgstp.models.blocks.frames import network_input
from fgstp.models.settings import NormalisationSettings


def test_a_frame_of_one_grey_becomes_that_grey_less_mean_by_standard_deviation():
    frames = torch.full((1, 20, 30), 51, dtype=torch.uint8)  # 0.2
    normalisation = NormalisationSettings()
    by_hand = (0.2 - np.array(normalisation.mean)) / np.array(normalisation.std)
    expected = torch.tensor(by_hand, dtype=torch.float32).view(1, 3, 1, 1).expand(1, 3, 16, 24)
    torch.testing.assert_close(network_input(frames, 16, 24, normalisation), expected)
