import numpy as np
import torch

from fgstp.models.frames import network_batches, network_input
from fgstp.models.settings import NetworkSettings

SETTINGS = NetworkSettings(height_px=16, width_px=24, batch_frames=3)


def clip(n_frames):
    return np.random.default_rng(1).integers(0, 256, (n_frames, 20, 30)).astype(np.uint8)


def test_batches_are_the_frames_of_a_clip_in_order_the_last_one_shorter():
    frames = clip(8)
    batches = list(network_batches(frames, SETTINGS, torch.device("cpu")))
    assert [len(batch) for batch in batches] == [3, 3, 2]
    whole = network_input(torch.from_numpy(frames), 16, 24, SETTINGS.normalisation)
    torch.testing.assert_close(torch.cat(batches), whole)


def test_a_frame_of_one_grey_becomes_that_grey_less_mean_by_standard_deviation():
    frames = np.full((1, 20, 30), 51, np.uint8)  # 0.2
    [batch] = network_batches(frames, SETTINGS, torch.device("cpu"))
    normalisation = SETTINGS.normalisation
    by_hand = (0.2 - np.array(normalisation.mean)) / np.array(normalisation.std)
    expected = torch.tensor(by_hand, dtype=torch.float32).view(1, 3, 1, 1).expand(1, 3, 16, 24)
    torch.testing.assert_close(batch, expected)


def test_an_empty_clip_has_no_batches():
    assert not list(network_batches(clip(8)[:0], SETTINGS, torch.device("cpu")))
