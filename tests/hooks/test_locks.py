"""Which files a run locks, of the real pipelines and the real catalog."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline

from fgstp.core.errors import UserError
from fgstp.core.lock import Owner
from fgstp.hooks import LockHooks
from fgstp.training.settings import TrainSettings

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path):
    """A data folder with the tables and scores of two models."""
    for name in ("02_intermediate/videos.csv", "03_primary/clips.csv"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    for model in ("fgstp", "mg"):
        for name in (f"metrics/{model}.json", f"summaries/{model}.csv"):
            path = tmp_path / "08_reporting" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    for name in ("03_primary/videos", "04_feature", "06_models/fgstp", "07_model_output"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def begin(data, monkeypatch):
    """Begins a run of some pipelines; returns its hooks."""
    monkeypatch.delenv("RANK", raising=False)
    begun = []

    def run(*names, model="fgstp", **train):
        loader = OmegaConfigLoader(
            str(REPOSITORY / "conf"),
            base_env="base",
            default_run_env="test",
            runtime_params={"data": str(data), "model": model},
        )
        parts = [import_module(f"fgstp.pipelines.{name}").create_pipeline() for name in names]
        catalog = DataCatalog.from_config(loader["catalog"])
        catalog["params:model"] = MemoryDataset(model)
        catalog["params:train"] = MemoryDataset(TrainSettings(**train))
        hooks = LockHooks()
        begun.append(hooks)
        hooks.before_pipeline_run(sum(parts, start=Pipeline([])), catalog)
        return hooks

    yield run
    for hooks in begun:
        hooks.on_pipeline_error()


def locks(data, kind="written"):
    """Paths below the data folder that are locked to be written, or shared."""
    found = {
        path
        for path in data.rglob(".*.lock*")
        if path.name.endswith(".lock") == (kind == "written")
    }
    return {
        (path.parent / path.name[1:].partition(".lock")[0]).relative_to(data).as_posix()
        for path in found
    }


def of_another_machine(data, name):
    path = data / name
    owner = Owner.of_this_process()._replace(host="node7")
    path.with_name(f".{path.name}.lock").write_text(json.dumps(owner))


def test_ingest_locks_its_folders(begin, data):
    hooks = begin("ingest")
    assert locks(data) == {
        "02_intermediate/cut_clips.csv",
        "02_intermediate/videos.csv",
        "03_primary/clips.csv",
        "03_primary/videos",
        "08_reporting/contact_sheets",
        "08_reporting/duplicates",
        "08_reporting/duplicates/clips_kept_against_threshold.csv",
        "08_reporting/ingest.md",
    }
    hooks.after_pipeline_run()
    assert not [*data.rglob(".*")]


@pytest.mark.parametrize(
    ("train", "written", "shared"),
    [({}, "fgstp", set()), ({"seed_index": 2}, "fgstp/seed_2", {"06_models/fgstp"})],
)
def test_training_locks_its_model_or_its_seed_and_shares_what_it_reads(
    begin, data, train, written, shared
):
    hooks = begin("train", **train)
    assert locks(data) == {f"06_models/{written}"}
    read = {"03_primary/clips.csv", "03_primary/videos", "04_feature/fgstp"}
    assert locks(data, "shared") == read | shared
    hooks.after_dataset_saved("models")
    assert locks(data) == set()
    assert f"06_models/{written}" in locks(data, "shared")
    hooks.after_pipeline_run()
    assert not [*data.rglob(".*")]


def test_evaluation_locks_the_files_of_its_model(begin, data):
    begin("evaluate", model="mg")
    assert locks(data) == {
        "07_model_output/mg",
        "08_reporting/dvc/mg.json",
        "08_reporting/events/mg.parquet",
        "08_reporting/frames/mg.parquet",
        "08_reporting/metrics/mg.json",
        "08_reporting/summaries/mg.csv",
        "08_reporting/timelines/mg.parquet",
    }
    assert "06_models/mg" in locks(data, "shared")


def test_the_report_shares_the_scores_of_all_models(begin, data):
    begin("report")
    assert locks(data) == {
        f"08_reporting/{name}"
        for name in (
            *("tables", "figures", "report"),
            *("headline.txt", "report.html", "training_history.csv"),
        )
    }
    scores = {f"08_reporting/{each}" for each in ("metrics/fgstp.json", "summaries/mg.csv")}
    assert scores <= locks(data, "shared")


@pytest.mark.parametrize(
    ("held", "begun", "words"),
    [
        ("06_models/fgstp", "train", "06_models/fgstp is being written by process"),
        ("03_primary/videos", "train", "03_primary/videos is being written"),
        ("03_primary/clips.csv", "report", "03_primary/clips.csv is being written"),
        ("06_models/fgstp", "evaluate", "06_models/fgstp is being written"),
        ("08_reporting/metrics/mg.json", "report", "metrics/mg.json is being written"),
        ("06_models/mg", "train", None),
        ("06_models/mg", "report", None),
        ("07_model_output/fgstp", "train", None),
        ("08_reporting/metrics/mg.json", "evaluate", None),
    ],
)
def test_only_a_run_that_is_in_the_way_is_told(begin, data, held, begun, words):
    (data / held).parent.mkdir(parents=True, exist_ok=True)
    of_another_machine(data, held)
    before = locks(data), locks(data, "shared")
    if words is None:
        begin(begun)
        return
    with pytest.raises(UserError, match=words):
        begin(begun)
    assert (locks(data), locks(data, "shared")) == before


def test_two_seeds_of_a_model_do_not_disturb_each_other(begin, data):
    of_another_machine(data, "06_models/fgstp/seed_1")
    begin("train", seed_index=2)
    with pytest.raises(UserError, match=r"fgstp/seed_1 is being written"):
        begin("train", seed_index=1)


SECOND = """
import sys
from pathlib import Path
from fgstp.core.errors import UserError
from fgstp.core.lock import locked
for path in sys.argv[1:]:
    try:
        with locked(Path(path)):
            print("free")
    except UserError as error:
        print(error)
"""


def test_what_is_read_cannot_be_written_by_others(begin, data):
    begin("train", seed_index=1)
    paths = [data / name for name in ("06_models/fgstp", "03_primary/videos", "06_models/mg")]
    command = [sys.executable, "-c", SECOND, *map(str, paths)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    model, videos, other = answer.splitlines()
    assert f"{paths[0]} is being read by process" in model
    assert f"{paths[1]} is being read by process" in videos
    assert other == "free"


def test_of_processes_that_a_launcher_started_the_first_one_locks(begin, data, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    hooks = begin("train")
    assert not locks(data)
    hooks.after_dataset_saved("models")


def test_machines_that_train_together_share_their_folders(begin, data):
    hooks = begin("train", nodes=2, rendezvous="first:29400")
    assert not locks(data)
    assert "06_models/fgstp" in locks(data, "shared")
    hooks.after_dataset_saved("models")
    hooks.after_pipeline_run()
    assert not [*data.rglob(".*")]


def test_a_run_that_was_stopped_in_this_process_does_not_hold_up_the_next(begin, data):
    hooks = begin("train")
    catalog = DataCatalog({})
    hooks.before_pipeline_run(Pipeline([]), catalog)
    assert not [*data.rglob(".*")]
