"""The report as one HTML page that needs nothing beside itself."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from fgstp.reporting import html, published
from fgstp.reporting.columns import DASH
from fgstp.reporting.costs import HEADS, NOTE, cost_tables
from fgstp.reporting.group_tables import GroupTable, group_tables
from fgstp.reporting.headline import headline_notes, headline_rows
from fgstp.reporting.html import element, paragraph, text
from fgstp.reporting.models import evaluated_rows, model_rows
from fgstp.reporting.page_style import STYLE
from fgstp.reporting.protocol_words import in_words
from fgstp.reporting.result_table import PUBLISHED, Block, Cell, ResultTable
from fgstp.reporting.scored_footage import ScoredFootage
from fgstp.reporting.summaries import protocol_names, protocol_of, scores
from fgstp.reporting.table_notes import counts, protocol_note
from fgstp.reporting.tables import table1, table2
from fgstp.reporting.training_curves import ALL_MODELS, LABELS
from fgstp.scoring.protocols import HONEST

TITLE = "Gas leak segmentation: FGSTP and the models it is compared with"
LEGEND = (
    "Best of a block bold green, second bold italic red; values written alike share a rank. "
    "Small print: 95 % interval."
)
RANK_CLASSES = {1: "best", 2: "second"}
ENDED_BY = {
    "epochs": "all epochs done",
    "early stop": "validation score stopped rising",
    "time limit": "time limit reached",
    "divergence": "loss no longer finite: failed",
}
LEAK_CLASS_NOTE = (
    "Leak classes are steps of the release schedule, the higher the stronger; under the protocol "
    "paper a frame without gas scores 0 whatever is predicted."
)
GROUP_SIZE_NOTE = "Beneath each group: its videos (v) and frames (f)."


def report_page(
    summaries: pd.DataFrame,
    trainings: Mapping[str, Mapping[str, Any]],
    footage: ScoredFootage,
    curves: Mapping[str, bytes],
    examples: bytes | None = None,
    *,
    costs: pd.DataFrame | None = None,
) -> str:
    """Write the report.

    Args:
        summaries: of all models; see `check_summaries`.
        trainings: by model: `trained`, best `epoch`, `n_epochs`, `ended_by`, `parameters`
            and `scores`; what one lacks is a dash.
        footage: what the scores are of.
        curves: PNG files of the training curves by name, as `training_curves` names them.
        examples: PNG file of the prediction figure; None if there is none.
        costs: what the models cost, see `fgstp.reporting.costs`; None or empty if unknown.

    Returns:
        The page, with all pictures inside.

    Raises:
        UserError: as `check_summaries`, or the costs lack a column.
    """
    sections = {
        "Headline": _headline(summaries),
        "Table 1: comparison of models": _tables(table1(summaries, footage)),
        "Table 2: ablation of FGSTP": _tables(table2(summaries, footage)),
        "Predictions": _predictions(examples),
        "Scores by category": _groups(group_tables(summaries, "category")),
        "Scores by leak class": _leak_classes(group_tables(summaries, "leak_class")),
        "Scores by video": _folded("Each video", _groups(group_tables(summaries, "video"))),
        "Training": _training(trainings) + _curves(curves),
        "Costs": _costs(costs) if costs is not None else "",
        "Protocols": _protocols(summaries),
    }
    filled = {name: content for name, content in sections.items() if content}
    links = [element("a", text(name), href=f"#{_anchor(name)}") for name in filled]
    body = [
        element("h1", text(TITLE)),
        _evaluated(summaries, footage),
        element("nav", *(f"{link} " for link in links)),
        *(
            element("section", element("h2", text(name), id=_anchor(name)), content)
            for name, content in filled.items()
        ),
    ]
    head = [
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        element("title", text(TITLE)),
        element("style", STYLE),
    ]
    page = element("html", element("head", *head), element("body", *body), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _anchor(name: str) -> str:
    return "".join(char if char.isalnum() else "-" for char in name.lower())


def _evaluated(summaries: pd.DataFrame, footage: ScoredFootage) -> str:
    """What was evaluated on what."""
    overall = scores(summaries, protocol_names(summaries)[0])
    names = [row.title() for row in evaluated_rows(overall)]
    told = (
        f"{len(names)} model{'' if len(names) == 1 else 's'} ({', '.join(names)}), evaluated on "
        f"{footage.name} against {footage.masks}: {counts(overall)}."
    )
    warning = (
        f"The paper's own figures stand in blocks of their own, marked as published. They are of "
        f"{published.DATA}"
    )
    if footage.is_the_papers:
        return paragraph(told) + paragraph(f"{warning}, under a protocol that it does not state.")
    return paragraph(told) + paragraph(
        f"{warning} with its authors' masks, so they do not compare with scores on "
        f"{footage.name} against {footage.masks}."
    )


def _headline(summaries: pd.DataFrame) -> str:
    rows = headline_rows(summaries)
    heads = [str(name) for name in rows.columns]
    table = html.table(heads, [[text(cell) for cell in row] for row in rows.to_numpy()])
    return table + html.items(headline_notes(summaries))


def _tables(table: ResultTable) -> str:
    blocks = [_block(block) for block in table.blocks]
    return paragraph(LEGEND) + "".join(blocks) + html.items(table.notes)


def _block(block: Block) -> str:
    heads = ["model", *(column.heading for column in block.columns)]
    if block.thresholds is not None:
        heads.append("t")
    rows = [[text(line.name), *map(_cell, line.cells)] for line in block.lines]
    content = [
        element("h3", text(block.heading)),
        html.table(heads, rows),
        html.items(block.notes + block.interval_notes),
    ]
    return element("div", *content, class_=PUBLISHED if block.name == PUBLISHED else "")


def _cell(cell: Cell) -> str:
    value = element("span", text(cell.text), class_=RANK_CLASSES.get(cell.rank or 0, ""))
    return value + (element("small", text(cell.interval)) if cell.interval else "")


def _predictions(examples: bytes | None) -> str:
    alt = "Frames of each category with their ground truth and the predictions of each model"
    return html.picture(examples, alt) if examples is not None else ""


def _groups(tables: list[GroupTable]) -> str:
    parts = []
    for table in tables:
        # The first cell of a row is its heading, the sizes stand in a row of their own.
        sizes = ["", *(element("small", text(size)) for size in table.sizes)]
        lines = [[text(name), *map(text, values)] for name, values in table.lines]
        parts.append(element("h3", text(table.heading)))
        parts.append(html.table(["model", *table.groups], [sizes, *lines]))
    return "".join(parts) + html.items([GROUP_SIZE_NOTE]) if parts else ""


def _leak_classes(tables: list[GroupTable]) -> str:
    return paragraph(LEAK_CLASS_NOTE) + _groups(tables) if tables else ""


def _folded(summary: str, content: str) -> str:
    return element("details", element("summary", text(summary)), content) if content else ""


def _training(trainings: Mapping[str, Mapping[str, Any]]) -> str:
    heads = [
        "model",
        "parameters",
        "epochs",
        "best epoch",
        "ended because",
        "validation score",
    ]
    rows = [
        [text(name), *map(text, _training_cells(training))]
        for row in model_rows(trainings)
        for name, training in _named_trainings(row.title(), trainings[row.model])
    ]
    return html.table(heads, rows) if rows else ""


def _named_trainings(
    name: str, training: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The trainings of a model; where there are several, their seeds tell them apart."""
    repeats = training.get("repeats", [])
    for each in (training, *repeats):
        yield f"{name}, seed {each.get('seed', DASH)}" if repeats else name, each


