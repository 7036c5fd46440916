import csv
import functools
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from fgstp.models.blocks.frames import network_input, probabilities
from fgstp.models.blocks.triples import OFFSETS_FRAMES
from fgstp.models.registry import create_model

GOLDEN = Path(__file__).parent / "golden"
IMAGENET = {"normalizer.mean": (0.485, 0.456, 0.406), "normalizer.std": (0.229, 0.224, 0.225)}


class Golden:
    """The reference values of the published networks, and how to rebuild them.

    `<network>.json` holds the values, `<network>_keys.csv` every name in the published state
    dict with its shape and the rule by which it is filled: no weight file is needed.
    """

    def __init__(self, network):
        with (GOLDEN / f"{network}_keys.csv").open() as file:
            self.rows = list(csv.DictReader(file))
        self.models = json.loads((GOLDEN / f"{network}.json").read_text())

    def shapes(self):
        return {
            row["key"]: tuple(int(n) for n in row["shape"].split("x")) if row["shape"] else ()
            for row in self.rows
        }

    def weights(self, scale=None):
        """The published state dict, filled; `scale` multiplies some of its tensors."""
        rules = {row["key"]: row["rule"] for row in self.rows}
        weights = {key: fill(key, shape, rules[key]) for key, shape in self.shapes().items()}
        for key, factor in (scale or {}).items():
            weights[key] *= factor
        return weights

    @staticmethod
    def normalised_frames(seed):
        """Three frames (1, 3, 352, 352): the inputs of FGSTP and its relatives."""
        generator = torch.Generator().manual_seed(seed)
        base = torch.randn(1, 3, 352, 352, generator=generator)
        return [base + 0.1 * torch.randn(base.shape, generator=generator) for _ in range(3)]

    @staticmethod
    def video(seed, n_frames):
        """(F, 3, 160, 160) normalised, and the first mask (160, 160) uint8: two scenes that take
        turns, and a square that moves; the inputs of the models with a memory."""
        generator = torch.Generator().manual_seed(seed)
        scenes = torch.rand(2, 3, 20, 20, generator=generator)
        noise = torch.rand(n_frames, 3, 160, 160, generator=generator)
        scenes = functional.interpolate(scenes, size=(160, 160), mode="bilinear")
        frames = torch.stack(
            [0.6 * scenes[int(t % 4 in (1, 2))] + 0.2 * noise[t] for t in range(n_frames)]
        )
        for t, frame in enumerate(frames):
            frame[:, square(t), 40:80] += 0.5
        mean, std = (torch.tensor(each).view(3, 1, 1) for each in IMAGENET.values())
        mask = torch.zeros(160, 160, dtype=torch.uint8)
        mask[square(0), 40:80] = 1
        return (frames - mean) / std, mask

    @staticmethod
    def check(outputs, recorded, probabilities=()):
        """Shape exactly; mean and deviation to 1e-4, probes to 2e-4, of the deviation.

        Outputs with one of these words in their names: mean and deviation to 5e-5.
        """
        assert outputs.keys() == recorded.keys()
        for name, tensor in outputs.items():
            expected = recorded[name]
            scale = max(1.0, expected["std"])
            near = 5e-5 if any(word in name for word in probabilities) else 1e-4 * scale
            flat = tensor.double().flatten()
            assert list(tensor.shape) == expected["shape"], name
            assert abs(flat.mean() - expected["mean"]) <= near, name
            assert abs(flat.std() - expected["std"]) <= near, name
            probes = flat[torch.linspace(0, flat.numel() - 1, 9).long()]
            worst = (probes - torch.tensor(expected["probes"], dtype=torch.float64)).abs().max()
            assert worst <= 2e-4 * scale, f"{name}: {worst}"


def square(t):
    """Rows of the square of `Golden.video` in a frame."""
    return slice(40 + 4 * t, 80 + 4 * t)


def fill(key, shape, rule):
    """One tensor, drawn by a generator that is seeded with its name."""
    generator = torch.Generator().manual_seed(zlib.crc32(key.encode()))
    if rule == "counter":
        return torch.zeros(shape, dtype=torch.int64)
    if rule == "running_var":
        return torch.rand(shape, generator=generator) + 0.5
    drawn = torch.randn(shape, generator=generator)
    if rule == "norm_weight":
        return 1 + 0.1 * drawn
    if rule == "weight":
        return drawn * drawn[0].numel() ** -0.5
    if rule == "constant":
        return torch.tensor(IMAGENET[key]).view(shape)
    return {"running_mean": 0.1, "other": 0.02}[rule] * drawn


