"""The comparison of all evaluated models: everything that tables and page show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fgstp.reporting import notes
from fgstp.reporting.costs import cost_tables, sorted_costs
from fgstp.reporting.detection import detection_groups, detection_table
from fgstp.reporting.events import event_table
from fgstp.reporting.names import (
    ModelRow,
    evaluated_rows,
    group_title,
    groups_in_order,
    model_rows,
)
from fgstp.reporting.result_tables import TITLES, ResultTable, result_table
from fgstp.reporting.summaries import (
    Facts,
    ScoredFootage,
    check_summaries,
    protocols,
    same_footage,
    scores,
    selected,
    with_facts,
    without_masks,
)
from fgstp.reporting.tables import DASH, GROUP_COLUMNS, HEADLINE_COLUMNS, Cell, Column, Table
from fgstp.scoring.protocols import ScoringProtocol

GROUPS = ("category", "leak_class", "video")
DETECTION_GROUPS = ("category", "video")
ALL_THERE_IS = "predictions, pictures and frame scores are all there is"


@dataclass(frozen=True, eq=False)
class Comparison:
    """The evaluated models side by side.

    Attributes:
        facts: by model: the file of its scores.
        footage: the footage that was scored.
        scored: numbers of videos, clips and frames, in words.
        titles: titles of the models, in order.
        protocols: the protocols by name, in order.
        summaries: summaries of all models, checked; without rows if the footage has no masks.
        headline: up to five scores of each model.
        tables: `table1` and `table2`, whose scores are of pixels.
        detection: the table of detection by the leak schedule; None without one.
        events: the table of events; None likewise.
        groups: tables by category, leak class and video.
        detection_groups: tables of detection by category and video.
        remarks: sentences on what could not be scored or chosen, and why.
        costs: measured costs, see `sorted_costs`.
        cost_tables: the costs as text, a table for each device.
    """

    facts: Facts
    footage: ScoredFootage
    scored: str
    titles: tuple[str, ...]
    protocols: Mapping[str, ScoringProtocol]
    summaries: pd.DataFrame
    headline: Table
    tables: tuple[ResultTable, ...]
    detection: ResultTable | None
    events: ResultTable | None
    groups: Mapping[str, list[Table]]
    detection_groups: Mapping[str, list[Table]]
    remarks: tuple[str, ...]
    costs: pd.DataFrame
    cost_tables: list[Table]

    @property
    def rows(self) -> list[ModelRow]:
        """Rows of the models, in order."""
        return model_rows(self.facts, self.facts)


def compare(
    facts: Facts,
    summaries: Mapping[str, pd.DataFrame],
    timelines: Mapping[str, pd.DataFrame],
    costs: pd.DataFrame,
) -> Comparison:
    """Compare the evaluated models.

    Args:
        facts: by model: the file of its scores, which says what was scored and how.
        summaries: by model: its summaries; of at least the models of `facts`.
        timelines: by model: its frame scores over time, see `fgstp.scoring.timelines`.
        costs: a row for each model and device, see `fgstp.reporting.costs`; may be empty.

    Raises:
        UserError: there is no model, two models are not comparable, or a column is missing.
    """
    footage = same_footage(facts)
    together = pd.concat([summaries[model] for model in facts], ignore_index=True)
    together = with_facts(together.fillna({"note": ""}), facts)  # empty cells of the files
    check_summaries(together, facts)
    found, detection = protocols(together), detection_table(facts, footage)
    why_empty = "" if found else f"Pixels are not scored, since {without_masks(facts)}."
    return Comparison(
        facts=facts,
        footage=footage,
        scored=notes.counts(scores(together, next(iter(found))) if found else _seen(timelines)),
        titles=tuple(row.title() for row in model_rows(facts, facts)),
        protocols=found,
        summaries=together,
        headline=headline(together),
        tables=tuple(result_table(name, together, footage, why_empty) for name in TITLES),
        detection=detection,
        events=event_table(facts, footage),
        groups={by: group_tables(together, by) for by in GROUPS},
        detection_groups={by: detection_groups(timelines, facts, by) for by in DETECTION_GROUPS},
        remarks=tuple(_remarks(facts, found, detection)),
        costs=sorted_costs(costs),
        cost_tables=cost_tables(costs),
    )


def _seen(timelines: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Counts of the footage that most frames were predicted of."""
    counts = [
        {
            "n_videos": rows["video"].nunique(),
            "n_clips": rows["clip"].nunique(),
            "n_frames": len(rows[["video", "frame"]].drop_duplicates()),
        }
        for rows in timelines.values()
    ]
    return pd.DataFrame([max(counts, key=lambda own: own["n_frames"])])


