"""The footage of a run as MLflow's data sets: which clips it trained, validated and tested on."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fgstp.pipelines.tracking import TrackedRun

if TYPE_CHECKING:
    from mlflow import MlflowClient

CONTEXTS = {"train": "training", "validation": "validation", "test": "testing"}


def log_inputs(run: TrackedRun, clips: pd.DataFrame, source: str, path: Path) -> None:
    """Log the kept clips of each split; MLflow tells two runs on equal clips by equal digests.

    Args:
        run: the run.
        clips: the clip table, which holds the SHA-256 of frames and masks.
        source: source of ingest, which names the data sets.
        path: the file of the table.
    """
    kept = clips[clips["dropped"].isna()]

    def send(client: "MlflowClient", run_id: str) -> None:
        from mlflow.data.pandas_dataset import from_pandas  # noqa: PLC0415 - takes seconds
        from mlflow.entities import Dataset, DatasetInput, InputTag  # noqa: PLC0415 - as above

        inputs = []
        for split, own in kept.groupby("split"):
            table = from_pandas(own, source=path.as_posix(), name=f"{source} {split}")
            context = InputTag("mlflow.data.context", CONTEXTS[str(split)])
            inputs.append(DatasetInput(Dataset(**table.to_dict()), [context]))
        client.log_inputs(run_id, inputs)

    run.log_call("data sets", source, send)
