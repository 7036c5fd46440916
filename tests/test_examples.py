"""The examples of the README and of `load_model` run as they stand."""

import inspect
import textwrap

import numpy as np
import pytest
import torch

from fgstp import load_model
from fgstp.models.checkpoint import save_checkpoint
from fgstp.models.registry import create_model
from fgstp.plumes import SyntheticVideo


@pytest.fixture(scope="module")
def clip():
    video = SyntheticVideo("close_clear", seed=3, n_frames=4, height_px=48, width_px=64)
    frames = list(video)
    return np.stack([f.grey for f in frames]), np.stack([f.mask for f in frames]).astype(np.uint8)


@pytest.fixture
def trained(tmp_path, clip, monkeypatch):
    """A folder in which the names of the examples are there."""
    torch.manual_seed(0)
    size = {"height_px": 32, "width_px": 32, "encoder": {"name": "pvt_v2_b0"}}
    model = create_model("fgstp", size)
    for name in ("best.ckpt", "data/06_models/fgstp/best.ckpt"):
        save_checkpoint(model, tmp_path / name)
    clips = tmp_path / "data/03_primary/clips"
    clips.mkdir(parents=True)
    for part, array in zip(("frames", "masks"), clip, strict=True):
        np.save(clips / f"CLIP.{part}.npy", array)
    monkeypatch.chdir(tmp_path)
    return model


def test_the_example_of_load_model(trained, clip):
    text = inspect.getdoc(load_model)
    lines = [line for line in text.splitlines() if line.startswith("    ") and " = " in line]
    assert len(lines) == 2
    names = {"load_model": load_model, "frames": clip[0]}
    exec(textwrap.dedent("\n".join(lines)), names)
    np.testing.assert_array_equal(names["maps"], trained.predict_clip(clip[0]))