def _remarks(
    facts: Facts, found: Mapping[str, ScoringProtocol], detection: ResultTable | None
) -> Iterator[str]:
    """Sentences on what could not be scored, predicted or chosen."""
    rows = model_rows(facts, facts)
    if not found:
        what = "Pixels are not scored" if detection else "Nothing can be scored"
        rest = "" if detection else f", and no leak schedule is known; {ALL_THERE_IS}"
        yield f"{what}, since {without_masks(facts)}{rest}."
    for row in rows:
        own = facts[row.model]
        if n_left_out := own.get("n_left_out_clips", 0):
            clips = f"{n_left_out} of the {own['n_test_clips']} test clips"
            yield f"{row.title()} leaves out {clips}, which have no masks to give it."
    without = [row.title() for row in rows if facts[row.model].get("n_validation_clips") == 0]
    if without and any(protocol.threshold is None for protocol in found.values()):
        yield notes.unchosen(without)


def headline(summaries: pd.DataFrame) -> Table:
    """The most important scores of each model, a row each.

    Columns are those of `HEADLINE_COLUMNS`, with the name of the protocol as detail.
    """
    titles = {row.model: row.title() for row in evaluated_rows(summaries)}
    named = summaries.assign(name=summaries["model"].map(titles))
    heads, values, sentences = [], [], []
    for protocol, columns in selected(summaries, HEADLINE_COLUMNS):
        found = scores(named, protocol)
        heads += [Cell(column.heading, detail=protocol) for column in columns]
        values += [_written(found, column, "model") for column in columns]
        sentences += [notes.label_note(columns), *notes.missing_notes(found, columns)]
    rows = [
        (Cell(title), *(Cell(each[model]) for each in values)) for model, title in titles.items()
    ]
    sentences += [*notes.seed_notes(named), *notes.mark_notes(titles.values())]
    return Table("Headline", (Cell("model"), *heads), tuple(rows), tuple(sentences))


def _written(found: pd.DataFrame, column: Column, *keys: str) -> dict[Any, str]:
    """Values of a column as text, by `keys`."""
    of_metric = found[found["metric"] == column.name].set_index(list(keys))[["value", "spread"]]
    written = of_metric.apply(lambda row: column.shown(*row), axis="columns", result_type="reduce")
    return written.to_dict()


def group_tables(summaries: pd.DataFrame, by: str) -> list[Table]:
    """Tables of a few metrics by group: models down, groups across.

    Args:
        summaries: summaries of all models, checked by `check_summaries`.
        by: `category`, `leak_class` or `video`.

    Returns:
        A table for each protocol and metric of `GROUP_COLUMNS` that has any value.
    """
    tables, known = [], protocols(summaries)
    for protocol, columns in selected(summaries, GROUP_COLUMNS):
        for column in columns:
            found = scores(summaries, protocol, by)
            found = found[found["metric"] == column.name]
            if found["value"].notna().any():
                tables.append(_group_table(found, known[protocol], column, by))
    return tables


def _group_table(found: pd.DataFrame, protocol: ScoringProtocol, column: Column, by: str) -> Table:
    sizes = {
        str(row.group): f"{row.n_videos} v, {row.n_frames:,} f"
        for row in found.drop_duplicates("group").itertuples()
    }
    groups = groups_in_order(sizes, by)
    values = _written(found, column, "model", "group")
    heads = [Cell(group_title(group, by), detail=sizes[group]) for group in groups]
    rows = [
        (Cell(row.title()), *(Cell(values.get((row.model, group), DASH)) for group in groups))
        for row in evaluated_rows(found)
    ]
    title = f"{column.heading}, {notes.protocol_title(protocol)}"
    return Table(title, (Cell("model"), *heads), tuple(rows))
