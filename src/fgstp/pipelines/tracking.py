"""What the nodes record in the MLflow run, if there is one."""

from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any

import mlflow


def flat_numbers(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Numbers of nested facts by dotted names.

    Args:
        values: facts; what is no number is passed over.
        prefix: put in front of every name.

    Yields:
        Name and number.
    """
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat_numbers(value, f"{prefix}{key}.")
        elif not isinstance(value, bool) and isinstance(value, Real):
            yield f"{prefix}{key}", float(value)


def log_numbers(values: Mapping[str, Any]) -> None:
    """Record numbers as metrics of the run."""
    if mlflow.active_run():
        mlflow.log_metrics(dict(flat_numbers(values)))


def log_texts(texts: Mapping[str, str]) -> None:
    """Keep texts as files with the run.

    Args:
        texts: by file name.
    """
    if mlflow.active_run():
        for name, text in texts.items():
            mlflow.log_text(text, name)
