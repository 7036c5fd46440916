import os
import re
import signal
import subprocess
import sys

import mlflow
import pytest
from kedro.framework.hooks import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from fgstp.footage.settings import IngestSettings
from fgstp.hooks import RunHooks, StopHooks
from fgstp.hooks.runs import flatten
from fgstp.models.registry import ModelsSettings


def _about(model):
    """A pipeline about one model, and its catalog; no model: an empty pipeline."""
    nodes = [Node(lambda model: None, "params:model", None, name="node")] if model else []
    catalog = DataCatalog({"params:model": MemoryDataset(model)})
    return {"pipeline": Pipeline(nodes), "catalog": catalog}


# ----------------------------------------------------------------------- settings


def test_flatten():
    value = {"a": 1, "b": {"c": [1, 2], "d": {"e": None}}, "f": {}}
    assert dict(flatten("p", value)) == {"p.a": 1, "p.b.c": [1, 2], "p.b.d.e": None}
    assert dict(flatten("seed", 3)) == {"seed": 3}


def test_each_setting_of_a_block_is_logged(tracking):
    settings = IngestSettings(source="folder", duplicates={"threshold": 0.125})
    with mlflow.start_run() as run:
        RunHooks().before_node_run(
            inputs={"params:ingest": settings, "params:seed": 3, "videos": settings}
        )
    logged = tracking.get_run(run.info.run_id).data.params
    assert logged["ingest.duplicates.threshold"] == "0.125"
    assert logged["ingest.parallel.backend"] == "loky"
    assert len(logged) == len(list(flatten("", settings.model_dump())))


def test_of_all_models_only_the_settings_of_the_one_that_runs_are_logged(tracking):
    small = {"height_px": 32, "encoder": {"name": "pvt_v2_b0"}}
    models = ModelsSettings.model_validate({"fgstp_no_ctc": small})
    with mlflow.start_run() as run:
        RunHooks().before_node_run(
            inputs={"params:model": "fgstp_no_ctc", "params:models": models, "params:seed": 3}
        )
    logged = tracking.get_run(run.info.run_id).data.params
    assert logged["models.fgstp_no_ctc.height_px"] == "32"
    assert logged["models.fgstp_no_ctc.encoder.name"] == "pvt_v2_b0"
    assert logged["models.fgstp_no_ctc.ctc"] == "False"
    assert all(name.startswith("models.fgstp_no_ctc.") for name in logged)
    assert len(logged) == len(list(flatten("", models.of("fgstp_no_ctc").model_dump())))


def test_without_a_run_nothing_is_logged(tracking, tmp_path):
    RunHooks().before_node_run(inputs={"params:ingest": IngestSettings(source="folder")})
    RunHooks().before_pipeline_run(run_params={"project_path": tmp_path}, **_about("fgstp"))
    assert mlflow.active_run() is None


# --------------------------------------------------------------------------- tags


def test_tags_are_commit_state_and_command(tracking, project, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["kedro", "run", "--env=test"])
    git = ["git", "-C", str(project)]
    commit = subprocess.run(
        [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    with mlflow.start_run(run_name="ingest") as run:
        RunHooks().before_pipeline_run(run_params={"project_path": project}, **_about(None))
    recorded = tracking.get_run(run.info.run_id)
    assert recorded.data.tags["mlflow.source.git.commit"] == commit
    assert recorded.data.tags["git.dirty"] == "true"  # nothing of it is committed
    assert recorded.data.tags["command"] == "kedro run --env=test"
    assert "model" not in recorded.data.tags
    assert recorded.info.run_name == "ingest"


def test_the_run_is_tagged_with_the_model_and_named_after_it(tracking, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with mlflow.start_run(run_name="train") as run:
        RunHooks().before_pipeline_run(
            run_params={"project_path": tmp_path}, **_about("fgstp_no_ctc")
        )
    recorded = tracking.get_run(run.info.run_id)
    assert recorded.data.tags["model"] == "fgstp_no_ctc"
    assert recorded.info.run_name == "fgstp_no_ctc: train"
    assert "git.dirty" not in recorded.data.tags  # outside a repository


# ------------------------------------------------------------------- end of a run


def test_a_run_that_was_opened_several_times_is_closed(tracking):
    # As kedro-mlflow does for each node.
    hooks = RunHooks()
    hooks.after_context_created()
    run = mlflow.start_run()
    mlflow.start_run(run.info.run_id, nested=True)
    mlflow.start_run(run.info.run_id, nested=True)
    hooks.after_pipeline_run()
    assert mlflow.active_run() is None
    assert tracking.get_run(run.info.run_id).info.status == "FINISHED"


def test_a_run_of_a_notebook_stays_open(tracking):
    hooks = RunHooks()
    with mlflow.start_run() as run:
        hooks.after_context_created()
        hooks.after_pipeline_run()
        assert mlflow.active_run().info.run_id == run.info.run_id


STOPPED_WHILE_IT_WRITES = """
import os, signal
import mlflow
from sqlalchemy import event
from sqlalchemy.engine import Engine
from fgstp.hooks import StopHooks

stopped = []

def stop(connection, cursor, statement, *_):
    if statement.startswith("INSERT") and not stopped:
        stopped.append(statement)
        os.kill(os.getpid(), signal.SIGINT)

mlflow.set_experiment("of the test")
print("run", mlflow.start_run().info.run_id)
StopHooks().before_pipeline_run()
event.listen(Engine, "after_cursor_execute", stop)
mlflow.log_metric("a", 1.0)
print("not stopped")
"""


@pytest.mark.slow
def test_a_run_that_is_stopped_while_it_records_is_killed_too(tracking, database):
    answer = subprocess.run(
        [sys.executable, "-c", STOPPED_WHILE_IT_WRITES],
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
