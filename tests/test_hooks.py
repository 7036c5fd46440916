"""Hooks of the project: sentences for mistakes, flat parameters, tags and stopped runs."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from kedro.framework.hooks import _create_hook_manager
from kedro.io import DataCatalog, DatasetError, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.validation import ParameterValidationError
from kedro.validation.parameter_validator import ParameterValidator
from pydantic import BaseModel, ValidationError

from fgstp.core.errors import FootageError, UserError
from fgstp.footage.settings import IngestSettings
from fgstp.hooks import ProjectHooks, flatten, user_sentence
from fgstp.models.registry import ModelsSettings
from fgstp.pipelines.ingest import create_pipeline
from fgstp.training.settings import TrainSettings


@pytest.fixture
def _signals():
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


NOTHING = {"pipeline": Pipeline([]), "catalog": DataCatalog()}  # is run


# -------------------------------------------------------------------- sentences


def _settings_error(seed=1, **changes):
    """What Kedro raises for wrong settings, with pydantic's real report in it."""
    validator = ParameterValidator({"ingest": create_pipeline()})
    with pytest.raises(ParameterValidationError) as caught:
        validator.validate_raw_params({"ingest": {"source": "folder"} | changes, "seed": seed})
    return caught.value


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"clip_length_frames": 0},
            "ingest.clip_length_frames is 0: input should be greater than or equal to 3",
        ),
        ({"clip_lenght": 3}, "ingest.clip_lenght is 3: extra inputs are not permitted"),
        (
            {"source": "youtube"},
            "ingest.source is 'youtube': input should be "
            "'synthetic', 'gasvid', 'annotated' or 'folder'",
        ),
        (
            {"duplicates": {"threshold": "much"}},
            "ingest.duplicates.threshold is 'much': input should be a valid number, "
            "unable to parse string as a number",
        ),
        (
            {"parallel": {"jobs": 0}},
            "ingest.parallel is {'jobs': 0}: jobs must be -1 (all processors) or at least 1",
        ),
    ],
)
def test_a_wrong_setting_in_one_sentence(changes, sentence):
    assert user_sentence(_settings_error(**changes)) == f"{sentence}; correct conf/ or --params."


def test_several_wrong_settings_are_all_named():
    sentence = user_sentence(
        _settings_error(clip_length_frames=1, validation={"fraction": 2, "gap_clips": 0})
    )
    for name in (
        "clip_length_frames is 1",
        "validation.fraction is 2",
        "validation.gap_clips is 0",
    ):
        assert f"ingest.{name}" in sentence
    assert "\n" not in sentence


class Other(BaseModel):
    speed: float


def test_wrong_settings_of_two_blocks():
    def node(ingest: IngestSettings, other: Other):
        pass

    pipeline = Pipeline([Node(node, ["params:ingest", "params:other"], None, name="node")])
    with pytest.raises(ParameterValidationError) as caught:
        ParameterValidator({"p": pipeline}).validate_raw_params(
            {"ingest": {"source": "folder", "clip_lenght": 3}, "other": {}}
        )
    sentence = user_sentence(caught.value)
    assert "ingest.clip_lenght is 3: extra inputs are not permitted" in sentence
    assert "other.speed is {}: field required" in sentence
    assert "\n" not in sentence


def test_settings_that_do_not_go_together_are_told_in_one_sentence():
    def node(train: TrainSettings):
        pass

    pipeline = Pipeline([Node(node, ["params:train"], None, name="node")])
    with pytest.raises(ParameterValidationError) as caught:
        ParameterValidator({"p": pipeline}).validate_raw_params({"train": {"nodes": 2}})
    sentence = user_sentence(caught.value)
    assert "train" in sentence
    assert "rendezvous is not set" in sentence
    assert "\n" not in sentence


def test_a_report_that_is_not_understood_is_told_as_it_is():
    assert user_sentence(ParameterValidationError("something else")) == "something else"


def test_kedro_wraps_mistakes_and_the_sentence_is_still_found():
    with pytest.raises(DatasetError) as caught:
        try:
            raise FootageError("mend it")
        except FootageError as error:
            raise DatasetError("Failed while saving data to dataset ...") from error
    assert user_sentence(caught.value) == "mend it"


@pytest.mark.parametrize("error", [ValueError("bug"), DatasetError("bug"), KeyError("x"), None])
def test_faults_of_ours_are_no_sentence(error):
    assert user_sentence(error) is None


def test_a_validation_error_of_ours_is_no_sentence():
    # Only Kedro's report on parameters is a user's mistake.
    with pytest.raises(ValidationError) as caught:
        IngestSettings(source="folder", clip_length_frames=0)
    assert user_sentence(caught.value) is None