@pytest.fixture(autouse=True, scope="session")
def _one_thread(one_thread):
    pass


@pytest.fixture(scope="session")
def golden():
    """The reference values of a network, by the name of its files."""
    return functools.cache(Golden)


@pytest.fixture
def randomised():
    """Fill a module so that every weight matters: at the start some are zero or one."""

    def randomise(module, seed=0):
        generator = torch.Generator().manual_seed(seed)
        for name, tensor in module.state_dict().items():
            if name.endswith("num_batches_tracked"):
                continue
            drawn = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                drawn = drawn.abs() + 0.5
            elif tensor.ndim > 1:
                drawn *= tensor[0].numel() ** -0.5
            elif name.endswith("weight"):
                drawn = 1 + 0.1 * drawn
            else:
                drawn *= 0.1
            tensor.copy_(drawn)
        return module.eval()

    return randomise


@pytest.fixture
def draw():
    """Random tensors from a seed."""
    generator = torch.Generator().manual_seed(7)
    return lambda *shape: torch.randn(*shape, generator=generator)


@pytest.fixture
def small_model(randomised):
    """A small model of triples whose every part has a say in what it predicts."""

    def build(name="fgstp", *, network_size=(64, 64), **settings):
        height, width = network_size
        settings = {"encoder": {"name": "pvt_v2_b0"}, "batch_frames": 3} | settings
        model = create_model(name, settings | {"height_px": height, "width_px": width})
        with torch.no_grad():
            randomised(model.network)
            # Probabilities spread over [0, 1], so that a difference would be seen.
            model.triple_network.fusion[2].weight.mul_(0.2)
        return model

    return build


@pytest.fixture
def one_by_one():
    """Maps of a model of triples, three frames encoded for every target."""

    def predict(model, frames):
        settings, network = model.settings, model.triple_network.eval()
        offsets, last = (0, *OFFSETS_FRAMES[settings.neighbours]), len(frames) - 1
        maps = []
        with torch.inference_mode():
            for i in range(len(frames)):
                triple = frames[[min(max(i + offset, 0), last) for offset in offsets]]
                size = settings.height_px, settings.width_px
                shown = network_input(torch.from_numpy(triple), *size, settings.normalisation)
                logits = network(*shown.unsqueeze(1))[8]
                maps.append(probabilities(logits, *frames.shape[1:])[0].numpy())
        return np.array(maps)

    return predict


@pytest.fixture
def blobs(draw):
    """Windows (B, F, 1, H, W) of faint noise in which a bright square moves, and masks of it."""

    def make(n_windows, n_frames=1, size=(64, 64)):
        frames = 0.5 + 0.02 * draw(n_windows, n_frames, 1, *size)
        masks = torch.zeros(n_windows, n_frames, 1, *size)
        for window, frame in np.ndindex(n_windows, n_frames):
            top = 6 * window + 2 * frame + 4
            frames[window, frame, :, top : top + 24, 16:40] += 0.45
            masks[window, frame, :, top : top + 24, 16:40] = 1
        return frames, masks

    return make


@pytest.fixture
def learned():
    """Train a model on one batch: the first and the last loss. All that is trained must learn."""

    def learn(model, batch, n_steps, rate=1e-3):
        weights = {name: w for name, w in model.network.named_parameters() if w.requires_grad}
        optimiser = torch.optim.Adam(weights.values(), lr=rate)
        losses = []
        model.train()
        for _ in range(n_steps):
            optimiser.zero_grad()
            loss, parts = model.training_step(batch, 0.0)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        assert not any(part.requires_grad for part in parts.values())
        idle = [name for name, w in weights.items() if w.grad is None or not w.grad.any()]
        assert idle == []
        return losses[0], losses[-1]

    return learn


@pytest.fixture
def clip():
    """(T, H, W) uint8: a bright blob that moves over a noisy background."""

    def draw(length=7, height=40, width=56, seed=0):
        rng = np.random.default_rng(seed)
        frames = rng.integers(60, 120, (length, height, width)).astype(np.uint8)
        for number, frame in enumerate(frames):
            frame[10:24, 4 * number : 4 * number + 14] += 80
        return frames

    return draw