def _training_cells(training: Mapping[str, Any]) -> list[str]:
    parameters = training.get("parameters")
    counted = DASH if parameters is None else f"{parameters:,}"
    if not training.get("trained"):
        return [counted, DASH, DASH, "not trained", DASH]
    ended_by = str(training.get("ended_by", DASH))
    chosen_by = training.get("monitor", "val_miou")
    score = training.get("scores", {}).get(chosen_by)
    return [
        counted,
        str(training.get("n_epochs", DASH)),
        str(training.get("epoch", DASH)),
        ENDED_BY.get(ended_by, ended_by),
        DASH if score is None else f"{LABELS[chosen_by]}: {score:.3f}",
    ]


def _curves(curves: Mapping[str, bytes]) -> str:
    single = [
        html.picture(curves[row.model], f"Training curves of {row.title()}")
        for row in model_rows(name for name in curves if name != ALL_MODELS)
    ]
    folded = _folded("Each model's losses and validation scores", "".join(single))
    if ALL_MODELS not in curves:
        return folded
    return html.picture(curves[ALL_MODELS], "Validation scores of all models") + folded


def _costs(costs: pd.DataFrame) -> str:
    parts = [
        element("h3", text(table.title))
        + html.table(HEADS, [[text(cell) for cell in line] for line in table.lines])
        for table in cost_tables(costs)
    ]
    return "".join(parts) + html.items([NOTE]) if parts else ""


def _protocols(summaries: pd.DataFrame) -> str:
    parts = []
    for name in protocol_names(summaries):
        rows = scores(summaries, name)
        words = in_words(protocol_of(rows.iloc[0]), own_thresholds=name == HONEST.name)
        parts.append(element("h3", text(f"Protocol {name}")))
        parts.append(paragraph(words))
        parts.append(html.items([protocol_note(name, rows)]))
    return "".join(parts)
