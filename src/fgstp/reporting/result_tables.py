"""The two tables of the paper, with our scores and the published scores."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fgstp.models.registry import list_models
from fgstp.reporting import notes
from fgstp.reporting.names import (
    ABLATION_TABLE,
    DAGGER,
    MAIN_TABLE,
    ModelRow,
    evaluated_rows,
    model_rows,
    rows_of_table,
)
from fgstp.reporting.summaries import PAPERS, ScoredFootage, protocols, scores
from fgstp.reporting.tables import PAPER_COLUMNS, Cell, Column, Table, columns_of, mark
from fgstp.scoring.protocols import PROTOCOL_COLUMNS, ScoringProtocol

TITLES = {MAIN_TABLE: "Comparison of models", ABLATION_TABLE: "Ablation of FGSTP"}
PUBLISHED = "published"  # name of the block of published rows
THIS_EVALUATION, SOURCE = "this evaluation", "arXiv 2505.00295"
NO_VALUES = (math.nan,) * len(PAPER_COLUMNS)
WHY_NO_VALUES = "the paper reports that the model fails, and gives no values"
SOURCE_NOTE = f"Source: {SOURCE}, which gives no intervals and no thresholds."
PUBLISHED_FIRST_MASK = f"{DAGGER} The model receives the mask of the first frame of each clip."
# Published values in the order of PAPER_COLUMNS; empty where the paper prints a dash.
PUBLISHED_VALUES: dict[str, dict[str, tuple[float, ...]]] = {
    MAIN_TABLE: {
        "mg": (),
        "sinet_v2": (0.684, 0.472, 0.022, 0.743, 0.361, 0.465),
        "xmem_pp": (0.675, 0.424, 0.036, 0.675, 0.361, 0.459),
        "rmem": (0.685, 0.431, 0.023, 0.711, 0.361, 0.451),
        "zoomnext": (0.691, 0.450, 0.025, 0.729, 0.378, 0.472),
        "slt_net": (0.702, 0.500, 0.025, 0.806, 0.392, 0.505),
        "fgstp": (0.705, 0.507, 0.022, 0.797, 0.399, 0.509),
    },
    ABLATION_TABLE: {
        "fgstp_no_ctc_no_fsp": (0.644, 0.419, 0.027, 0.741, 0.291, 0.408),
        "fgstp_no_fsp": (0.697, 0.488, 0.024, 0.782, 0.383, 0.488),
        "fgstp_no_ctc": (0.655, 0.430, 0.027, 0.761, 0.313, 0.428),
        "fgstp": (0.705, 0.507, 0.022, 0.797, 0.399, 0.509),
    },
}
TIDY_COLUMNS = {  # and their types; whole numbers that may be missing are Int64
    **dict.fromkeys(("table", "block", "model", "name", *PROTOCOL_COLUMNS), "str"),
    **dict.fromkeys(("threshold", "drop_last_frames", "alarm_px"), "Int64"),
    "drop_given": "boolean",
    **dict.fromkeys(("data", "mask_source", "source", "metric"), "str"),
    **dict.fromkeys(("value", "low", "high", "spread"), "float64"),
    **dict.fromkeys(("n_seeds", "threshold_min", "threshold_max"), "Int64"),
    "interval_over": "str",
    **dict.fromkeys(("n_videos", "n_clips", "n_frames", "rank"), "Int64"),
    "note": "str",
}


@dataclass(frozen=True, eq=False)
class Block:
    """Rows that are comparable with each other.

    Attributes:
        name: name of the protocol, or `published`.
        columns: the metrics.
        tidy: a row for each model and metric, with `TIDY_COLUMNS`.
        table: the rows as text, with a last column `t`, the threshold, if models have their own.
        interval_notes: those notes of the table that concern confidence intervals.
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

    @property
    def has_intervals(self) -> bool:
        """Whether it says something of confidence intervals."""
        return any(block.interval_notes for block in self.blocks)

    def tidy(self) -> pd.DataFrame:
        """All values, a row for each block, model and metric.

        Fractions are not in percent. Published rows have no protocol and no counts, which the
        paper does not state.
        """
        return pd.concat([block.tidy for block in self.blocks], ignore_index=True)


