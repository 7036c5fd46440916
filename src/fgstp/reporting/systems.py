"""Rows of the tables: order of the systems, their names, and in which tables they stand."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

FIRST_MASK, ALL_MASKS = "first_mask", "all_masks"  # what a system may need to be told
DAGGER, DOUBLE_DAGGER = "†", "‡"
MARKS = {FIRST_MASK: DAGGER, ALL_MASKS: DOUBLE_DAGGER}
MAIN_TABLE, ABLATION_TABLE = "table1", "table2"


class SystemRow(NamedTuple):
    """A system as the tables name it.

    Attributes:
        system: its name in settings, files and scores.
        name: what figures and the comparison of systems call it.
        part: what the ablation calls it; empty if it is not among its rows.
        only_ablation: whether it stands in the ablation alone.
        needs: what it is told of a clip: its `frames` alone, the `first_mask`, or `all_masks`.
    """

    system: str
    name: str
    part: str = ""
    only_ablation: bool = False
    needs: str = "frames"

    def title(self, table: str = MAIN_TABLE) -> str:
        """Its name in a table, with a mark if it is told of masks."""
        name = self.part if table == ABLATION_TABLE and self.part else self.name
        return f"{name} {MARKS[self.needs]}" if self.needs in MARKS else name


SYSTEM_ROWS = (
    SystemRow("background", "Background subtraction"),
    SystemRow("mg", "MG"),
    SystemRow("sinet_v2", "SINet-V2"),
    SystemRow("xmem_pp", "XMem++", needs=FIRST_MASK),
    SystemRow("rmem", "RMem", needs=FIRST_MASK),
    SystemRow("zoomnext", "ZoomNeXt"),
    SystemRow("slt_net", "SLT-Net"),
    SystemRow("fgstp_no_ctc_no_fsp", "FGSTP, backbone only", "Backbone only", only_ablation=True),
    SystemRow("fgstp_no_fsp", "FGSTP without FSP", "+ CTC", only_ablation=True),
    SystemRow("fgstp_no_ctc", "FGSTP without CTC", "+ FSP", only_ablation=True),
    SystemRow("fgstp", "FGSTP", "+ CTC + FSP (FGSTP)"),
)


def system_rows(
    systems: Iterable[str], facts: Mapping[str, Mapping[str, Any]] | None = None
) -> list[SystemRow]:
    """The rows of some systems in the order in which tables and figures show them.

    Args:
        systems: their names, each once or more often.
        facts: by system what is known of its evaluation, of which `needs` is taken, and
            `label`, which tells its method where a system has several.

    Returns:
        Their rows; a system that is not known here comes last, under its own name.
    """
    wanted = dict.fromkeys(systems)
    known = [row for row in SYSTEM_ROWS if row.system in wanted]
    names = {row.system for row in known}
    rows = known + [SystemRow(system, system) for system in wanted if system not in names]
    return [_told(row, (facts or {}).get(row.system, {})) for row in rows]


def _told(row: SystemRow, facts: Mapping[str, Any]) -> SystemRow:
    label = facts.get("label")
    name = f"{row.name} ({label})" if label else row.name
    return row._replace(name=name, needs=facts.get("needs") or row.needs)


def evaluated_rows(summaries: pd.DataFrame) -> list[SystemRow]:
    """The rows of the systems of some summaries, as `system_rows`.

    Args:
        summaries: with `system` and, where they are known, `needs` and `label`.
    """
    first = summaries.drop_duplicates("system").set_index("system")
    facts: dict[str, dict[str, str]] = {str(system): {} for system in first.index}
    for fact in first.columns.intersection(["needs", "label"]):
        for system, told in first[fact].dropna().items():
            facts[str(system)][fact] = str(told)
    return system_rows(summaries["system"], facts)


def rows_of_table(table: str, rows: Iterable[SystemRow]) -> list[SystemRow]:
    """The rows, among some, that stand in a table.

    Args:
        table: `table1`, the comparison of systems, or `table2`, the ablation.
        rows: of systems.
    """
    if table == ABLATION_TABLE:
        return [row for row in rows if row.part]
    return [row for row in rows if not row.only_ablation]
