"""Trainings as versions of MLflow's registry, which any client of MLflow can load and run."""

import mlflow
import pandas as pd
import pytest
import torch
from mlflow.exceptions import MlflowException

from fgstp import create_model
from fgstp.detection.event_files import COLUMNS
from fgstp.models.checkpoint import save_checkpoint
from fgstp.models.training_records import read_records, record_of, seed_folder, write_record
from fgstp.pipelines.cards import description, log_cards
from fgstp.pipelines.model_versions import log_versions

SMALL = {"width": 4}


@pytest.fixture
def train(tmp_path):
    """Writes a training of WISP with a validation score, as far as cards tell of it."""

    def written(number, score):
        torch.manual_seed(number)
        folder = seed_folder(tmp_path / "wisp", number)
        folder.mkdir(parents=True, exist_ok=True)
        model = create_model("wisp", SMALL)
        save_checkpoint(model, folder / "best.ckpt")
        own = {"trained": True, "monitor": "val_iou", "scores": {"val_iou": score}}
        own |= {"seed": number, "epoch": 2}
        write_record(folder, record_of(model, folder / "best.ckpt") | own)
        return tmp_path / "wisp"

    return written


@pytest.fixture
def versions(recorded):
    """Logs a folder of trainings, and tells the versions that there are, by number."""

    def logged(folder):
        log_versions(folder, log_cards(folder))
        found = recorded.client.search_model_versions("name = 'wisp'")
        return {int(each.version): each for each in found}

    yield logged
    recorded.client.delete_registered_model("wisp")


def best(recorded):
    return int(recorded.client.get_model_version_by_alias("wisp", "best").version)


def test_a_training_is_a_version_once_and_best_is_the_best_on_validation(recorded, train, versions):
    assert list(versions(train(1, 0.3))) == [1]
    assert best(recorded) == 1
    folder = train(2, 0.6)
    assert sorted(versions(folder)) == [1, 2]
    assert best(recorded) == 2
    assert sorted(versions(train(3, 0.5))) == [1, 2, 3]  # the first two are there already
    assert best(recorded) == 2
    digests = {each.tags["checkpoint_sha256"] for each in versions(folder).values()}
    assert digests == {each["checkpoint_sha256"] for each in read_records(folder).values()}


def test_a_version_has_the_card_as_its_description_and_its_scores(recorded, train, versions):
    folder = train(1, 0.25)
    [version] = versions(folder).values()
    card = log_cards(folder)[1]
    assert version.description == description(card)
    assert "val_iou 0.250" in version.description
    logged = recorded.client.get_logged_model(version.source.removeprefix("models:/"))
    assert {each.key: each.value for each in logged.metrics} == {"best.val_iou": 0.25}
    assert logged.source_run_id == recorded.id


def test_a_version_takes_paths_of_videos_and_returns_rows_of_events(
    database, train, versions, footage, tmp_path
):
    versions(train(1, 0.3))
    video = footage.video(tmp_path / "leak.mkv", footage.frames([20]))
    mlflow.set_tracking_uri(database)
    try:
        model = mlflow.pyfunc.load_model("models:/wisp@best")
    finally:
        mlflow.set_tracking_uri(None)
    assert model.metadata.signature.inputs.input_names() == ["path"]
    assert model.metadata.signature.outputs.input_names() == list(COLUMNS)
    events = model.predict(pd.DataFrame({"path": [str(video)]}))
    assert list(events.columns) == list(COLUMNS)
    with pytest.raises(MlflowException, match=r"none\.mkv"):
        model.predict(pd.DataFrame({"path": [str(tmp_path / "none.mkv")]}))


def test_a_model_that_is_given_a_mask_and_one_without_training_are_no_versions(recorded, tmp_path):
    small = {"widths": {"key": 16, "value": 16, "sensory": 16}}
    small["key_encoder"] = small["value_encoder"] = {"name": "resnet18"}
    for name, settings in (("xmem_pp", small), ("background", {})):
        model, trained = create_model(name, settings), name != "background"
        folder = seed_folder(tmp_path / name, 1)
        folder.mkdir(parents=True)
        save_checkpoint(model, folder / "best.ckpt")
        own = {"trained": trained, "monitor": "val_iou", "scores": {"val_iou": 0.1}}
        write_record(folder, record_of(model, folder / "best.ckpt") | own)
        log_versions(tmp_path / name, log_cards(tmp_path / name))
        assert not recorded.client.search_registered_models(f"name = '{name}'")
