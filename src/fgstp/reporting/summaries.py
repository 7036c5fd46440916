"""The summaries of all systems: checked, and cut into what a table shows."""

import re

import pandas as pd

from fgstp.errors import UserError
from fgstp.scoring.protocols import HONEST, PAPER, PROTOCOLS, Protocol
from fgstp.scoring.summary import ALL

COLUMNS = (
    "system",
    "protocol",
    "protocol_tuple",
    "by",
    "group",
    "metric",
    "value",
    "low",
    "high",
    "interval_over",
    "n_videos",
    "n_clips",
    "n_frames",
    "note",
)
AGAIN = "evaluate all systems again, on the same clips and with the same settings"


def check_summaries(summaries: pd.DataFrame) -> None:
    """See that the summaries are whole and their systems comparable.

    Args:
        summaries: `fgstp.scoring.summarise` of each system's scores, one below the other,
            by nothing and by any groups, with the name of the `system` in each row.

    Raises:
        UserError: a column is missing, there are no rows, a system lacks a protocol, or two
            systems were not scored on the same frames under the same settings.
    """
    missing = [name for name in COLUMNS if name not in summaries]
    if missing:
        raise UserError(f"The summaries of the scores lack the columns {', '.join(missing)}.")
    overall = summaries[summaries["by"] == ALL]
    if overall.empty:
        raise UserError("There are no scores to report: evaluate a system first.")
    systems = set(overall["system"])
    for name, rows in overall.groupby("protocol"):
        if lacking := sorted(systems - set(rows["system"])):
            raise UserError(
                f"There are no scores of {', '.join(lacking)} under the protocol {name}: {AGAIN}."
            )
        _check_alike(str(name), rows)


def _check_alike(protocol: str, rows: pd.DataFrame) -> None:
    """All systems must have the same frames, and the same settings but for the threshold."""
    facts = {
        system: (without_threshold(str(row["protocol_tuple"])), int(row["n_frames"]))
        for system, row in rows.drop_duplicates("system").set_index("system").iterrows()
    }
    first, *others = facts
    for other in others:
        if facts[other] != facts[first]:
            told = " and ".join(
                f"{system} on {facts[system][1]} frames [{facts[system][0]}]"
                for system in (first, other)
            )
            raise UserError(f"Under the protocol {protocol}, {told} do not compare: {AGAIN}.")


def without_threshold(protocol_tuple: str) -> str:
    """A protocol tuple with `t` for the threshold, which each system may have of its own."""
    return re.sub(r"\bthreshold=\S+", "threshold=t", protocol_tuple)


def protocol_names(summaries: pd.DataFrame) -> list[str]:
    """The protocols that there are scores under: paper, honest, then the others."""
    found = list(dict.fromkeys(summaries["protocol"]))
    order = list(dict.fromkeys((PAPER.name, HONEST.name, *PROTOCOLS, *found)))
    return sorted(found, key=order.index)


def scores(summaries: pd.DataFrame, protocol: str, by: str = ALL) -> pd.DataFrame:
    """The rows of one protocol and one grouping."""
    return summaries[(summaries["protocol"] == protocol) & (summaries["by"] == by)]


def protocol_of(row: pd.Series) -> Protocol:
    """The protocol that a row was scored under."""
    return Protocol.parse(str(row["protocol"]), str(row["protocol_tuple"]))
