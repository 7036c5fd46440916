"""The node of features: what it writes, and that training reads it."""

import numpy as np
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.models.features import FeatureStore
from fgstp.models.mg.flow import VideoFlow
from fgstp.models.registry import ModelsSettings, create_model
from fgstp.pipelines.features.nodes import compute_features
from fgstp.training.fit import fit
from fgstp.training.settings import TrainSettings

MG = {"height_px": 16, "width_px": 24, "width": 8, "flow": {"preset": "ultrafast"}}
QUICK = {"epochs": 1, "steps_per_epoch": 2, "targets_per_step": 4, "window_targets": 2}
QUICK["accelerator"] = "cpu"


@pytest.fixture
def filled(clips):
    """Two training clips, one of them without masks, and one of validation."""
    rng = np.random.default_rng(0)
    for name, split in {"a": "train", "b": "train", "v": "validation"}.items():
        frames = rng.integers(0, 256, (8, 24, 32)).astype(np.uint8)
        masks = None if name == "b" else (frames > 200).astype(np.uint8)
        clips.add(name, frames, masks, split=split, gas_fraction=0.1)
    return clips


def compute(clips, folder, model="mg"):
    models = ModelsSettings.model_validate({"mg": MG})
    train = TrainSettings.model_validate(QUICK)
    folder.mkdir(exist_ok=True)
    compute_features(clips.table, clips.store, model, models, train)(folder)


def test_training_clips_are_computed_for_a_model_with_features(filled, tmp_path):
    compute(filled, tmp_path / "features")
    names = {path.name for path in (tmp_path / "features/mg").iterdir()}
    assert names == {"a.features.npy", "a.stamp.json"}
    compute(filled, tmp_path / "features", "background")
    assert list((tmp_path / "features/background").iterdir()) == []


def test_without_clips_to_train_on_it_says_so(clips, tmp_path):
    with pytest.raises(UserError, match="There are no clips"):
        compute(clips, tmp_path / "features")


def test_training_reads_them_and_ends_with_the_weights_of_one_without(
    filled, tmp_path, monkeypatch, caplog
):
    compute(filled, tmp_path / "features")
    computed, found, compute_one = [], {}, VideoFlow.compute

    def counted(self, frames, numbers):
        computed.append(numbers)
        return compute_one(self, frames, numbers)

    monkeypatch.setattr(VideoFlow, "compute", counted)
    for features in (None, FeatureStore(tmp_path / "features/mg")):
        torch.manual_seed(1)
        model = create_model("mg", MG | {"optimisation": {"targets_per_step": 4}})
        settings = TrainSettings.model_validate(QUICK)
        out = tmp_path / f"run {features is None}"
        fit(model, filled.table, filled.store, out, settings, seed=1, features=features)
        found[features is None] = torch.cat([each.flatten() for each in model.parameters()])
        assert bool(computed) == (features is None)
        computed.clear()
    assert torch.equal(found[True], found[False])
    assert caplog.text.count("mg computes its features for every sample") == 1