def test_the_hook_prints_mistakes_without_a_traceback(monkeypatch, capsys):
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    ProjectHooks().after_context_created(context=None)
    for error in (UserError("mend it"), ValueError("a bug")):
        try:
            raise error
        except Exception:
            sys.excepthook(*sys.exc_info())
    printed = capsys.readouterr().err
    assert printed.startswith("Error: mend it\nTraceback (most recent call last)")
    assert printed.rstrip().endswith("ValueError: a bug")


# ------------------------------------------------------------------- parameters


def test_flatten():
    value = {"a": 1, "b": {"c": [1, 2], "d": {"e": None}}, "f": {}}
    assert dict(flatten("p", value)) == {"p.a": 1, "p.b.c": [1, 2], "p.b.d.e": None}
    assert dict(flatten("seed", 3)) == {"seed": 3}


def test_typed_parameters_are_logged_one_by_one(tracking):
    settings = IngestSettings(source="folder", duplicates={"threshold": 0.125})
    with mlflow.start_run() as run:
        ProjectHooks().before_node_run(
            inputs={"params:ingest": settings, "params:seed": 3, "videos": settings}
        )
    logged = tracking.get_run(run.info.run_id).data.params
    assert logged["ingest.duplicates.threshold"] == "0.125"
    assert logged["ingest.parallel.backend"] == "loky"
    assert len(logged) == len(list(flatten("", settings.model_dump())))


def test_of_all_models_the_settings_of_the_one_that_is_run_are_logged(tracking):
    small = {"height_px": 32, "ctc": False, "encoder": {"name": "pvt_v2_b0"}}
    models = ModelsSettings.model_validate({"fgstp_no_ctc": small})
    with mlflow.start_run() as run:
        ProjectHooks().before_node_run(
            inputs={"params:model": "fgstp_no_ctc", "params:models": models, "params:seed": 3}
        )
    logged = tracking.get_run(run.info.run_id).data.params
    assert logged["models.fgstp_no_ctc.height_px"] == "32"
    assert logged["models.fgstp_no_ctc.encoder.name"] == "pvt_v2_b0"
    assert logged["models.fgstp_no_ctc.ctc"] == "False"
    assert all(name.startswith("models.fgstp_no_ctc.") for name in logged)
    assert len(logged) == len(list(flatten("", models.fgstp_no_ctc.model_dump())))


def test_a_model_that_is_not_there_is_told_and_nothing_is_logged(tracking):
    inputs = {"params:models": ModelsSettings(), "params:model": "nothing"}
    with mlflow.start_run() as run, pytest.raises(UserError, match="There is no model 'nothing'"):
        ProjectHooks().before_node_run(inputs=inputs)
    assert tracking.get_run(run.info.run_id).data.params == {}


def test_without_a_run_nothing_is_logged(tracking):
    ProjectHooks().before_node_run(inputs={"params:ingest": IngestSettings(source="folder")})
    assert mlflow.active_run() is None


# -------------------------------------------------------------------- tags, stops


