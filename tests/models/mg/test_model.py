import math

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional

from fgstp.core.errors import UserError
from fgstp.models.mg.flow import DisFlow, VideoFlow, coloured
from fgstp.models.mg.model import MgModel, MgSettings, consistency, entropy, grouping_loss
from fgstp.models.mg.network import MotionGrouping
from fgstp.models.mg.raft import RaftFlow, flow_pictures
from fgstp.models.sampling import Batch, FlowPairs
from fgstp.models.session import Prompt


def test_a_picture_does_not_see_the_others_of_its_batch(randomised, draw):
    network, pictures = randomised(MotionGrouping(16, 24, width=8)).train(), draw(3, 3, 16, 24)
    alone = network(pictures[1:2]).alpha
    torch.testing.assert_close(network(pictures).alpha[1:2], alone, atol=1e-5, rtol=1e-5)


SMALL = {"height_px": 32, "width_px": 48, "width": 16, "flow": {"preset": "fast"}}


def batch_of(flows):
    return Batch(flows, torch.empty(0), torch.empty(0, dtype=torch.int64))


@pytest.fixture
def model(randomised):
    def build(**settings):
        built = MgModel(MgSettings.model_validate(SMALL | settings))
        with torch.no_grad():
            randomised(built.network)
            # Layers that differ clearly from pixel to pixel.
            built.network.decoder[-1].weight.mul_(4)
        return built

    return build


def flows_of_a_disc(n_frames=4, height=32, width=48):
    """(B, 2, 2, h, w): a disc that moves by itself, over a scene that drifts."""
    y, x = np.mgrid[:height, :width]
    flows = np.zeros((n_frames, 2, 2, height, width), np.float32)
    flows[:, :, 0] = 0.5
    for number in range(n_frames):
        disc = np.hypot(x - 14 - 6 * number, y - 16) < 7
        flows[number, 0, :, disc] = (-1.0, 2.0)
        flows[number, 1, :, disc] = (1.0, -2.0)
    return torch.from_numpy(flows)


def test_the_loss_is_the_weighted_sum_of_its_terms(model):
    mg, batch = model(), batch_of(flows_of_a_disc())
    pictures = flow_pictures(batch.frames.flatten(0, 1))
    layers = mg.network(pictures)
    terms = grouping_loss(pictures, layers.reconstruction, layers.alpha)
    for progress, growth in ((0.0, 1), (0.26, 1), (0.27, 5), (0.54, 25), (0.81, 125), (0.99, 125)):
        loss, parts = mg.training_step(batch, progress)
        rest = 0.01 * (terms.entropy + terms.consistency)
        torch.testing.assert_close(loss, 100 * terms.reconstruction + growth * rest)
    assert set(parts) == {"reconstruction", "entropy", "consistency"}
    for name, value in terms._asdict().items():
        torch.testing.assert_close(parts[name], value.detach())
        assert not parts[name].requires_grad


@pytest.mark.parametrize("flow_picture", [True, False])
def test_training_lowers_the_loss(learned, flow_picture):
    torch.manual_seed(0)
    mg = MgModel(MgSettings.model_validate(SMALL | {"flow_picture": flow_picture}))
    first, last = learned(mg, batch_of(flows_of_a_disc()), 25, rate=3e-3)
    assert last < 0.7 * first


def test_samples_are_two_fields_at_the_size_of_the_network(model):
    mg = model()
    assert mg.features == VideoFlow(DisFlow("fast"), (-2, -1, 1, 2), 32, 48)
    assert mg.sampling == FlowPairs((-2, -1, 1, 2), mg.features)


def by_hand(mg, frames, gaps, choose):
    """Maps of a clip, frame by frame and field by field."""
    flow = VideoFlow(DisFlow("fast"), gaps, 32, 48)
    maps = []
    for number, fields in enumerate(flow.compute(frames, range(len(frames)))):
        shares = []
        for field in fields:
            picture = torch.from_numpy(coloured(field[None].astype(np.float32)))
            alpha = mg.network(picture).alpha[0, :, 0]
            shares.append(alpha[choose(alpha, number)])
        mean = torch.stack(shares).mean(dim=0)[None, None]
        maps.append(functional.interpolate(mean, size=frames.shape[1:], mode="bilinear")[0, 0])
    return torch.stack(maps).numpy()


def smallest_at_the_border(alpha, _number):
    padded = functional.pad(torch.zeros(30, 46), (1, 1, 1, 1), value=1.0)
    return int((alpha * padded).sum(dim=(1, 2)).argmin())


@pytest.mark.parametrize("gaps", [(-2, -1, 1, 2), (1, -3), (-2, -1)])
def test_maps_are_the_mean_over_the_gaps(model, clip, gaps):
    mg, frames = model(gaps_frames=gaps, batch_frames=3), clip()
    assert mg.prompt_kind == "none"
    maps = mg.predict(frames)
    assert maps.shape == frames.shape
    assert maps.dtype == np.float32
    assert 0 <= maps.min() <= maps.max() <= 1
    assert maps.std() > 0.02
    with torch.inference_mode():
        expected = by_hand(mg, frames, gaps, smallest_at_the_border)
    np.testing.assert_allclose(maps, expected, atol=1e-4)


