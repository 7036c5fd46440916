import json
import sqlite3
import subprocess
import time

import numpy as np
import pytest

from fgstp.pipelines.tracking import flat, log_numbers, log_texts


def test_nested_values_get_dotted_names():
    values = {"a": 1, "b": {"c": [1, 2], "d": {"e": None}}, "f": {}}
    assert dict(flat(values)) == {"a": 1, "b.c": [1, 2], "b.d.e": None}


def test_of_nested_values_the_numbers_are_recorded(recorded):
    facts = {"iou": 0.5, "n": 3, "name": "7", "yes": True, "none": None, "many": [1, 2]}
    facts["of"] = {"deep": {"er": np.float64(0.25)}, "empty": {}, "text": "a"}
    log_numbers(facts)
    assert recorded.found.data.metrics == {"iou": 0.5, "n": 3.0, "of.deep.er": 0.25}


def test_numbers_and_texts_are_recorded_in_the_run(recorded):
    log_numbers({"paper": {"iou": 0.5, "auroc": None, "settings": "norm=none"}, "n": 2})
    log_numbers({})
    log_texts({"tables/a.md": "a"})
    assert recorded.found.data.metrics == {"paper.iou": 0.5, "n": 2.0}
    assert recorded.files("tables") == ["tables/a.md"]


def test_without_a_run_nothing_is_recorded():
    log_numbers({"a": 1})
    log_texts({"a.md": "a"})


def epochs_in(database):
    """Epochs of which MLflow has the loss."""
    try:
        rows = sqlite3.connect(database, timeout=1).execute(
            "select count(*) from metrics where key = 'train_loss'"
        )
        return rows.fetchone()[0]
    except sqlite3.Error:  # there are no tables yet
        return 0


@pytest.mark.slow
def test_a_training_outlives_a_database_that_is_locked_to_its_end(kedro, tmp_path):
    assert kedro.run(tmp_path, "--pipelines=ingest").returncode == 0
    command = kedro.command(tmp_path, "--pipelines=train", parameters=["train.epochs=6"])
    process = subprocess.Popen(
        command,
        cwd=kedro.project,
        env=kedro.environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    database = tmp_path / "mlflow.db"
    while not epochs_in(database):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    lock = sqlite3.connect(database, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    printed = process.communicate(timeout=300)[0]
    lock.execute("ROLLBACK")
    assert process.returncode == 0, printed
    assert "Traceback" not in printed
    assert len([line for line in printed.splitlines() if "database is locked" in line]) == 2
    assert "MLflow has lost of this run: " in printed
    record = tmp_path / "data/06_models/fgstp/seed_1/training.json"
    assert json.loads(record.read_text())["n_epochs"] == 6
