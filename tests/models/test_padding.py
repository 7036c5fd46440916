import pytest
import torch

from fgstp.models.blocks.frames import cut, padded, padded_size


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
