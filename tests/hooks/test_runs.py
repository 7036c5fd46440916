"""What MLflow holds of a run, whatever happens to MLflow meanwhile."""

import signal
import sqlite3
import subprocess
import sys

import mlflow
import pytest
from kedro.framework.hooks import _create_hook_manager
from kedro.framework.project import configure_project
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from mlflow import MlflowClient

from fgstp.footage.settings import IngestSettings
from fgstp.hooks import RunHooks, StopHooks
from fgstp.hooks.runs import in_order
from fgstp.models.registry import ModelsSettings
from fgstp.pipelines.tracking import CURRENT, flat
from fgstp.training.settings import TrainSettings


def opened(project, pipelines=("train",), **parameters):
    """Hooks that have opened a run of a pipeline with these parameters."""
    configure_project("fgstp")
    inputs = {f"params:{name}": value for name, value in parameters.items()}
    nodes = [Node(lambda *_: None, list(inputs), None, name="node")] if inputs else []
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in inputs.items()})
    about = {"project_path": project, "pipeline_names": list(pipelines), "env": "test"}
    hooks = RunHooks()
    hooks.before_pipeline_run(about, Pipeline(nodes), catalog)
    hooks.before_node_run()
    return hooks


def ended(hooks, hook="after_pipeline_run"):
    hooks.on_pipeline_error() if "error" in hook else hooks.after_pipeline_run(
        Pipeline([]), DataCatalog()
    )
    assert CURRENT.get() is None


def last_run(client):
    experiment = client.get_experiment_by_name("fgstp")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    return client.search_runs([experiment.experiment_id], order_by=["start_time DESC"])[0]


# ----------------------------------------------------------------- name, tags, settings


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["report", "train", "evaluate"], "train+evaluate+report"),
        (["mine", "ingest"], "ingest+mine"),
        (None, "ingest+features+train+evaluate+report"),
        (["__default__"], "ingest+features+train+evaluate+report"),
    ],
)
def test_pipelines_are_named_in_the_order_in_which_they_run(names, expected):
    assert "+".join(in_order(names)) == expected


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"model": "fgstp", "seed": 1}, "fgstp seed 1"),
        ({"model": "mg", "seed": 3, "train": TrainSettings(seeds=2)}, "mg seed 3-4"),
        ({"model": "mg", "seed": 3, "train": TrainSettings(seed_index=2)}, "mg seed 4"),
        ({"seed": 7}, "seed 7"),
    ],
)
def test_a_run_is_named_after_model_seed_and_pipelines(tracking, tmp_path, parameters, name):
    ended(opened(tmp_path, ["evaluate", "train"], **parameters))
    run = last_run(tracking)
    assert run.info.run_name == f"{name} train+evaluate"
    assert run.data.tags.get("model") == parameters.get("model")
    assert (run.data.tags["env"], run.info.status) == ("test", "FINISHED")


