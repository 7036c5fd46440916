import tempfile

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from fgstp import Detector, create_model, load_model
from fgstp.adaptation import adapt as module
from fgstp.adaptation.adapt import Scores, adapt
from fgstp.adaptation.footage import Prepared
from fgstp.cli import main
from fgstp.core.errors import UserError
from fgstp.footage.video_store import VideoStore
from fgstp.models.checkpoint import read_checkpoint, save_checkpoint

FPS_HZ, SIZE = 5, (40, 56)
SMALL = {"height_px": 20, "width_px": 28, "width": 4, "sequence": {"n_frames": 12}}


@pytest.fixture(autouse=True, scope="module")
def _one_thread(one_thread):
    pass


@pytest.fixture(scope="module")
def video(tmp_path_factory, footage):
    rng = np.random.default_rng(0)
    frames = np.linspace(40, 180, SIZE[1]) + rng.normal(0, 1, (10 * FPS_HZ, *SIZE))
    path = tmp_path_factory.mktemp("footage") / "pad.mkv"
    return footage.video(path, np.rint(frames).astype(np.uint8), fps=FPS_HZ)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A checkpoint of a small model, which knows nothing yet."""
    path = tmp_path_factory.mktemp("model") / "small.ckpt"
    torch.manual_seed(1)
    model = create_model("wisp", SMALL)
    model.frame_threshold = 0.7
    save_checkpoint(model, path)
    return path


@pytest.fixture(scope="module")
def adapted(small, video, tmp_path_factory):
    """What the command wrote and said, with a folder of its own for temporary files."""
    folder = tmp_path_factory.mktemp("adapted")
    (folder / "temporary").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder / "temporary"))
        result = CliRunner().invoke(
            main,
            [
                *("adapt", str(video), "--model", str(small), "--minutes", "0.1"),
                *("--out", str(folder / "new/site.ckpt")),
            ],
        )
    assert result.exit_code == 0, result.output
    return folder, result.output


def test_the_checkpoint_is_the_model_with_other_weights(adapted, small, video):
    folder, output = adapted
    before, after = load_model(small), load_model(folder / "new/site.ckpt")
    assert after.settings == before.settings
    assert after.frame_threshold == before.frame_threshold == 0.7
    moved = [
        float((one - other).detach().abs().max())
        for one, other in zip(before.parameters(), after.parameters(), strict=True)
    ]
    assert 1e-6 < max(moved) < 0.05  # a few small steps
    assert output.count("mIoU") == output.count("of held-out leak-free frames") == 2
    facts = read_checkpoint(folder / "new/site.ckpt").facts["adapted"]
    assert f"Before: {Scores(**facts['before']).sentence()}." in output
    assert f"After: {Scores(**facts['after']).sentence()}." in output
    assert Detector(folder / "new/site.ckpt").detect(video).n_frames == 50


def test_nothing_else_is_left(adapted):
    folder, _ = adapted
    assert list((folder / "temporary").iterdir()) == []
    assert [path.name for path in (folder / "new").iterdir()] == ["site.ckpt"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights(adapted, small, video, tmp_path):
    adapt(small, [video], tmp_path / "again.ckpt", minutes=0.1)
    ours, again = (
        load_model(path).state_dict()
        for path in (adapted[0] / "new/site.ckpt", tmp_path / "again.ckpt")
    )
    assert all(torch.equal(ours[name], again[name]) for name in ours)


def test_a_model_that_would_be_worse_is_not_written(small, video, tmp_path, monkeypatch):
    scores = iter([Scores(0.6, 0.9, 0.1), Scores(0.7, 0.95, 0.2)])
    nothing = Prepared(VideoStore(tmp_path), pd.DataFrame(), pd.DataFrame({"split": []}))
    monkeypatch.setattr(module, "prepare", lambda *_, **__: nothing)
    monkeypatch.setattr(module, "fit", lambda *_, **__: None)
    monkeypatch.setattr(module, "score", lambda *_: next(scores))
    with pytest.raises(UserError, match=r"would be worse.*10\.0%.*20\.0%"):
        adapt(small, [video], tmp_path / "site.ckpt", minutes=0.1)
    assert not list(tmp_path.iterdir())


def test_one_score_that_falls_by_more_than_the_tolerance_is_worse():
    before = Scores(0.6, 0.9, 0.1)
    assert not before.is_worse_than(before)
    assert not Scores(0.581, 0.881, 0.119).is_worse_than(before)
    for changed in ({"miou": 0.57}, {"auroc": 0.87}, {"false_alarm_fraction": 0.13}):
        assert Scores(0.7, 0.95, 0.05)._replace(**changed).is_worse_than(before)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("background", {}, "cannot be adapted: it is not trained"),
        ("mg", {"height_px": 32, "width_px": 48}, "in stages or on features"),
        ("xmem_pp", {"key_encoder": {"name": "resnet18"}}, "is given a mask"),
    ],
)
def test_models_that_cannot_be_adapted_are_told(video, tmp_path, name, settings, message):
    save_checkpoint(create_model(name, settings), tmp_path / "model.ckpt")
    with pytest.raises(UserError, match=message):
        adapt(tmp_path / "model.ckpt", [video], tmp_path / "site.ckpt")
    with pytest.raises(UserError, match="There is no file"):
        adapt("nothing", [video], tmp_path / "site.ckpt")
    assert not (tmp_path / "site.ckpt").exists()