def result_table(
    name: str, summaries: pd.DataFrame, footage: ScoredFootage, why_empty: str = ""
) -> ResultTable:
    """Build a table.

    Args:
        name: `table1`, the comparison of models, or `table2`, the ablation of FGSTP.
        summaries: summaries of all models, checked by `check_summaries`.
        footage: the footage that was scored.
        why_empty: why there are no summaries, in one sentence.

    Returns:
        A block for each protocol that has rows, and the published rows below the first block
        with the metrics of the paper.
    """
    models = rows_of_table(name, evaluated_rows(summaries))
    blocks = [
        _scored_block(name, protocol, models, summaries, footage)
        for protocol in (protocols(summaries).values() if models else ())
    ]
    paper_like = [number for number, each in enumerate(blocks) if each.columns == PAPER_COLUMNS]
    blocks.insert(paper_like[0] + 1 if paper_like else len(blocks), _published(name, footage))
    if why_empty:
        return ResultTable(name, TITLES[name], tuple(blocks), (why_empty,))
    others = set(list_models()) - set(summaries["model"])
    missing = [row.title(name) for row in rows_of_table(name, model_rows(others))]
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
    facts = {"table": table, "block": protocol.name, "source": THIS_EVALUATION}
    facts |= {"data": footage.name, "mask_source": " and ".join(footage.mask_sources)}
    tidy = _tidy(scores(summaries, protocol.name), models, columns, facts)
    own_thresholds = protocol.threshold is None
    intervals = notes.interval_notes(tidy)
    known = summaries.reindex(columns=["model", "n_validation_clips"]).drop_duplicates("model")
    without = set(known.loc[known["n_validation_clips"] == 0, "model"])
    unchosen = [row.title(table) for row in models if row.model in without]
    sentences = (
        f"Test footage: {footage.name}, {footage.masks}; {notes.counts(tidy)}.",
        notes.protocol_note(protocol),
        notes.label_note(columns),
        *[notes.THRESHOLD] * own_thresholds,
        *[notes.unchosen(unchosen)] * bool(own_thresholds and unchosen),
        *notes.seed_notes(tidy),
        *notes.mark_notes(tidy["name"], protocol),
        *notes.missing_notes(tidy, columns),
        *intervals,
    )
    told = notes.protocol_title(protocol)
    title = f"{told[0].upper()}{told[1:]}, on {footage.name}"
    written = written_table(title, tidy, columns, sentences, own_thresholds=own_thresholds)
    return Block(protocol.name, columns, tidy, written, tuple(intervals))


def published_rows(table: str) -> pd.DataFrame:
    """Published scores on GasVid, under a protocol that the paper does not state.

    Args:
        table: `table1`, the comparison of models, or `table2`, the ablation.

    Returns:
        A row for each model and metric: `model, metric, value, note`; NaN and a note where the
        paper prints a dash.
    """
    return pd.DataFrame(
        [
            {
                "model": model,
                "metric": column.name,
                "value": value,
                "note": "" if values else WHY_NO_VALUES,
            }
            for model, values in PUBLISHED_VALUES[table].items()
            for column, value in zip(PAPER_COLUMNS, values or NO_VALUES, strict=True)
        ]
    )


