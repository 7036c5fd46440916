"""Each part against its formula, written down once more in the plainest way."""

import pytest
import torch

from fgstp.models.rmem.attention import MemoryAttention, memory_slots
from fgstp.models.rmem.network import FpnHead, IdentityBank, identity_places


def test_remembered_frames_share_four_slots():
    assert all(memory_slots(n_frames) == list(range(n_frames)) for n_frames in range(1, 5))
    backwards = torch.tensor([[[3.0, 2.0, 1.0, 0.0]]])
    for n_frames in range(5, 30):  # nearest interpolation of the four slots, from the newest on
        nearest = torch.nn.functional.interpolate(backwards, size=n_frames, mode="nearest")
        assert nearest.flatten().flip(0).tolist() == memory_slots(n_frames)


def test_the_identity_bank_starts_orthogonal_and_short_and_temporal_positions_small():
    torch.manual_seed(0)
    kernels = IdentityBank(10, 24, with_norm=False).embed.weight.flatten(1)
    assert kernels.shape == (24, 12 * 17 * 17)
    torch.testing.assert_close(kernels @ kernels.T, torch.eye(24) / 17**4, atol=1e-9, rtol=0)
    assert 0 < MemoryAttention(6).slots.std() < 0.1


@pytest.mark.parametrize("size", [(32, 48), (33, 49), (40, 50)])
def test_the_identity_bank_sums_the_kernels_of_the_labels_around(randomised, size):
    bank = randomised(IdentityBank(3, 8, with_norm=False))
    labels = torch.randint(0, 4, (2, *size), generator=torch.Generator().manual_seed(1))
    maps = bank(labels)
    assert maps.shape == (2, 8, -(-size[0] // 16), -(-size[1] // 16))
    for h, w in [(0, 0), (1, 2), (maps.shape[2] - 1, maps.shape[3] - 1)]:
        total = bank.embed.bias.clone()
        for dy in range(-8, 9):
            for dx in range(-8, 9):
                y, x = 16 * h + dy, 16 * w + dx
                if 0 <= y < size[0] and 0 <= x < size[1]:
                    total = total + bank.embed.weight[:, labels[1, y, x], dy + 8, dx + 8]
        torch.testing.assert_close(maps[1, :, h, w], total, atol=1e-5, rtol=1e-5)


def test_identities_are_drawn_without_repetition_and_background_stays():
    torch.manual_seed(0)
    places = identity_places(50, 10, torch.device("cpu"))
    assert (places[:, 0] == 0).all()
    assert torch.equal(places.sort(1).values, torch.arange(11).expand(50, -1))
    assert len(places[:, 1].unique()) == 10
    torch.manual_seed(0)
    assert torch.equal(places, identity_places(50, 10, torch.device("cpu")))


@pytest.mark.parametrize("sizes", [((6, 8), (3, 4), (2, 2)), ((9, 13), (5, 7), (3, 4))])
def test_the_head_follows_the_sizes_of_the_levels(draw, sizes):
    head = FpnHead(20, 32, (4, 5, 6), 11)
    levels = [draw(2, c, *size) for c, size in zip((4, 5, 6), sizes, strict=True)]
    assert head(draw(2, 20, *sizes[2]), *levels).shape == (2, 11, *sizes[0])
