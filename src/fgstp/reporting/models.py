"""Models as tables and figures name them, in the order in which they show them."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from fgstp.models.registry import model_infos

FIRST_MASK, ALL_MASKS = "first_mask", "all_masks"  # kinds of prompts that give masks
DAGGER, DOUBLE_DAGGER = "†", "‡"
MARKS = {FIRST_MASK: DAGGER, ALL_MASKS: DOUBLE_DAGGER}
MAIN_TABLE, ABLATION_TABLE = "table1", "table2"


class ModelRow(NamedTuple):
    """A model as the tables name it.

    Attributes:
        model: name in settings, files and scores.
        name: name in figures and in the comparison of models.
        part: name in the ablation; empty if the model is not part of it.
        only_ablation: whether the model is part of the ablation only.
        prompt: what the model is given of a clip beside its frames: `none`, `first_mask` or
            `all_masks`.
    """

    model: str
    name: str
    part: str = ""
    only_ablation: bool = False
    prompt: str = "none"

    def title(self, table: str = MAIN_TABLE) -> str:
        """Name in a table, with a mark if the model receives masks."""
        name = self.part if table == ABLATION_TABLE and self.part else self.name
        return f"{name} {MARKS[self.prompt]}" if self.prompt in MARKS else name


def every_row() -> list[ModelRow]:
    """Rows of all models that are registered, in the order of the report."""
    return [
        ModelRow(info.name, info.title, info.ablation, not info.is_compared, info.prompt)
        for info in model_infos()
    ]


def model_rows(
    models: Iterable[str], facts: Mapping[str, Mapping[str, Any]] | None = None
) -> list[ModelRow]:
    """Rows of models in the order of the report.

    Args:
        models: their names, with or without repetitions.
        facts: by model: the kind of its `prompt`, and the `label` of its method where a model has
            several methods.

    Returns:
        The rows; an unknown model comes last, under its own name.
    """
    wanted = dict.fromkeys(models)
    known = [row for row in every_row() if row.model in wanted]
    names = {row.model for row in known}
    rows = known + [ModelRow(model, model) for model in wanted if model not in names]
    return [_with_facts(row, (facts or {}).get(row.model, {})) for row in rows]


def _with_facts(row: ModelRow, facts: Mapping[str, Any]) -> ModelRow:
    label = facts.get("label")
    name = f"{row.name} ({label})" if label else row.name
    return row._replace(name=name, prompt=facts.get("prompt") or row.prompt)


def evaluated_rows(summaries: pd.DataFrame) -> list[ModelRow]:
    """Rows of the models of some summaries, see `model_rows`.

    Args:
        summaries: summaries with `model` and, where known, `prompt` and `label`.
    """
    first = summaries.drop_duplicates("model").set_index("model")
    facts = first[first.columns.intersection(["prompt", "label"])].T.to_dict()
    known = {
        str(model): {fact: value for fact, value in own.items() if pd.notna(value)}
        for model, own in facts.items()
    }
    return model_rows(known, known)


def rows_of_table(table: str, rows: Iterable[ModelRow]) -> list[ModelRow]:
    """Select the rows of a table.

    Args:
        table: `table1`, the comparison of models, or `table2`, the ablation.
        rows: rows of models.
    """
    if table == ABLATION_TABLE:
        return [row for row in rows if row.part]
    return [row for row in rows if not row.only_ablation]