def _published(table: str, footage: ScoredFootage) -> Block:
    found = published_rows(table)
    facts = {"table": table, "block": PUBLISHED, "source": SOURCE}
    facts |= {"data": PAPERS.name, "mask_source": PAPERS.mask_sources[0]}
    tidy = _tidy(found, rows_of_table(table, model_rows(found["model"])), PAPER_COLUMNS, facts)
    title = f"Published, on {PAPERS.name}, protocol not stated"
    if not footage.is_the_papers:
        title += f"; not comparable with scores on {footage.name} with {footage.masks}"
    sentences = (
        SOURCE_NOTE,
        *[PUBLISHED_FIRST_MASK] * (DAGGER in "".join(tidy["name"])),
        *notes.missing_notes(tidy, PAPER_COLUMNS),
    )
    return Block(
        PUBLISHED, PAPER_COLUMNS, tidy, written_table(title, tidy, PAPER_COLUMNS, sentences)
    )


def _tidy(
    found: pd.DataFrame, models: list[ModelRow], columns: Sequence[Column], facts: dict[str, str]
) -> pd.DataFrame:
    """Rows in the order of models and columns, with names, facts and ranks; oracles have none."""
    order = pd.MultiIndex.from_product(
        [[row.model for row in models], [column.name for column in columns]],
        names=["model", "metric"],
    )
    rows = found.set_index(["model", "metric"]).reindex(order).reset_index().assign(**facts)
    rows["name"] = rows["model"].map({row.model: row.title(facts["table"]) for row in models})
    oracles = [row.model for row in models if row.prompt == "all_masks"]
    rows = ranked(rows, columns, ~rows["model"].isin(oracles))
    return rows.reindex(columns=list(TIDY_COLUMNS)).astype(TIDY_COLUMNS)


def ranked(rows: pd.DataFrame, columns: Sequence[Column], which: pd.Series) -> pd.DataFrame:
    """Rank the values of each metric.

    Args:
        rows: a row for each model and metric.
        columns: the metrics.
        which: (N,) bool, the rows that are ranked; the rank of others is missing.
    """
    rank = pd.Series(pd.NA, index=rows.index, dtype="Int64")
    for column in columns:
        of_metric = which & (rows["metric"] == column.name)
        ranks = column.ranks(rows.loc[of_metric, "value"].astype(float).tolist())
        rank[of_metric] = pd.array(ranks, dtype="Int64")
    return rows.assign(rank=rank)


def written_table(
    title: str,
    tidy: pd.DataFrame,
    columns: Sequence[Column],
    sentences: tuple[str, ...],
    *,
    own_thresholds: bool = False,
) -> Table:
    """Write a table of models as text.

    Args:
        title: its title.
        tidy: a row for each model and metric, see `Block`.
        columns: the metrics to show.
        sentences: notes below it.
        own_thresholds: whether a last column `t` has the threshold of each model.
    """
    heads = ["model", *(column.heading for column in columns), *["t"] * own_thresholds]
    n_ranked = tidy.groupby("metric")["rank"].count()
    rows = []
    for _, of_model in tidy.groupby("model", sort=False):
        name = str(of_model["name"].iloc[0])
        by_metric = of_model.set_index("metric")
        cells = [
            _cell(column, by_metric.loc[column.name], n_ranked[column.name]) for column in columns
        ]
        if own_thresholds:
            ends = of_model[["threshold_min", "threshold_max"]].iloc[0]
            cells.append(Cell("–".join(dict.fromkeys(f"{end:g}" for end in ends.dropna()))))
        sources = str(of_model["mask_source"].iloc[0]) if "mask_source" in of_model else ""
        marks = notes.footage_marks(sources.split(" and "))
        rows.append((Cell(name, detail=marks), *cells))
    return Table(title, tuple(map(Cell, heads)), tuple(rows), sentences)


def _cell(column: Column, row: Any, n_ranked: int) -> Cell:  # noqa: ANN401 - a row of a table
    low, high = float(row["low"]), float(row["high"])
    interval = "" if math.isnan(low) else f"{column.shown(low)}–{column.shown(high)}"
    written = column.shown(float(row["value"]), float(row["spread"]))
    return Cell(written, mark(row["rank"], n_ranked), interval)