def test_the_oracle_is_told_the_masks(model, clip):
    mg, frames = model(slot_choice="oracle", batch_frames=2), clip()
    assert mg.prompt_kind == "all_masks"
    with pytest.raises(UserError, match="oracle"):
        mg.predict(frames)
    masks = np.zeros(frames.shape, np.uint8)
    masks[::2, 4:30, 6:30] = 1
    masks[1::2, :, 30:] = 1

    def best(alpha, number):
        # Nearest: the pixel of the network in which a pixel of the clip begins.
        rows, columns = np.arange(40) * 32 // 40, np.arange(56) * 48 // 56
        found = alpha.numpy()[:, rows][:, :, columns] > 0.5
        both, either = found & (masks[number] == 1), found | (masks[number] == 1)
        return int((both.sum(axis=(1, 2)) / either.sum(axis=(1, 2))).argmax())

    with torch.inference_mode():
        expected = by_hand(mg, frames, (-2, -1, 1, 2), best)
    np.testing.assert_allclose(mg.predict(frames, prompt=Prompt(masks=masks)), expected, atol=1e-4)


def test_raft_is_taken_when_its_weights_are_named(tmp_path):
    flow = {"method": "raft", "weights": tmp_path / "raft.pth"}
    settings = MgSettings.model_validate(SMALL | {"flow": flow})
    mg = MgModel(settings, initial_weights=False)
    assert mg.features.estimator == RaftFlow(tmp_path / "raft.pth")
    with pytest.raises(UserError, match=r"raft\.pth"):
        MgModel(settings)


def test_checkpoints_hold_the_weights_alone(model):
    mg = model()
    assert list(mg.network.state_dict()) == [name for name, _ in mg.network.named_parameters()]
    assert all(hasattr(mg.network, name) for name in mg.encoders)


def shares(*values):
    """Two layers of pictures of 1 x 2 pixels, from the shares of the first."""
    first = torch.tensor(values).view(-1, 1, 1, 1, 2)
    return torch.cat([first, 1 - first], dim=1)


def layers(*values):
    """Layers of a picture of one pixel."""
    return torch.tensor(values).view(1, -1, 1, 1, 1)


def test_entropy_is_that_of_a_coin():
    assert entropy(shares([0.5, 0.5])) == pytest.approx(math.log(2), abs=1e-4)
    assert entropy(shares([1.0, 0.0])) == pytest.approx(0.0, abs=2e-5)
    one_of_two = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75)) / 2
    assert entropy(shares([0.25, 1.0])) == pytest.approx(one_of_two, abs=2e-5)


ONE = shares([0.7, 0.9])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # First with first: (0.1^2 + 0.3^2) / 2; crossed: (0.3^2 + 0.5^2) / 2.
        (ONE, shares([0.6, 0.6]), 0.05),
        (ONE, ONE.flip(1), 0.0),  # a swap of the layers costs nothing
        # The mean over the batch.
        (shares([0.7, 0.9], [1.0, 1.0]), shares([0.6, 0.6], [0.5, 0.5]), (0.05 + 0.25) / 2),
        # Of three layers, one pair that agrees is enough.
        (layers(0.2, 0.3, 0.5), layers(0.9, 0.1, 0.5), 0.0),
    ],
)
def test_consistency_is_the_smallest_difference_of_two_layers(one, other, expected):
    tolerance = 1e-6 if expected else 1e-9
    assert consistency(one, other) == pytest.approx(expected, abs=tolerance)


def test_fields_are_paired_by_frame():
    alpha = shares([0.7, 0.9], [0.6, 0.6], [0.2, 0.2], [0.2, 0.2])  # two frames, two fields each
    pictures = torch.zeros(4, 3, 1, 2)
    terms = grouping_loss(pictures, torch.full_like(pictures, 0.5), alpha)
    assert terms.reconstruction == pytest.approx(0.25)
    assert terms.consistency == pytest.approx(0.025, abs=1e-6)
    assert terms.entropy == pytest.approx(float(entropy(alpha)))


@pytest.mark.slow
def test_a_disc_that_moves_by_itself_is_found():
    """The whole of it, from frames: no mask is told.

    It may settle on layers that divide the picture in another way, so it has three attempts.
    """
    frames, discs = clip_of_a_disc()
    overlaps = (overlap(trained_on(frames, seed).predict(frames), discs) for seed in (1, 0, 2))
    assert any(each > 0.5 for each in overlaps)  # 0.16 if all is found


def clip_of_a_disc(n_frames=12, height=64, width=96):
    """A disc of a texture that moves over the same one, and where it is."""
    noise = np.random.default_rng(0).random((height + 40, width + 40)).astype(np.float32)
    scene = cv2.GaussianBlur(noise, (0, 0), 2)
    scene = cv2.normalize(scene, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    y, x = np.mgrid[:height, :width]
    discs = [np.hypot(x - 26 - 3 * t, y - 30) < 14 for t in range(n_frames)]
    moving = [scene[30 : 30 + height, 40 - 3 * t :][:, :width] for t in range(n_frames)]
    pairs = zip(discs, moving, strict=True)
    return np.stack([np.where(d, m, scene[:height, :width]) for d, m in pairs]), discs


def trained_on(frames, seed):
    torch.manual_seed(seed)
    mg = MgModel(MgSettings.model_validate(SMALL | {"width": 32, "flow": {}}))
    fields = list(mg.features.compute(frames, range(len(frames))))
    optimiser = torch.optim.Adam(mg.network.parameters(), lr=3e-3)
    rng = np.random.default_rng(seed)
    for _ in range(300):
        drawn = [rng.choice(4, 2, replace=False) for _ in range(8)]
        numbers = rng.integers(len(frames), size=8)
        flows = [fields[t][gaps] for t, gaps in zip(numbers, drawn, strict=True)]
        loss, _ = mg.training_step(batch_of(torch.from_numpy(np.array(flows, np.float32))), 0.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return mg


def overlap(maps, masks):
    pairs = zip(maps > 0.5, masks, strict=True)
    return np.mean([(found & mask).sum() / (found | mask).sum() for found, mask in pairs])