def test_tags_are_commit_state_and_command(tracking, project, monkeypatch, _signals):
    monkeypatch.setattr(sys, "argv", ["kedro", "run", "--env=test"])
    git = ["git", "-C", str(project)]
    commit = subprocess.run(
        [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    with mlflow.start_run() as run:
        ProjectHooks().before_pipeline_run(run_params={"project_path": project}, **NOTHING)
    tags = tracking.get_run(run.info.run_id).data.tags
    assert tags["mlflow.source.git.commit"] == commit
    assert tags["git.dirty"] == "true"  # nothing of it is committed
    assert tags["command"] == "kedro run --env=test"


def _of_model(name):
    """A pipeline that is about one model, and the catalog that says which."""
    node = Node(lambda model: None, "params:model", None, name="of_one_model")
    catalog = DataCatalog({"params:model": MemoryDataset(name)})
    return {"pipeline": Pipeline([node]), "catalog": catalog}


def test_the_run_is_tagged_with_the_model_and_named_after_it(tracking, tmp_path, _signals):
    with mlflow.start_run(run_name="train") as run:
        ProjectHooks().before_pipeline_run(
            run_params={"project_path": tmp_path}, **_of_model("fgstp_no_ctc")
        )
    recorded = tracking.get_run(run.info.run_id)
    assert recorded.data.tags["model"] == "fgstp_no_ctc"
    assert recorded.info.run_name == "fgstp_no_ctc: train"


def test_a_run_about_no_model_keeps_its_name_and_has_no_such_tag(tracking, tmp_path, _signals):
    other = _of_model("fgstp") | {"pipeline": Pipeline([])}
    with mlflow.start_run(run_name="ingest") as run:
        ProjectHooks().before_pipeline_run(run_params={"project_path": tmp_path}, **other)
    recorded = tracking.get_run(run.info.run_id)
    assert "model" not in recorded.data.tags
    assert recorded.info.run_name == "ingest"


def test_without_a_run_no_model_is_recorded(tracking, tmp_path, _signals):
    ProjectHooks().before_pipeline_run(run_params={"project_path": tmp_path}, **_of_model("fgstp"))
    assert mlflow.active_run() is None


def test_outside_git_there_is_no_commit_and_no_error(tracking, tmp_path, monkeypatch, _signals):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with mlflow.start_run() as run:
        ProjectHooks().before_pipeline_run(run_params={"project_path": tmp_path}, **NOTHING)
    assert "git.dirty" not in tracking.get_run(run.info.run_id).data.tags


STOPPED_WHILE_IT_WRITES = """
import os, signal, sys
import mlflow
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from sqlalchemy import event
from sqlalchemy.engine import Engine
from fgstp.hooks import ProjectHooks

stopped = []

def stop(connection, cursor, statement, *_):
    if statement.startswith("INSERT") and not stopped:
        stopped.append(statement)
        os.kill(os.getpid(), signal.SIGINT)

mlflow.set_experiment("of the test")
print("run", mlflow.start_run().info.run_id)
ProjectHooks().before_pipeline_run(
    run_params={"project_path": sys.argv[1]}, pipeline=Pipeline([]), catalog=DataCatalog()
)
event.listen(Engine, "after_cursor_execute", stop)
mlflow.log_metric("a", 1.0)
print("not stopped")
"""


@pytest.mark.slow
def test_a_run_that_is_stopped_while_it_records_is_killed_too(tracking, database, tmp_path):
    answer = subprocess.run(
        [sys.executable, "-c", STOPPED_WHILE_IT_WRITES, tmp_path],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"MLFLOW_TRACKING_URI": database},
    )
    assert "not stopped" not in answer.stdout
    run_id = re.search(r"^run (\S+)$", answer.stdout, re.M)[1]
    assert tracking.get_run(run_id).info.status == "KILLED"
    assert answer.returncode == 130
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("end", ["after_pipeline_run", "on_pipeline_error"])
def test_signals_are_as_before_once_the_run_has_ended(tmp_path, end, _signals):
    before = [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)]
    hooks = ProjectHooks()
    hooks.before_pipeline_run(run_params={"project_path": tmp_path}, **NOTHING)
    assert signal.getsignal(signal.SIGTERM) != before[1]
    getattr(hooks, end)(**(NOTHING if end == "after_pipeline_run" else {}))
    assert [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_run_that_was_opened_several_times_is_closed(tracking, monkeypatch):
    # As kedro-mlflow does for each node.
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    hooks = ProjectHooks()
    hooks.after_context_created(context=None)
    run = mlflow.start_run()
    mlflow.start_run(run.info.run_id, nested=True)
    mlflow.start_run(run.info.run_id, nested=True)
    hooks.after_pipeline_run(**NOTHING)
    assert mlflow.active_run() is None
    assert tracking.get_run(run.info.run_id).info.status == "FINISHED"


def test_a_run_of_a_notebook_stays_open(tracking, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    hooks = ProjectHooks()
    with mlflow.start_run() as run:
        hooks.after_context_created(context=None)
        hooks.after_pipeline_run(**NOTHING)
        assert mlflow.active_run().info.run_id == run.info.run_id


def test_refused_videos_are_said_again_at_the_end(caplog):
    videos = pd.DataFrame({"video": ["a", "b", "c"], "error": ["a: bad", None, "c: worse"]})
    pipeline = Pipeline([Node(lambda: videos, None, "videos", name="find")])
    catalog = DataCatalog({"videos": MemoryDataset(videos)})
    with caplog.at_level("WARNING", logger="fgstp"):
        ProjectHooks().after_pipeline_run(pipeline=pipeline, catalog=catalog)
    assert [record.getMessage() for record in caplog.records] == [
        "Video not used (1 of 2): a: bad",
        "Video not used (2 of 2): c: worse",
    ]


def test_kedro_knows_every_hook():
    # A misspelt argument of a hook would be an error here and not before.
    manager = _create_hook_manager()
    manager.register(ProjectHooks())
    manager.check_pending()
    assert {caller.name for caller in manager.get_hookcallers(manager.get_plugins().pop())} == {
        "after_catalog_created",
        "after_context_created",
        "before_pipeline_run",
        "before_node_run",
        "after_pipeline_run",
        "on_pipeline_error",
    }


def test_settings_name_the_hooks():
    from fgstp import settings

    assert [type(hook) for hook in settings.HOOKS] == [ProjectHooks]
    assert Path(settings.__file__).is_file()


def test_a_block_that_nothing_reads_is_refused():
    hooks = ProjectHooks()
    # As Kedro gives them: flat, with all of them under one more name.
    names = ("train", "train.epochs", "seed", "_anchor.mean", "data")
    known = {"parameters": {}} | {f"params:{name}": 1 for name in names}
    hooks.after_catalog_created(parameters=known)
    with pytest.raises(UserError, match=r"no block of settings trian, sistems; there are ingest,"):
        hooks.after_catalog_created(
            parameters=known | {"params:trian.epochs": 1, "params:sistems": {}}
        )
