import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from fgstp.models.base import Model
from fgstp.models.blocks.frames import network_input, normalised, probabilities
from fgstp.models.blocks.steps import neighbour_step
from fgstp.models.blocks.streams import NeighbourSession
from fgstp.models.blocks.triples import OFFSETS_FRAMES, NeighbourMode
from fgstp.models.settings import NetworkSettings


class PairSettings(NetworkSettings):
    neighbours: NeighbourMode = "centred"


class PairNetwork(nn.Module):
    """Two features of a frame, and what differs between those of three frames."""

    def __init__(self):
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 3, 2, padding=1)
        self.join = nn.Conv2d(24, 1, 3, padding=1)

    def encode(self, frames):
        return self.fine(frames), self.coarse(frames)

    def decode(self, *frames):
        levels = [torch.cat(level, dim=1) for level in zip(*frames, strict=True)]
        finer, coarser = levels
        coarser = functional.interpolate(coarser, finer.shape[2:])
        return 5 * self.join(torch.cat([finer, coarser], dim=1))


class PairSession(NeighbourSession):
    def encode(self, frames):
        settings = self.model.settings
        size = settings.height_px, settings.width_px
        shown = network_input(frames, *size, settings.normalisation)
        return list(zip(*self.model.network.encode(shown), strict=True))

    def decode(self, groups):
        frames = [
            tuple(torch.stack(level) for level in zip(*frame, strict=True))
            for frame in zip(*groups, strict=True)
        ]
        return probabilities(self.model.network.decode(*frames), *self.size)


class PairModel(Model):
    """A small model of neighbours: it is exported within seconds, and every frame has a say."""

    settings_class = PairSettings
    session_class = PairSession
    name, prompt_kind = "pair", "none"

    @property
    def offsets_frames(self):
        return OFFSETS_FRAMES[self.settings.neighbours]

    def _build(self):
        self.network = PairNetwork()

    def step(self):
        shape = 1, 1, self.settings.height_px, self.settings.width_px

        def encode(frame):
            return self.network.encode(normalised(frame, self.settings.normalisation))

        return neighbour_step(
            ("grey", shape), self.network, encode, self.network.decode, self.offsets_frames
        )

    def training_step(self, batch, progress):
        raise NotImplementedError


@pytest.fixture(scope="session")
def pair_model():
    def build(neighbours):
        torch.manual_seed(3)
        return PairModel(PairSettings(neighbours=neighbours, height_px=22, width_px=34)).eval()

    return build


@pytest.fixture(scope="session")
def footage():
    """Frames (T, 40, 56) uint8 in which a bright square moves over a noisy scene."""

    def draw(n_frames=30, seed=0):
        rng = np.random.default_rng(seed)
        scene = rng.integers(60, 120, (40, 56))
        frames = scene + rng.integers(-4, 5, (n_frames, 40, 56))
        for number, frame in enumerate(frames):
            left = (3 + seed + 2 * number) % 44
            frame[12:24, left : left + 12] += 90
        return frames.clip(0, 255).astype(np.uint8)

    return draw


@pytest.fixture
def check_equal(footage):
    """Sessions of two models agree: on a fresh start, again, interleaved, and on short videos."""

    def check(model, other):
        videos = [footage(seed=seed) for seed in (0, 1)]
        expected = [model.predict(frames, fps_hz=10.0) for frames in videos]
        assert expected[0].std() > 1e-3
        assert np.abs(np.diff(expected[0], axis=0)).max() > 1e-3  # what is shown has a say
        sessions = [other.session(40, 56, fps_hz=10.0) for _ in videos]
        found = [[], []]
        for pair in zip(*videos, strict=True):
            for session, frame, maps in zip(sessions, pair, found, strict=True):
                maps += [each.map for each in session.push(frame)]
        for session, maps, own in zip(sessions, found, expected, strict=True):
            maps += [each.map for each in session.flush()]
            np.testing.assert_allclose(np.stack(maps), own, atol=1e-4)
        again = other.predict(videos[0], fps_hz=10.0)
        np.testing.assert_allclose(again, expected[0], atol=1e-4)
        for n_frames in (1, 2, 3):
            short = videos[1][:n_frames]
            np.testing.assert_allclose(other.predict(short), model.predict(short), atol=1e-4)

    return check
