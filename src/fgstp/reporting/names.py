"""Titles of models and of groups of frames in tables and figures, and their order."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from fgstp.models.registry import model_infos

DAGGER, DOUBLE_DAGGER = "†", "‡"
MARKS = {"first_mask": DAGGER, "all_masks": DOUBLE_DAGGER}  # by prompt
MAIN_TABLE, ABLATION_TABLE = "table1", "table2"
DISTANCES = ("close", "medium", "long")
LEAK_CLASSES = {"-1": "before the release", "8": "after the release"}


class ModelRow(NamedTuple):
    """A model in tables.

    Attributes:
        model: name in settings, files and scores.
        name: title in figures and in the comparison of models.
        ablation: title in the ablation table; empty if the model is not part of it.
        is_compared: whether the model is part of the comparison of models.
        prompt: input besides the frames: `none`, `first_mask` or `all_masks`.
    """

    model: str
    name: str
    ablation: str = ""
    is_compared: bool = True
    prompt: str = "none"

    def title(self, table: str = MAIN_TABLE) -> str:
        """Title in a table, with a mark if the model receives masks."""
        name = self.ablation if table == ABLATION_TABLE and self.ablation else self.name
        return f"{name} {MARKS[self.prompt]}" if self.prompt in MARKS else name


def model_rows(
    models: Iterable[str], facts: Mapping[str, Mapping[str, Any]] | None = None
) -> list[ModelRow]:
    """Rows of models in the order of the report.

    Args:
        models: names of the models; repetitions are ignored.
        facts: by model: its `prompt`, and the `label` of its method if it has several methods.

    Returns:
        A row for each model; models that are not registered come last, titled by their name.
    """
    known = {
        info.name: ModelRow(info.name, info.title, info.ablation, info.is_compared, info.prompt)
        for info in model_infos()
    }
    wanted = {model: known.get(model, ModelRow(model, model)) for model in models}
    for model, own in (facts or {}).items():
        if model in wanted:
            row = wanted[model]
            name = f"{row.name} ({own['label']})" if own.get("label") else row.name
            wanted[model] = row._replace(name=name, prompt=own.get("prompt") or row.prompt)
    return [wanted[model] for model in dict.fromkeys([*known, *wanted]) if model in wanted]


def evaluated_rows(summaries: pd.DataFrame) -> list[ModelRow]:
    """Rows of the models of summaries with `model` and, where known, `prompt` and `label`."""
    first = summaries.drop_duplicates("model").set_index("model")
    facts = {
        str(model): {str(fact): value for fact, value in own.dropna().items()}
        for model, own in first.reindex(columns=["prompt", "label"]).iterrows()
    }
    return model_rows(facts, facts)


def rows_of_table(table: str, rows: Iterable[ModelRow]) -> list[ModelRow]:
    """The rows of `table1`, the comparison of models, or of `table2`, the ablation."""
    return [row for row in rows if (row.ablation if table == ABLATION_TABLE else row.is_compared)]


def groups_in_order(groups: Iterable[str], by: str) -> list[str]:
    """Sort groups: categories by distance, others as numbers, then as text."""
    return sorted(set(groups), key=category_order if by == "category" else _number)


def category_order(category: str) -> tuple[float, str]:
    """Sort key of a category: distance, then name; unknown distances are last."""
    distance = category.partition("_")[0]
    return DISTANCES.index(distance) if distance in DISTANCES else math.inf, category


def _number(group: str) -> tuple[float, str]:
    try:
        return float(group), ""
    except ValueError:
        return math.inf, group


def group_title(group: str, by: str) -> str:
    """Title of a group, such as `close, complex` for the category `close_complex`."""
    if by == "leak_class":
        number, _ = _number(group)
        plain = f"{number:g}" if math.isfinite(number) else group
        return LEAK_CLASSES.get(plain, plain)
    return group.replace("_", ", ") if by == "category" else group
