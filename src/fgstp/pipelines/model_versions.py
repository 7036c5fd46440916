"""Trainings in the registry of MLflow: a version a checkpoint, and `best` is the best of a model.

A version is a pyfunc, see `mlflow_detector`: `mlflow models predict -m models:/fgstp@best`.
"""

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from fgstp.detection.event_files import COLUMNS
from fgstp.models.checkpoint import load_model, read_checkpoint
from fgstp.models.shipped_files import CARD, WEIGHTS
from fgstp.models.shipping import write_shipped
from fgstp.models.training_records import BEST, best_number, read_records, seed_folder
from fgstp.pipelines.cards import description
from fgstp.pipelines.tracking import CURRENT, numbers_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

ALIAS = "best"
LOGGED = "models:/"  # before the id of a model that a run has logged
SHA256 = "checkpoint_sha256"  # a tag of versions
LICENCE = "NOASSERTION"  # as SPDX calls weights whose licence is for their owner to choose
TEXTS = {"id", "source", "model", "fingerprint", "start_utc", "alarm_utc", "end_utc"}


def log_versions(folder: Path, cards: Mapping[int, Mapping[str, Any]]) -> None:
    """Register the trainings of a model that are no versions yet, and renew the cards of all.

    Models that are given a mask are left out: they detect nothing by themselves. Without a run,
    nothing is logged.

    Args:
        folder: folder of the model, with a folder `seed_<k>` for each training.
        cards: cards of trainings by number, see `fgstp.pipelines.cards`.
    """
    run, records = CURRENT.get(), read_records(folder)
    known = {record[SHA256]: number for number, record in records.items() if record["trained"]}
    best = best_number(records)
    for number, card in cards.items():
        if run is None or card[SHA256] not in known:
            continue
        path = seed_folder(folder, number) / BEST
        if load_model(path).prompt_kind != "none":
            continue
        send = partial(_log_version, path, card, is_best=number == best)
        run.log_call("model", f"{folder.name}, training {number}", send)


def _log_version(
    path: Path, card: Mapping[str, Any], client: "MlflowClient", run_id: str, *, is_best: bool
) -> None:
    version = _find(client, card) or _create(client, run_id, path, card)
    _log_scores(client, run_id, str(version.source).removeprefix(LOGGED), card)
    text = description(card)
    client.update_model_version(version.name, version.version, text)
    if is_best:
        client.update_registered_model(version.name, text)
        client.set_registered_model_alias(version.name, ALIAS, version.version)


def _find(client: "MlflowClient", card: Mapping[str, Any]) -> "ModelVersion | None":
    versions = client.search_model_versions(f"name = '{card['model']}'")
    return next((each for each in versions if each.tags.get(SHA256) == card[SHA256]), None)


def _create(
    client: "MlflowClient", run_id: str, path: Path, card: Mapping[str, Any]
) -> "ModelVersion":
    """Log a checkpoint as a model of the run, and register it."""
    from mlflow.entities import LoggedModelOutput  # noqa: PLC0415 - takes seconds
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - as above

    name = card["model"]
    run = client.get_run(run_id)
    logged = client.create_logged_model(
        run.info.experiment_id, name, run_id, params=run.data.params, model_type="detector"
    )
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    with TemporaryDirectory() as temporary:
        _write(Path(temporary), path, card, logged, run_id)
        client.log_model_artifacts(logged.model_id, f"{temporary}/model")
    client.finalize_logged_model(logged.model_id, "READY")
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    return client.create_model_version(
        name,
        f"{LOGGED}{logged.model_id}",
        run_id,
        {SHA256: card[SHA256]},
        model_id=logged.model_id,
    )


def _write(
    temporary: Path, path: Path, card: Mapping[str, Any], logged: "LoggedModel", run_id: str
) -> None:
    """Write the folder `model`: MLflow's description, this project's code, weights and card."""
    from mlflow.models import Model  # noqa: PLC0415 - takes seconds
    from mlflow.pyfunc import save_model  # noqa: PLC0415 - as above

    written = temporary / card["model"]
    write_shipped(
        load_model(path),
        read_checkpoint(path),
        written.name,
        temporary,
        licence=LICENCE,
        trainings={1: card["validation"]},
    )
    save_model(
        temporary / "model",
        python_model=str(Path(__file__).with_name("mlflow_detector.py")),
        artifacts={"weights": f"{written}{WEIGHTS}", "card": f"{written}{CARD}"},
        signature=signature(),
        pip_requirements=["fgstp[torch]", "mlflow"],
        mlflow_model=Model(run_id=run_id, model_id=logged.model_id),
    )


def signature() -> "ModelSignature":
    """A column `path` of videos, and the columns of `events.csv`."""
    from mlflow.models import ModelSignature  # noqa: PLC0415 - takes seconds
    from mlflow.types import ColSpec, Schema, TensorSpec  # noqa: PLC0415 - as above

    events: list[ColSpec | TensorSpec] = [
        ColSpec("string" if name in TEXTS else "double", name, required=not name.endswith("_utc"))
        for name in COLUMNS
    ]
    return ModelSignature(Schema([ColSpec("string", "path")]), Schema(events))


def _log_scores(
    client: "MlflowClient", run_id: str, model_id: str, card: Mapping[str, Any]
) -> None:
    """Log validation and test scores as those of the model, which the page of models shows."""
    from mlflow.entities import Metric  # noqa: PLC0415 - takes seconds

    scores = {"best": card["validation"], **card.get("test", {})}
    now_ms = int(1000 * time.time())
    metrics = [
        Metric(name, value, now_ms, 0, model_id=model_id, run_id=run_id)
        for name, value in numbers_of(scores).items()
        if "." in name and ".settings." not in name
    ]
    client.log_batch(run_id, metrics)
