import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import fgstp
from fgstp.core.errors import UserError
from fgstp.models.checkpoint import load_into, load_model, read_checkpoint, save_checkpoint
from fgstp.models.registry import create_model


@pytest.fixture
def saved(small_model, tmp_path):
    model = small_model("fgstp_no_fsp", variant="released", neighbours="causal")
    path = tmp_path / "new" / "best.ckpt"
    save_checkpoint(model, path, {"epoch": 3, "threshold": np.float64(0.25)})
    return model, path


def test_a_loaded_model_is_the_saved_one(saved, clip):
    model, path = saved
    loaded = fgstp.load_model(str(path))
    assert loaded.name == "fgstp_no_fsp"
    assert loaded.settings == model.settings
    assert not loaded.network.training
    np.testing.assert_array_equal(loaded.predict(clip()), model.predict(clip()))
    assert [file.name for file in path.parent.iterdir()] == ["best.ckpt"]


def test_frames_at_a_time_may_be_others_than_in_training(saved, clip, tmp_path):
    model, path = saved
    assert model.settings.batch_frames == 3
    loaded = load_model(path, batch_frames=2)
    assert loaded.settings == model.settings.model_copy(update={"batch_frames": 2})
    # The maps are the same up to rounding.
    expected = model.predict(clip())
    np.testing.assert_allclose(loaded.predict(clip()), expected, atol=1e-5)
    save_checkpoint(create_model("background", {}), tmp_path / "background.ckpt")
    background = load_model(tmp_path / "background.ckpt", batch_frames=2)
    assert (background.name, background.device) == ("background", torch.device("cpu"))


def test_a_checkpoint_says_what_made_it(saved):
    checkpoint = read_checkpoint(saved[1])
    assert checkpoint.facts == {"epoch": 3, "threshold": 0.25, "frame_threshold": None}
    assert checkpoint.versions["fgstp"] == fgstp.__version__
    assert checkpoint.versions["torch"] == str(torch.__version__)
    assert checkpoint.versions.keys() == {"python", "fgstp", "torch", "timm", "numpy"}


def test_the_threshold_of_frames_is_kept_with_the_weights(small_model, tmp_path):
    model, other = small_model(), small_model()
    model.frame_threshold = 0.375
    save_checkpoint(model, tmp_path / "best.ckpt")
    assert load_model(tmp_path / "best.ckpt").frame_threshold == 0.375
    load_into(other, tmp_path / "best.ckpt")
    assert other.frame_threshold == 0.375


@pytest.mark.parametrize("value", ["high", 1, [0.5]])
def test_a_threshold_that_is_no_number_is_refused(small_model, tmp_path, value):
    save_checkpoint(small_model(), tmp_path / "best.ckpt", {"frame_threshold": value})
    with pytest.raises(UserError, match="is an incomplete checkpoint"):
        read_checkpoint(tmp_path / "best.ckpt")


def test_a_checkpoint_needs_no_file_that_its_training_started_from(small_model, tmp_path):
    model = small_model()
    torch.save(model.network.encoder.pvt.state_dict(), tmp_path / "encoder.pth")
    model = small_model(encoder={"name": "pvt_v2_b0", "weights": tmp_path / "encoder.pth"})
    save_checkpoint(model, tmp_path / "best.ckpt")
    (tmp_path / "encoder.pth").unlink()
    assert load_model(tmp_path / "best.ckpt").settings == model.settings


def test_weights_are_loaded_into_a_model_that_exists(saved, small_model):
    model, path = saved
    other = small_model("fgstp_no_fsp")
    torch.nn.init.zeros_(other.network.fusion[0].weight)
    other.train()
    assert load_into(other, path).facts["epoch"] == 3
    assert other.network.training
    for name, tensor in other.network.state_dict().items():
        assert torch.equal(tensor, model.network.state_dict()[name])


