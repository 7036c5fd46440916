import cv2
import numpy as np
import pytest
import torch

from fgstp.models.blocks.frames import cut, network_input, padded, padded_size
from fgstp.models.settings import NormalisationSettings

IMAGENET = NormalisationSettings()


def test_frames_are_normalised_in_three_equal_channels():
    frames = torch.arange(0, 240, dtype=torch.uint8).reshape(2, 10, 12)
    result = network_input(frames, 10, 12, IMAGENET)
    assert result.dtype == torch.float32
    for channel, (mean, std) in enumerate([(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]):
        torch.testing.assert_close(result[:, channel], (frames / 255 - mean) / std)
    own = NormalisationSettings(mean=(0.2,) * 3, std=(0.1,) * 3)
    dark = network_input(torch.full((1, 4, 4), 51, dtype=torch.uint8), 4, 4, own)
    torch.testing.assert_close(dark, torch.zeros(1, 3, 4, 4), atol=1e-6, rtol=0)


def test_frames_are_resized_with_anti_aliasing():
    # Two white columns in four become grey; sampled in their middle they would stay white.
    stripes = np.tile(np.uint8([0, 255, 255, 0]), (64, 16))
    small = network_input(torch.from_numpy(stripes[None]), 16, 16, IMAGENET)[0, 0] * 0.229 + 0.485
    assert (small[:, 1:-1] - 0.5).abs().max() < 0.02
    # Enlarging is plain bilinear, as OpenCV does it.
    grey = np.random.default_rng(0).integers(0, 256, (20, 30)).astype(np.uint8)
    large = network_input(torch.from_numpy(grey[None]), 50, 40, IMAGENET)[0, 0] * 0.229 + 0.485
    expected = cv2.resize(grey.astype(np.float32), (40, 50)) / 255
    np.testing.assert_allclose(large, expected, atol=1e-5)


@pytest.mark.parametrize(("stride", "size"), [(32, (64, 96)), (16, (48, 80))])
def test_the_border_is_repeated_up_to_the_stride(draw, stride, size):
    frames = draw(2, 3, 40, 70)
    larger = padded(frames, stride)
    assert larger.shape == (2, 3, *size)
    assert padded_size((40, 70), stride) == size
    assert torch.equal(cut(larger, (40, 70)), frames)
    assert torch.equal(larger[..., 40:, :70], frames[..., 39:, :].expand(-1, -1, size[0] - 40, -1))
    assert torch.equal(larger[..., 70:], larger[..., 69:70].expand(-1, -1, -1, size[1] - 70))
    assert padded(larger, stride) is larger
