"""Frames small enough to be worked out by hand, and clips that a seed makes."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from fgstp.scoring import score_clip


class Read:
    """Reads clips from a dict, and keeps which were asked for."""

    def __init__(self, clips):
        self.clips = clips
        self.asked = []

    def __call__(self, clip):
        self.asked.append(clip)
        return self.clips[clip]


@pytest.fixture(scope="session")
def reader():
    return Read


@pytest.fixture(scope="session")
def golden():
    """The module that made the golden values, for its inputs."""
    path = Path(__file__).with_name("make_golden.py")
    spec = importlib.util.spec_from_file_location("make_golden", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def score():
    """Scores one frame, given as nested lists or arrays."""

    def one(prediction, mask, protocol="paper", threshold=None):
        prediction, mask = np.array(prediction, np.uint8), np.array(mask, np.uint8)
        return score_clip(prediction[None], mask[None], protocol, threshold).iloc[0]

    return one


@pytest.fixture
def make_clip():
    """A clip of blobs and how well they are found: noise around a shifted soft blob."""

    def make(n_frames=12, height=24, width=32, seed=0, empty_every=0):
        rng = np.random.default_rng(seed)
        rows, columns = np.mgrid[:height, :width]
        masks = np.zeros((n_frames, height, width), np.uint8)
        predictions = np.zeros_like(masks)
        for number in range(n_frames):
            y, x = rng.uniform(6, height - 6), rng.uniform(6, width - 6)
            masks[number] = np.hypot(rows - y, columns - x) < rng.uniform(2, 6)
            soft = 300 - 30 * np.hypot(rows - y - 1, columns - x + 1)
            noisy = soft + rng.normal(0, 25, (height, width))
            predictions[number] = np.clip(noisy, 0, 255).astype(np.uint8)
            if empty_every and number % empty_every == 0:
                masks[number] = 0
                predictions[number] //= 4
        return predictions, masks

    return make
