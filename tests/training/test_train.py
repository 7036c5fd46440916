import pytest
import torch
from tiny_model import tiny

from fgstp.core.errors import UserError
from fgstp.models.checkpoint import read_checkpoint
from fgstp.training.train import Clips, train

QUICK = {"epochs": 1, "steps_per_epoch": 1, "window_targets": 2, "targets_per_step": 2}


@pytest.fixture
def primary(small, tmp_path):
    """A folder as ingest leaves it."""
    small.table.to_csv(tmp_path / "clips.csv", index=False)
    return tmp_path


def test_a_model_is_trained_from_python(primary, small, tmp_path):
    model = tiny()
    outcome = train(model, primary, tmp_path / "one", **QUICK)
    assert (outcome.n_epochs, outcome.ended_by) == (1, "epochs")
    assert outcome.checkpoint == tmp_path / "one/best.ckpt"
    best = read_checkpoint(outcome.checkpoint).weights
    assert all(torch.equal(each, best[name]) for name, each in model.state_dict().items())
    again = train(tiny(), Clips(small.table, small.store), str(tmp_path / "two"), **QUICK)
    assert again.history == outcome.history


@pytest.mark.parametrize(
    ("settings", "fact"),
    [({"epoch": 1}, "epoch"), ({"epochs": 0}, "epochs is 0"), ({"seeds": 2}, "each seed")],
)
def test_wrong_settings_are_refused(primary, tmp_path, settings, fact):
    with pytest.raises(UserError, match=fact):
        train("fgstp", primary, tmp_path / "out", **settings)


def test_a_folder_without_a_clip_table_is_refused(tmp_path):
    with pytest.raises(UserError, match="03_primary"):
        train("fgstp", tmp_path / "nothing", tmp_path / "out")