class Trap:
    """Runs code when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


ZERO = torch.zeros(1)
UNREADABLE = "no file of weights that can be read safely"
SHAPE = "tensors have another shape (network.encoder.pvt.patch_embed.proj.weight is 32 x"
PARTS = "1 key belongs to nothing in it (extra), and 36 tensors are missing (network.ctc."


def without(content, start):
    return {key: value for key, value in content.items() if not key.startswith(start)}


def without_correlation(content):
    return content | {"weights": without(content["weights"], "network.ctc") | {"extra": ZERO}}


def with_settings(content, **settings):
    return content | {"settings": content["settings"] | settings}


def changed(change):
    """Change what a checkpoint holds; code in it would make the folder `sprung`."""

    def spoil(path):
        content = torch.load(path, weights_only=True)
        torch.save(change(content, Trap(path.with_name("sprung"))), path)

    return spoil


def with_weights(change):
    """Change the first of the weights."""

    def spoil(content, _trap):
        name, first = next(iter(content["weights"].items()))
        return content | {"weights": content["weights"] | {name: change(first.clone())}}

    return changed(spoil)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (with_weights(lambda tensor: tensor * torch.nan), "1 tensor is not finite"),
        (with_weights(lambda tensor: tensor.fill_(-torch.inf)), "1 tensor is not finite"),
        (with_weights(lambda tensor: tensor.to_sparse()), "1 tensor is sparse or packed"),
        (with_weights(lambda tensor: tensor.to("meta")), "1 tensor is sparse or packed"),
        (with_weights(lambda tensor: tensor.to(torch.complex64)), "1 tensor is sparse or packed"),
        (
            with_weights(lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8)),
            "1 tensor is sparse or packed",
        ),
        (lambda path: path.unlink(), "There is no file"),
        (lambda path: (path.unlink(), path.mkdir()), "There is no file"),
        (lambda path: path.write_text("no checkpoint"), UNREADABLE),
        (lambda path: path.write_bytes(path.read_bytes()[:50_000]), UNREADABLE),
        (lambda path: path.write_bytes(pickle.dumps(Trap(path.with_name("sprung")))), UNREADABLE),
        (changed(lambda c, trap: c | {"facts": trap}), UNREADABLE),
        (
            changed(lambda c, _: c["weights"]),
            "is no checkpoint of this project; `fgstp weights import`",
        ),
        (changed(lambda c, _: [1, 2]), "is no checkpoint of this project"),
        (changed(lambda c, _: without(c, "settings")), "incomplete checkpoint"),
        (changed(lambda c, _: c | {"weights": [1, 2]}), "is an incomplete checkpoint; train or im"),
        (changed(lambda c, _: c | {"model": ["fgstp"]}), "is an incomplete checkpoint"),
        (changed(lambda c, _: c | {"settings": "height_px=64"}), "is an incomplete checkpoint"),
        (changed(lambda c, _: c | {"model": "mystery"}), "There is no model 'mystery'"),
        (changed(lambda c, _: c | {"settings": {"colour": 1}}), "colour is 1"),
        (changed(lambda c, _: with_settings(c, encoder={"name": "pvt_v2_b1"})), SHAPE),
        (changed(lambda c, _: without_correlation(c)), PARTS),
        (changed(lambda c, _: c | {"facts": {"stage": "x"}}), "is of a stage 'x'"),
        (changed(lambda c, _: c | {"facts": {"stage": 1}}), "is of a stage 1"),
    ],
)
def test_what_is_no_checkpoint_is_refused_in_a_sentence_and_never_run(saved, spoil, message):
    _, path = saved
    spoil(path)
    with pytest.raises(UserError) as error:
        load_model(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not path.with_name("sprung").exists()


def test_a_checkpoint_of_another_model_or_shape_is_refused(saved, small_model):
    _, path = saved
    with pytest.raises(UserError, match="is a checkpoint of fgstp_no_fsp, not of fgstp;"):
        load_model(path, model="fgstp")
    assert load_model(path, model="fgstp_no_fsp")
    with pytest.raises(UserError, match="is a checkpoint of fgstp_no_fsp, not of fgstp_no_ctc;"):
        load_into(small_model("fgstp_no_ctc"), path)
    with pytest.raises(UserError, match=r"does not fit the settings of fgstp_no_fsp: .*missing"):
        load_into(small_model("fgstp_no_fsp", encoder={"name": "pvt_v2_b2"}), path)


@pytest.mark.parametrize("device", ["cuda:99", "nowhere"])
def test_a_device_that_is_not_there_is_told(saved, device):
    with pytest.raises(UserError, match="no device"):
        load_model(saved[1], device=device)


def test_a_save_that_fails_leaves_the_old_checkpoint(saved, monkeypatch):
    model, path = saved
    before = path.read_bytes()

    def full(temporary, _content):
        temporary.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="No space left"):
        save_checkpoint(model, path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["best.ckpt"]


def test_the_package_and_its_commands_do_without_torch():
    code = "import sys, fgstp, fgstp.cli; sys.exit('torch' in sys.modules or 'timm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="nothing"):
        _ = fgstp.nothing
