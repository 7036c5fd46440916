import numpy as np
import pytest
import torch

from fgstp.models.differences import UNIT, difference_batches, with_differences
from fgstp.models.settings import NetworkSettings, NormalisationSettings

SETTINGS = NetworkSettings(
    height_px=8,
    width_px=8,
    batch_frames=2,
    normalisation=NormalisationSettings(mean=(0.2,) * 3, std=(0.1,) * 3),
)
CPU = torch.device("cpu")


def test_channels_are_the_frame_and_its_two_differences():
    grey = torch.tensor([0.5, 0.2, 0.6]).view(3, 1, 1, 1).expand(3, 1, 8, 8)
    [shown] = with_differences(grey, torch.tensor([[0, 1, 2]]), SETTINGS)
    # (0.5 - 0.2) / 0.1, (0.5 - 0.2) * 30, (0.5 - 0.6) * 30
    torch.testing.assert_close(shown.mean((1, 2)), torch.tensor([3.0, 9.0, -3.0]))


@pytest.mark.parametrize(
    ("mode", "neighbours"),
    [
        ("centred", [(0, 1), (0, 2), (1, 3), (2, 3)]),
        ("causal", [(0, 0), (0, 0), (1, 0), (2, 1)]),
    ],
)
def test_a_clip_is_shown_in_order_its_ends_beside_themselves(mode, neighbours):
    levels = np.array([10, 20, 50, 90], np.uint8)
    frames = np.broadcast_to(levels[:, None, None], (4, 8, 8))
    batches = list(difference_batches(frames, SETTINGS, mode, CPU))
    assert [len(batch) for batch in batches] == [2, 2]
    found = torch.cat(batches).mean((2, 3))[:, 1:] * UNIT * 255
    expected = [
        [float(levels[t]) - float(levels[n]) for n in pair] for t, pair in enumerate(neighbours)
    ]
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-3, rtol=0)


def test_what_stands_still_shows_no_differences():
    frames = np.tile(np.random.default_rng(1).integers(0, 256, (1, 20, 30)), (5, 1, 1))
    shown = torch.cat(list(difference_batches(frames.astype(np.uint8), SETTINGS, "centred", CPU)))
    assert not shown[:, 1:].any()
    assert shown[:, 0].std() > 0.1
