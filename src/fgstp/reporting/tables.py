"""The two tables of the paper, of our scores and beside them what is published."""

import pandas as pd

from fgstp.reporting import published, table_notes
from fgstp.reporting.columns import HONEST_COLUMNS, PAPER_COLUMNS, Column
from fgstp.reporting.models import (
    ABLATION_TABLE,
    ALL_MASKS,
    MAIN_TABLE,
    ModelRow,
    evaluated_rows,
    model_rows,
    rows_of_table,
)
from fgstp.reporting.result_table import PUBLISHED, TIDY_COLUMNS, Block, ResultTable
from fgstp.reporting.scored_footage import ScoredFootage
from fgstp.reporting.summaries import (
    check_summaries,
    protocol_names,
    protocol_of,
    scores,
    thresholds_shown,
)
from fgstp.scoring.protocols import HONEST, PAPER

THIS_EVALUATION = "this evaluation"
HEADINGS = {
    PAPER.name: "Protocol paper: the paper's six metrics",
    HONEST.name: "Protocol operational: probabilities as they are, one threshold a model",
}


def table1(summaries: pd.DataFrame, footage: ScoredFootage) -> ResultTable:
    """The comparison of models.

    Args:
        summaries: of all models; see `check_summaries`.
        footage: what they are of.

    Returns:
        A block for each protocol and, below that of the protocol `paper`, the published rows.

    Raises:
        UserError: as `check_summaries`.
    """
    return _table(MAIN_TABLE, "Comparison of models", summaries, footage)


def table2(summaries: pd.DataFrame, footage: ScoredFootage) -> ResultTable:
    """The ablation of FGSTP: backbone only, with CTC, with FSP, with both.

    Args:
        summaries: of all models; see `check_summaries`.
        footage: what they are of.

    Returns:
        Blocks as those of `table1`; only the published one if no row was evaluated.

    Raises:
        UserError: as `check_summaries`.
    """
    return _table(ABLATION_TABLE, "Ablation of FGSTP", summaries, footage)


def _table(table: str, title: str, summaries: pd.DataFrame, footage: ScoredFootage) -> ResultTable:
    check_summaries(summaries)
    evaluated = rows_of_table(table, evaluated_rows(summaries))
    blocks = []
    if evaluated:
        protocols = protocol_names(summaries)
        blocks = [_our_block(table, name, evaluated, summaries, footage) for name in protocols]
    # Beneath the block of the same metrics, which is the first one.
    blocks.insert(1, _published_block(table, footage))
    lacking = table_notes.not_evaluated_note(table, summaries["model"])
    return ResultTable(table, title, tuple(blocks), (lacking,) if lacking else ())


def _our_block(
    table: str,
    protocol: str,
    models: list[ModelRow],
    summaries: pd.DataFrame,
    footage: ScoredFootage,
) -> Block:
    operational = protocol == HONEST.name
    columns = HONEST_COLUMNS if operational else PAPER_COLUMNS
    found = scores(summaries, protocol)
    found = found[found["model"].isin([row.model for row in models])]
    facts = {
        "table": table,
        "block": protocol,
        "data": footage.name,
        "mask_source": " and ".join(footage.mask_sources),
        "source": THIS_EVALUATION,
    }
    rows = _tidy(found, models, columns, facts)
    heading = HEADINGS.get(protocol, f"Protocol {protocol}")
    firsts = found.drop_duplicates("model")
    thresholds = {
        str(row["model"]): thresholds_shown(str(row["thresholds"])) for _, row in firsts.iterrows()
    }
    return Block(
        protocol,
        f"{heading}; on {footage.name}",
        columns,
        rows,
        _notes(protocol, rows, columns, footage),
        tuple(table_notes.interval_notes(rows)),
        thresholds if operational else None,
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
        *table_notes.training_notes(rows, own_thresholds=protocol == HONEST.name),
        *table_notes.mark_notes(rows["name"], protocol_of(rows.iloc[0])),
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
    models = rows_of_table(table, model_rows(found["model"]))
    rows = _tidy(found, models, PAPER_COLUMNS, facts)
    notes = (
        f"Source: {published.SOURCE}. Its authors give no intervals and no thresholds.",
        *table_notes.published_mark_notes(rows["name"]),
        *table_notes.missing_notes(rows, PAPER_COLUMNS),
    )
    return Block(PUBLISHED, table_notes.published_heading(footage), PAPER_COLUMNS, rows, notes)


def _tidy(
    found: pd.DataFrame,
    models: list[ModelRow],
    columns: tuple[Column, ...],
    facts: dict[str, str],
) -> pd.DataFrame:
    """Rows in the order of models and columns, with names, facts and ranks.

    A model that uses the ground truth is compared with none.
    """
    order = pd.MultiIndex.from_product(
        [[row.model for row in models], [column.metric for column in columns]],
        names=["model", "metric"],
    )
    rows = found.set_index(["model", "metric"]).reindex(order).reset_index().assign(**facts)
    titles = {row.model: row.title(facts["table"]) for row in models}
    rows["name"] = rows["model"].map(titles)
    rows["rank"] = pd.Series(pd.NA, index=rows.index, dtype="Int64")
    ranked = ~rows["model"].isin([row.model for row in models if row.needs == ALL_MASKS])
    for column in columns:
        of_metric = ranked & (rows["metric"] == column.metric)
        ranks = column.ranks(rows.loc[of_metric, "value"].astype(float).tolist())
        rows.loc[of_metric, "rank"] = pd.array(ranks, dtype="Int64")
    return rows.reindex(columns=list(TIDY_COLUMNS)).astype(TIDY_COLUMNS)
