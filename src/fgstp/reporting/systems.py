"""Rows of the tables: order of the systems, their names, and in which tables they stand."""

from collections.abc import Iterable
from typing import NamedTuple

DAGGER = "†"
MAIN_TABLE, ABLATION_TABLE = "table1", "table2"


class SystemRow(NamedTuple):
    """A system as the tables name it.

    Attributes:
        system: its name in settings, files and scores.
        name: what figures and the comparison of systems call it.
        part: what the ablation calls it; empty if it is not among its rows.
        only_ablation: whether it stands in the ablation alone.
        first_mask: whether it is given the mask of each clip's first frame.
    """

    system: str
    name: str
    part: str = ""
    only_ablation: bool = False
    first_mask: bool = False

    def title(self, table: str = MAIN_TABLE) -> str:
        """Its name in a table, with a dagger if it is given the first mask."""
        name = self.part if table == ABLATION_TABLE and self.part else self.name
        return f"{name} {DAGGER}" if self.first_mask else name


SYSTEM_ROWS = (
    SystemRow("background", "Background subtraction"),
    SystemRow("mg", "MG"),
    SystemRow("sinet_v2", "SINet-V2"),
    SystemRow("xmem_pp", "XMem++", first_mask=True),
    SystemRow("rmem", "RMem", first_mask=True),
    SystemRow("zoomnext", "ZoomNeXt"),
    SystemRow("slt_net", "SLT-Net"),
    SystemRow("fgstp_no_ctc_no_fsp", "FGSTP, backbone only", "Backbone only", only_ablation=True),
    SystemRow("fgstp_no_fsp", "FGSTP without FSP", "+ CTC", only_ablation=True),
    SystemRow("fgstp_no_ctc", "FGSTP without CTC", "+ FSP", only_ablation=True),
    SystemRow("fgstp", "FGSTP", "+ CTC + FSP (FGSTP)"),
)


def system_rows(systems: Iterable[str]) -> list[SystemRow]:
    """The rows of some systems in the order in which tables and figures show them.

    Args:
        systems: their names, each once or more often.

    Returns:
        Their rows; a system that is not known here comes last, under its own name.
    """
    wanted = dict.fromkeys(systems)
    known = [row for row in SYSTEM_ROWS if row.system in wanted]
    names = {row.system for row in known}
    return known + [SystemRow(system, system) for system in wanted if system not in names]


def rows_of_table(table: str, systems: Iterable[str]) -> list[SystemRow]:
    """The rows, among some systems, that stand in a table.

    Args:
        table: `table1`, the comparison of systems, or `table2`, the ablation.
        systems: names of systems.
    """
    rows = system_rows(systems)
    if table == ABLATION_TABLE:
        return [row for row in rows if row.part]
    return [row for row in rows if not row.only_ablation]
