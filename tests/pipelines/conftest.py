"""An MLflow file for the tests of what pipelines record."""

import mlflow
import pytest
from mlflow.tracking import MlflowClient


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """An MLflow file with one experiment; making one takes seconds."""
    folder = tmp_path_factory.mktemp("runs")
    uri = f"sqlite:///{folder}/runs.db"
    MlflowClient(uri).create_experiment("of the test", artifact_location=str(folder / "artifacts"))
    return uri


@pytest.fixture
def tracking(database, monkeypatch):
    """MLflow records into a file of the tests; nothing stays open or set."""
    # MLflow sets the variable too, and takes it away when the address is taken back.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    mlflow.set_tracking_uri(database)
    mlflow.set_experiment("of the test")
    yield MlflowClient(database)
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(None)
