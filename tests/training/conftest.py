"""Clips and models small enough to train on the spot."""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from fgstp.footage.clip_table import masked_clips
from fgstp.models.registry import create_model
from fgstp.training.augmentation import prepared
from fgstp.training.data import Samples
from fgstp.training.fit import fit
from fgstp.training.settings import AugmentationSettings, TrainSettings

PLAIN = AugmentationSettings(enabled=False)

HERE = Path(__file__).parent
TWO = {"window_targets": 2, "targets_per_step": 4, "accelerator": "cpu", "devices": 2}

# Processes that train find `tiny_model` by its name.
sys.path.insert(0, str(HERE))


@pytest.fixture(autouse=True, scope="session")
def _one_thread(one_thread):
    pass


class Clips:
    """A folder of clips that are numbered; only every `step`th frame has a mask."""

    step = 1

    def __init__(self, folder):
        self._folder = folder

    def __getattr__(self, name):
        return getattr(self._folder, name)

    def masked(self, split="train"):
        """Clips of a split that have masks."""
        return masked_clips(
            self.table, self.store, split, allow_pseudo_masks=False, setting="a setting"
        )

    def samples(self, sampling, size, augmentation=PLAIN):
        """All samples of the training clips."""
        prepare = partial(prepared, settings=augmentation, size=size)
        return Samples(self.store, self.masked(), sampling, prepare)

    def add(self, frames, masks=None, split="train"):
        """Write a clip and give its name."""
        annotated = None
        if masks is not None and self.step > 1:
            annotated, masks = range(0, len(frames), self.step), masks[:: self.step]
        name = f"V_{len(self.rows):04d}"
        self._folder.add(name, frames, masks, annotated, split=split, mask_source="annotated")
        return name

    def add_blob(self, n_frames, split="train", shape=(24, 32), seed=0):
        """A noisy clip with a bright blob, which is gas, in all frames but the first."""
        rng = np.random.default_rng(seed)
        frames = rng.integers(40, 120, (n_frames, *shape)).astype(np.uint8)
        masks = np.zeros_like(frames)
        masks[1:, 6:16, 8:20] = 1
        return self.add(frames + 100 * masks, masks, split)


@pytest.fixture
def clips(clips):
    return Clips(clips)


@pytest.fixture
def sparse(clips):
    """Clips that are annotated every fifth frame."""
    clips.step = 5
    return clips


@pytest.fixture
def numbered(clips):
    """Adds clips whose frames are filled with their own number, and masks with gas in a corner."""

    def add(n_frames):
        numbers = np.arange(n_frames, dtype=np.uint8)
        frames = np.broadcast_to(numbers[:, None, None], (n_frames, 6, 8)).copy()
        masks = np.zeros_like(frames)
        masks[np.arange(n_frames), 0, np.arange(n_frames) % 8] = 1
        return clips.add(frames, masks)

    return add


@pytest.fixture
def small(clips):
    """Two clips to train on and one to validate on."""
    for seed, split in enumerate(("train", "train", "validation")):
        clips.add_blob(4, split, seed=seed)
    return clips


@pytest.fixture
def run(clips, tmp_path):
    """Trains a model on the clips, one step of two windows an epoch."""

    def run(model, name="run", callbacks=(), seed=5, **changes):
        small = {"window_targets": 2, "targets_per_step": 2, "steps_per_epoch": 1, "epochs": 3}
        settings = TrainSettings(**small | {"learning_rate": 1e-3} | changes)
        more = {"seed": seed, "callbacks": callbacks}
        return fit(model, clips.table, clips.store, tmp_path / name, settings, **more)

    return run


@pytest.fixture
def build():
    """Builds a small FGSTP, the same each time."""

    def make(seed=3, **changes):
        torch.manual_seed(seed)
        settings = {"encoder": {"name": "pvt_v2_b0"}, "height_px": 64, "width_px": 64}
        return create_model("fgstp", settings | changes)

    return make


SCRIPT = """
import signal, sys
sys.path.insert(0, {here!r})
import fgstp, tiny_model

def stop(number, frame):
    print("stopped by", number)
    raise SystemExit(77)

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    model = tiny_model.tiny()
    outcome = fgstp.train(model, {data!r}, {out!r}, callbacks={callbacks}, **{settings!r})
    facts = outcome.n_epochs, len(outcome.history), tiny_model.digest(model.network)
    # In one write, since several processes share the output.
    sys.stdout.write(" ".join(map(str, facts)) + "\\n")
"""


@pytest.fixture
def command(clips, tmp_path):
    """A script that trains, as a command."""
    for seed, split in enumerate(["train"] * 2 + ["validation"]):
        clips.add_blob(4, split, seed=seed)
    data = clips.store.folder.parent
    clips.table.to_csv(data / "clips.csv", index=False)

    def make(callbacks="()", **changes):
        script, places = tmp_path / "script.py", {"data": str(data), "out": str(tmp_path / "run")}
        settings = TWO | changes
        script.write_text(
            SCRIPT.format(here=str(HERE), callbacks=callbacks, settings=settings, **places)
        )
        return [sys.executable, str(script)]

    return make
