"""Rows of the tables: order of the models, their names, and in which tables they stand."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

FIRST_MASK, ALL_MASKS = "first_mask", "all_masks"  # what a model may need to be told
DAGGER, DOUBLE_DAGGER = "†", "‡"
MARKS = {FIRST_MASK: DAGGER, ALL_MASKS: DOUBLE_DAGGER}
MAIN_TABLE, ABLATION_TABLE = "table1", "table2"


class ModelRow(NamedTuple):
    """A model as the tables name it.

    Attributes:
        model: its name in settings, files and scores.
        name: what figures and the comparison of models call it.
        part: what the ablation calls it; empty if it is not among its rows.
        only_ablation: whether it stands in the ablation alone.
        needs: what it is told of a clip: its `frames` alone, the `first_mask`, or `all_masks`.
    """

    model: str
    name: str
    part: str = ""
    only_ablation: bool = False
    needs: str = "frames"

    def title(self, table: str = MAIN_TABLE) -> str:
        """Its name in a table, with a mark if it is told of masks."""
        name = self.part if table == ABLATION_TABLE and self.part else self.name
        return f"{name} {MARKS[self.needs]}" if self.needs in MARKS else name


MODEL_ROWS = (
    ModelRow("background", "Background subtraction"),
    ModelRow("mg", "MG"),
    ModelRow("sinet_v2", "SINet-V2"),
    ModelRow("xmem_pp", "XMem++", needs=FIRST_MASK),
    ModelRow("rmem", "RMem", needs=FIRST_MASK),
    ModelRow("zoomnext", "ZoomNeXt"),
    ModelRow("slt_net", "SLT-Net"),
    ModelRow("fgstp_no_ctc_no_fsp", "FGSTP, backbone only", "Backbone only", only_ablation=True),
    ModelRow("fgstp_no_fsp", "FGSTP without FSP", "+ CTC", only_ablation=True),
    ModelRow("fgstp_no_ctc", "FGSTP without CTC", "+ FSP", only_ablation=True),
    ModelRow("fgstp", "FGSTP", "+ CTC + FSP (FGSTP)"),
)


def model_rows(
    models: Iterable[str], facts: Mapping[str, Mapping[str, Any]] | None = None
) -> list[ModelRow]:
    """The rows of some models in the order in which tables and figures show them.

    Args:
        models: their names, each once or more often.
        facts: by model what is known of its evaluation, of which `needs` is taken, and
            `label`, which tells its method where a model has several.

    Returns:
        Their rows; a model that is not known here comes last, under its own name.
    """
    wanted = dict.fromkeys(models)
    known = [row for row in MODEL_ROWS if row.model in wanted]
    names = {row.model for row in known}
    rows = known + [ModelRow(model, model) for model in wanted if model not in names]
    return [_told(row, (facts or {}).get(row.model, {})) for row in rows]


def _told(row: ModelRow, facts: Mapping[str, Any]) -> ModelRow:
    label = facts.get("label")
    name = f"{row.name} ({label})" if label else row.name
    return row._replace(name=name, needs=facts.get("needs") or row.needs)


def evaluated_rows(summaries: pd.DataFrame) -> list[ModelRow]:
    """The rows of the models of some summaries, as `model_rows`.

    Args:
        summaries: with `model` and, where they are known, `needs` and `label`.
    """
    first = summaries.drop_duplicates("model").set_index("model")
    facts: dict[str, dict[str, str]] = {str(model): {} for model in first.index}
    for fact in first.columns.intersection(["needs", "label"]):
        for model, told in first[fact].dropna().items():
            facts[str(model)][fact] = str(told)
    return model_rows(summaries["model"], facts)


def rows_of_table(table: str, rows: Iterable[ModelRow]) -> list[ModelRow]:
    """The rows, among some, that stand in a table.

    Args:
        table: `table1`, the comparison of models, or `table2`, the ablation.
        rows: of models.
    """
    if table == ABLATION_TABLE:
        return [row for row in rows if row.part]
    return [row for row in rows if not row.only_ablation]
