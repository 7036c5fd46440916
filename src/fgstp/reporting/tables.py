"""The two tables of the paper, of our scores and beside them what is published."""

import pandas as pd

from fgstp.reporting import published, table_notes
from fgstp.reporting.columns import HONEST_COLUMNS, PAPER_COLUMNS, Column
from fgstp.reporting.result_table import PUBLISHED, TIDY_COLUMNS, Block, ResultTable
from fgstp.reporting.scored_footage import ScoredFootage
from fgstp.reporting.summaries import check_summaries, protocol_names, protocol_of, scores
from fgstp.reporting.systems import ABLATION_TABLE, MAIN_TABLE, SystemRow, rows_of_table
from fgstp.scoring.protocols import HONEST, PAPER, chosen_threshold

THIS_EVALUATION = "this evaluation"
HEADINGS = {
    PAPER.name: "Protocol paper: the paper's six metrics",
    HONEST.name: "Protocol honest: probabilities as they are, one threshold a system",
}


def table1(summaries: pd.DataFrame, footage: ScoredFootage) -> ResultTable:
    """The comparison of systems.

    Args:
        summaries: of all systems; see `check_summaries`.
        footage: what they are of.

    Returns:
        A block for each protocol and, below that of the protocol `paper`, the published rows.

    Raises:
        UserError: as `check_summaries`.
    """
    return _table(MAIN_TABLE, "Comparison of systems", summaries, footage)


def table2(summaries: pd.DataFrame, footage: ScoredFootage) -> ResultTable:
    """The ablation of FGSTP: backbone only, with CTC, with FSP, with both.

    Args:
        summaries: of all systems; see `check_summaries`.
        footage: what they are of.

    Returns:
        Blocks as those of `table1`; only the published one if no row was evaluated.

    Raises:
        UserError: as `check_summaries`.
    """
    return _table(ABLATION_TABLE, "Ablation of FGSTP", summaries, footage)


def _table(table: str, title: str, summaries: pd.DataFrame, footage: ScoredFootage) -> ResultTable:
    check_summaries(summaries)
    evaluated = rows_of_table(table, summaries["system"])
    blocks = []
    if evaluated:
        protocols = protocol_names(summaries)
        blocks = [_our_block(table, name, evaluated, summaries, footage) for name in protocols]
    # Beneath the block of the same metrics, which is the first one.
    blocks.insert(1, _published_block(table, footage))
    lacking = table_notes.not_evaluated_note(table, summaries["system"])
    return ResultTable(table, title, tuple(blocks), (lacking,) if lacking else ())


def _our_block(
    table: str,
    protocol: str,
    systems: list[SystemRow],
    summaries: pd.DataFrame,
    footage: ScoredFootage,
) -> Block:
    honest = protocol == HONEST.name
    columns = HONEST_COLUMNS if honest else PAPER_COLUMNS
    found = scores(summaries, protocol)
    found = found[found["system"].isin([row.system for row in systems])]
    facts = {
        "table": table,
        "block": protocol,
        "data": footage.name,
        "mask_source": " and ".join(footage.mask_sources),
        "source": THIS_EVALUATION,
    }
    rows = _tidy(found, systems, columns, facts)
    heading = HEADINGS.get(protocol, f"Protocol {protocol}")
    firsts = found.drop_duplicates("system")
    thresholds = {
        str(row["system"]): chosen_threshold(protocol_of(row)) for _, row in firsts.iterrows()
    }
    return Block(
        protocol,
        f"{heading}; on {footage.name}",
        columns,
        rows,
        _notes(protocol, rows, columns, footage),
        tuple(table_notes.interval_notes(rows)),
        thresholds if honest else None,
    )


def _notes(
    protocol: str, rows: pd.DataFrame, columns: tuple[Column, ...], footage: ScoredFootage
) -> tuple[str, ...]:
    if protocol == HONEST.name:
        names = [table_notes.OWN_THRESHOLD, table_notes.SHORT_NAMES_HONEST]
    else:
        names = [table_notes.SHORT_NAMES]
    return (
        table_notes.footage_note(footage, rows),
        table_notes.protocol_note(protocol, rows),
        *names,
        *table_notes.first_mask_notes(rows, protocol_of(rows.iloc[0])),
        *table_notes.missing_notes(rows, columns),
    )


def _published_block(table: str, footage: ScoredFootage) -> Block:
    found = published.published_rows(table)
    facts = {
        "table": table,
        "block": PUBLISHED,
        "data": published.DATA,
        "mask_source": published.MASK_SOURCE,
        "source": published.SOURCE,
    }
    rows = _tidy(found, rows_of_table(table, found["system"]), PAPER_COLUMNS, facts)
    notes = (
        f"Source: {published.SOURCE}. Its authors give no intervals and no thresholds.",
        *table_notes.first_mask_notes(rows),
        *table_notes.missing_notes(rows, PAPER_COLUMNS),
    )
    return Block(PUBLISHED, table_notes.published_heading(footage), PAPER_COLUMNS, rows, notes)


def _tidy(
    found: pd.DataFrame,
    systems: list[SystemRow],
    columns: tuple[Column, ...],
    facts: dict[str, str],
) -> pd.DataFrame:
    """Rows in the order of systems and columns, with names, facts and ranks."""
    order = pd.MultiIndex.from_product(
        [[row.system for row in systems], [column.metric for column in columns]],
        names=["system", "metric"],
    )
    rows = found.set_index(["system", "metric"]).reindex(order).reset_index().assign(**facts)
    titles = {row.system: row.title(facts["table"]) for row in systems}
    rows["name"] = rows["system"].map(titles)
    rows["rank"] = pd.Series(pd.NA, index=rows.index, dtype="Int64")
    for column in columns:
        of_metric = rows["metric"] == column.metric
        ranks = column.ranks(rows.loc[of_metric, "value"].astype(float).tolist())
        rows.loc[of_metric, "rank"] = pd.array(ranks, dtype="Int64")
    return rows.reindex(columns=list(TIDY_COLUMNS)).astype(TIDY_COLUMNS)
