"""The two tables of the paper: our scores, and beside them the published ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fgstp.reporting import notes, published
from fgstp.reporting.models import (
    ABLATION_TABLE,
    ALL_MASKS,
    DAGGER,
    MAIN_TABLE,
    ModelRow,
    evaluated_rows,
    every_row,
    model_rows,
    rows_of_table,
)
from fgstp.reporting.scored_footage import ScoredFootage
from fgstp.reporting.summaries import counts, protocols, scores, threshold_range
from fgstp.reporting.tables import (
    MARKS,
    PAPER_COLUMNS,
    SECOND_FROM,
    Cell,
    Column,
    Table,
    columns_of,
)
from fgstp.scoring.protocols import ScoringProtocol

TITLES = {MAIN_TABLE: "Comparison of models", ABLATION_TABLE: "Ablation of FGSTP"}
PUBLISHED = "published"  # name of the block of published rows
THIS_EVALUATION = "this evaluation"
TIDY_COLUMNS = {  # and their types; whole numbers that may be missing are Int64
    "table": "str",
    "block": "str",
    "model": "str",
    "name": "str",
    "protocol": "str",
    "input": "str",
    "norm": "str",
    "empty": "str",
    "average": "str",
    "threshold": "Int64",
    "drop_given": "boolean",
    "drop_last_frames": "Int64",
    "alarm_px": "Int64",
    "score_fraction": "float64",
    "data": "str",
    "mask_source": "str",
    "source": "str",
    "metric": "str",
    "value": "float64",
    "low": "float64",
    "high": "float64",
    "spread": "float64",
    "n_seeds": "Int64",
    "threshold_min": "Int64",
    "threshold_max": "Int64",
    "interval_over": "str",
    "n_videos": "Int64",
    "n_clips": "Int64",
    "n_frames": "Int64",
    "rank": "Int64",
    "note": "str",
}


@dataclass(frozen=True, eq=False)
class Block:
    """Rows that are comparable with each other.

    Attributes:
        name: the protocol, or `published`.
        columns: the metrics.
        tidy: a row for each model and metric, with `TIDY_COLUMNS`.
        table: the rows as they are written; with a last column `t`, the threshold, if each
            model has its own.
        interval_notes: those of its notes that concern confidence intervals.
    """

    name: str
    columns: tuple[Column, ...]
    tidy: pd.DataFrame
    table: Table
    interval_notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ResultTable:
    """A table of the report.

    Attributes:
        name: `table1` or `table2`, the name of its files.
        title: what it compares.
        blocks: blocks from top to bottom.
        notes: sentences on all blocks.
    """

    name: str
    title: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]

    def tidy(self) -> pd.DataFrame:
        """All values, a row for each block, model and metric.

        Fractions are not converted to percent. Protocol and counts of published rows are
        missing, as the paper does not state them.
        """
        return pd.concat([block.tidy for block in self.blocks], ignore_index=True)


def result_table(name: str, summaries: pd.DataFrame, footage: ScoredFootage) -> ResultTable:
    """Build a table.

    Args:
        name: `table1`, the comparison of models, or `table2`, the ablation of FGSTP.
        summaries: summaries of all models, checked by `check_summaries`.
        footage: the footage that was scored.

    Returns:
        A block for each protocol that has rows, and beneath the first one with the metrics of
        the paper the published rows.
    """
    models = rows_of_table(name, evaluated_rows(summaries))
    blocks = [
        _scored_block(name, protocol, models, summaries, footage)
        for protocol in (protocols(summaries).values() if models else ())
    ]
    paper_like = [number for number, each in enumerate(blocks) if each.columns == PAPER_COLUMNS]
    blocks.insert(paper_like[0] + 1 if paper_like else len(blocks), _published(name, footage))
    missing = [
        row.title(name)
        for row in rows_of_table(name, every_row())
        if row.model not in set(summaries["model"])
    ]
    not_evaluated = (f"Not evaluated: {', '.join(missing)}.",) if missing else ()
    return ResultTable(name, TITLES[name], tuple(blocks), not_evaluated)


def _scored_block(
    table: str,
    protocol: ScoringProtocol,
    models: list[ModelRow],
    summaries: pd.DataFrame,
    footage: ScoredFootage,
) -> Block:
    columns = columns_of(protocol)
    found = scores(summaries, protocol.name)
    facts = {
        "table": table,
        "block": protocol.name,
        "data": footage.name,
        "mask_source": " and ".join(footage.mask_sources),
        "source": THIS_EVALUATION,
    }
    tidy = _tidy(found, models, columns, facts)
    own_thresholds = protocol.threshold is None
    intervals = notes.interval_notes(tidy)
    sentences = (
        f"Test footage: {footage.name}, {footage.masks}; {counts(tidy)}.",
        notes.protocol_note(protocol),
        notes.label_note(columns),
        *([notes.THRESHOLD] if own_thresholds else []),
        *notes.seed_notes(tidy),
        *notes.mark_notes(tidy["name"], protocol),
        *notes.missing_notes(tidy, columns),
        *intervals,
    )
    title = f"Protocol {protocol.name}, on {footage.name}"
    return Block(
        protocol.name,
        columns,
        tidy,
        _written(title, tidy, columns, sentences, own_thresholds=own_thresholds),
        tuple(intervals),
    )


def _published(table: str, footage: ScoredFootage) -> Block:
    found = published.published_rows(table)
    facts = {
        "table": table,
        "block": PUBLISHED,
        "data": published.DATA,
        "mask_source": published.MASK_SOURCE,
        "source": published.SOURCE,
    }
    tidy = _tidy(found, rows_of_table(table, model_rows(found["model"])), PAPER_COLUMNS, facts)
    title = f"Published, on {published.DATA}, protocol not stated"
    if not footage.is_the_papers:
        title += f"; not comparable with scores on {footage.name} with {footage.masks}"
    first_mask = [published.FIRST_MASK] if DAGGER in "".join(tidy["name"]) else []
    sentences = (
        published.SOURCE_NOTE,
        *first_mask,
        *notes.missing_notes(tidy, PAPER_COLUMNS),
    )
    return Block(PUBLISHED, PAPER_COLUMNS, tidy, _written(title, tidy, PAPER_COLUMNS, sentences))


def _tidy(
    found: pd.DataFrame,
    models: list[ModelRow],
    columns: Sequence[Column],
    facts: dict[str, str],
) -> pd.DataFrame:
    """Rows in the order of models and columns, with names, facts and ranks.

    A model that receives the ground truth is not ranked.
    """
    order = pd.MultiIndex.from_product(
        [[row.model for row in models], [column.metric for column in columns]],
        names=["model", "metric"],
    )
    rows = found.set_index(["model", "metric"]).reindex(order).reset_index().assign(**facts)
    rows["name"] = rows["model"].map({row.model: row.title(facts["table"]) for row in models})
    rows["rank"] = pd.Series(pd.NA, index=rows.index, dtype="Int64")
    ranked = ~rows["model"].isin([row.model for row in models if row.prompt == ALL_MASKS])
    for column in columns:
        of_metric = ranked & (rows["metric"] == column.metric)
        ranks = column.ranks(rows.loc[of_metric, "value"].astype(float).tolist())
        rows.loc[of_metric, "rank"] = pd.array(ranks, dtype="Int64")
    return rows.reindex(columns=list(TIDY_COLUMNS)).astype(TIDY_COLUMNS)


def _written(
    title: str,
    tidy: pd.DataFrame,
    columns: Sequence[Column],
    sentences: tuple[str, ...],
    *,
    own_thresholds: bool = False,
) -> Table:
    heads = [Cell("model"), *(Cell(column.heading) for column in columns)]
    n_ranked = tidy.groupby("metric")["rank"].count()
    rows = []
    for _, of_model in tidy.groupby("model", sort=False):
        by_metric = of_model.set_index("metric")
        cells = [Cell(str(of_model["name"].iloc[0]))]
        cells += [
            _cell(column, by_metric.loc[column.metric], int(n_ranked[column.metric]))
            for column in columns
        ]
        if own_thresholds:
            cells.append(Cell(threshold_range(of_model.iloc[0])))
        rows.append(tuple(cells))
    return Table(title, (*heads, *([Cell("t")] * own_thresholds)), tuple(rows), sentences)


def _cell(column: Column, row: Any, n_ranked: int) -> Cell:  # noqa: ANN401 - a row of a table
    low, high = float(row["low"]), float(row["high"])
    interval = "" if math.isnan(low) else f"{column.shown(low)}–{column.shown(high)}"
    rank = 0 if pd.isna(row["rank"]) else int(row["rank"])
    mark = "" if rank == 2 and n_ranked < SECOND_FROM else MARKS.get(rank, "")
    return Cell(column.shown(float(row["value"]), float(row["spread"])), mark, interval)