def test_tags_are_commit_state_and_command(tracking, project, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["kedro", "run", "--env=test"])
    git = ["git", "-C", str(project)]
    commit = subprocess.run(
        [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    ended(opened(project), "on_pipeline_error")
    run = last_run(tracking)
    assert run.data.tags["mlflow.source.git.commit"] == commit
    assert run.data.tags["command"] == "kedro run --env=test"
    assert run.info.status == "FAILED"


def test_each_setting_is_logged_by_itself_and_only_those_of_the_model_that_runs(tracking, tmp_path):
    small = {"height_px": 32, "encoder": {"name": "pvt_v2_b0"}}
    models = ModelsSettings.model_validate({"fgstp_no_ctc": small})
    ingest = IngestSettings(source="folder", duplicates={"threshold": 0.125})
    ended(opened(tmp_path, model="fgstp_no_ctc", models=models, ingest=ingest, seed=3))
    logged = last_run(tracking).data.params
    blocks = {"models": {"fgstp_no_ctc": models.of("fgstp_no_ctc").model_dump(mode="json")}}
    own = dict(flat(blocks | {"ingest": ingest.model_dump(mode="json")}))
    own |= {"model": "fgstp_no_ctc", "seed": 3}
    assert logged == {name: str(value) for name, value in own.items()}
    assert logged["ingest.duplicates.threshold"] == "0.125"
    assert logged["models.fgstp_no_ctc.encoder.name"] == "pvt_v2_b0"


def test_a_run_of_a_notebook_stays_open(tracking, tmp_path, database):
    mlflow.set_tracking_uri(database)
    mlflow.set_experiment("fgstp")
    try:
        with mlflow.start_run() as run:
            ended(opened(tmp_path, seed=3))
            assert tracking.get_run(run.info.run_id).info.status == "RUNNING"
        assert tracking.get_run(run.info.run_id).data.params == {"seed": "3"}
    finally:
        mlflow.set_tracking_uri(None)


# -------------------------------------------------------------------- MLflow goes away


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The file that a run records in; there is none yet."""
    path = tmp_path / "runs.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
    monkeypatch.setattr("fgstp.pipelines.mlflow_client.LOCKED_S", 0.0)
    monkeypatch.chdir(tmp_path)  # for files of the run
    return path


def warnings_of(caplog):
    return [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]


@pytest.mark.slow
@pytest.mark.parametrize("opens", [True, False])
def test_what_is_logged_while_the_file_is_locked_is_recorded_later(file, tmp_path, caplog, opens):
    """A run that is open already, and one whose first attempt meets the lock."""
    hooks = opened(tmp_path) if opens else None
    lock = sqlite3.connect(file, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    hooks = hooks or opened(tmp_path)
    for step in (1, 2):
        CURRENT.get().log_metrics({"loss": float(step)}, step)
    CURRENT.get().log_text("text", "notes/a.txt")
    lock.execute("ROLLBACK")
    ended(hooks)
    client = MlflowClient(f"sqlite:///{file}")
    run = last_run(client)
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(each.step, each.value) for each in history] == [(1, 1.0), (2, 2.0)]
    assert [each.path for each in client.list_artifacts(run.info.run_id, "notes")]
    assert (run.info.status, run.data.tags["env"]) == ("FINISHED", "test")
    assert len(warnings_of(caplog)) == 1


@pytest.mark.parametrize("fault", ["corrupt", "a folder is a file", "nobody listens"])
def test_what_mlflow_never_takes_is_named_at_the_end(file, tmp_path, monkeypatch, caplog, fault):
    file.write_bytes(b"no database" * 100)
    if fault == "a folder is a file":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{file}/runs.db")
    elif fault == "nobody listens":
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    hooks = opened(tmp_path)
    CURRENT.get().log_metrics({"loss": 1.0, "val_miou": 0.5}, 1)
    CURRENT.get().log_text("text", "a.txt")
    ended(hooks)
    first, last = warnings_of(caplog)
    assert "secret" not in first
    assert all(name in last for name in ("loss", "val_miou", "a.txt"))
    assert file.read_bytes().startswith(b"no database")


def test_what_mlflow_refuses_does_not_hold_up_the_rest(recorded, caplog):
    recorded.run.log_params({"a": 1})
    recorded.run.log_metrics({"wrong \N{SNOWMAN} name!": 1.0}, 1)
    recorded.run.log_metrics({"right": 1.0}, 1)
    assert recorded.history("right") == [(1, 1.0)]
    recorded.run.end("FINISHED")
    assert "SNOWMAN" not in caplog.text
    assert "wrong" in caplog.text


FIRST_RUN = """
import sys
from fgstp.pipelines.tracking import TrackedRun
run = TrackedRun(sys.argv[1], sys.argv[2])
run.log_metrics({"loss": 1.0}, 1)
run.end("FINISHED")
"""


@pytest.mark.slow
def test_two_processes_make_a_file_together(file):
    command = [sys.executable, "-c", FIRST_RUN, f"sqlite:///{file}"]
    both = [
        subprocess.Popen([*command, name], stderr=subprocess.PIPE, text=True, cwd=file.parent)
        for name in "ab"
    ]
    assert [each.communicate()[1] for each in both] == ["", ""]
    runs = MlflowClient(f"sqlite:///{file}").search_runs(["1"])
    assert {run.info.run_name for run in runs} == {"a", "b"}
    assert all(run.info.status == "FINISHED" for run in runs)
    assert all(run.data.metrics == {"loss": 1.0} for run in runs)


# ------------------------------------------------------------------- end of a run


STOPPED_WHILE_IT_WRITES = """
import os, signal, sys
from kedro.framework.project import configure_project
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from sqlalchemy import event
from sqlalchemy.engine import Engine
from fgstp.hooks import RunHooks, StopHooks
from fgstp.pipelines.tracking import CURRENT

stopped = []

def stop(connection, cursor, statement, *_):
    if statement.startswith("INSERT") and not stopped:
        stopped.append(statement)
        os.kill(os.getpid(), signal.SIGINT)

configure_project("fgstp")
about = {"project_path": ".", "pipeline_names": ["train"], "env": "test"}
RunHooks().before_pipeline_run(about, Pipeline([]), DataCatalog())
StopHooks().before_pipeline_run()
event.listen(Engine, "after_cursor_execute", stop)
CURRENT.get().log_metrics({"a": 1.0})
print("not stopped")
"""


@pytest.mark.slow
def test_a_run_that_is_stopped_while_it_records_is_killed_too(tracking):
    command = [sys.executable, "-c", STOPPED_WHILE_IT_WRITES]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    assert answer.returncode == 130, answer.stderr
    assert "not stopped" not in answer.stdout
    assert "Traceback" not in answer.stderr
    assert last_run(tracking).info.status == "KILLED"


@pytest.mark.parametrize("end", ["after_pipeline_run", "on_pipeline_error"])
def test_the_handlers_are_restored_after_the_run(end):
    before = [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)]
    hooks = StopHooks()
    hooks.before_pipeline_run()
    assert signal.getsignal(signal.SIGTERM) != before[1]
    getattr(hooks, end)()
    assert [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)] == before


def test_kedro_knows_every_hook():
    # A misspelt argument of a hook would be an error here and not before.
    from fgstp.settings import HOOKS

    for hooks in HOOKS:
        manager = _create_hook_manager()
        manager.register(hooks)
        manager.check_pending()
        [plugin] = manager.get_plugins()
        public = {name for name in dir(plugin) if not name.startswith("_")}
        assert {caller.name for caller in manager.get_hookcallers(plugin)} == public
