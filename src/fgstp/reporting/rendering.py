"""The comparison as Markdown, LaTeX, csv, plain text and one HTML page."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from fgstp.core.templating import data_url, environment
from fgstp.reporting import costs
from fgstp.reporting.comparison import Comparison
from fgstp.reporting.detection import short_table
from fgstp.reporting.names import DAGGER, DOUBLE_DAGGER, model_rows
from fgstp.reporting.notes import counted, protocol_note, protocol_rules
from fgstp.reporting.result_tables import PUBLISHED, ResultTable
from fgstp.reporting.summaries import PAPERS
from fgstp.reporting.tables import Table
from fgstp.reporting.trainings import ALL_MODELS, ByModel, training_table

PACKAGE = "fgstp.reporting"  # whose templates they are
TITLE = "Gas leak segmentation: comparison of models"
LINE_LENGTH = 110  # of the headline
SCALE, SMALLEST_SCALE = 0.75, 0.6  # pixels on the page for each pixel of a picture at 128 dpi
PNG_WIDTH = slice(16, 20)  # bytes of the file
MARKDOWN_SPECIAL = frozenset("\\`*_[]<>|#")
LATEX_DELIMITERS = {
    **{"block_start_string": "<%", "block_end_string": "%>"},
    **{"variable_start_string": "<<", "variable_end_string": ">>"},
    **{"comment_start_string": "<#", "comment_end_string": "#>"},
}
LATEX_SPECIAL = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    DAGGER: r"$^\dagger$",
    DOUBLE_DAGGER: r"$^\ddagger$",
    "–": "--",
    "×": r"$\times$",
    "±": r"$\pm$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "∞": r"$\infty$",
}


class Picture(NamedTuple):
    """A picture on the page.

    Attributes:
        source: a PNG file as a data URL.
        alt: alternative text.
        width_px: width on a wide page.
        narrowest_px: width at which text in the picture is still legible.
    """

    source: str
    alt: str
    width_px: int
    narrowest_px: int

    @classmethod
    def of_png(cls, png: bytes, alt: str) -> "Picture":
        """Make a picture of the content of a PNG file."""
        pixels = int.from_bytes(png[PNG_WIDTH], "big")
        return cls(data_url(png), alt, int(SCALE * pixels), int(SMALLEST_SCALE * pixels))


def table_files(comparison: Comparison) -> dict[str, str]:
    """Texts by file name: each table as csv, Markdown and LaTeX; measured costs without LaTeX."""
    files: dict[str, str] = {}
    over_time = (each for each in (comparison.detection, comparison.events) if each)
    for table in (*comparison.tables, *over_time):
        files |= {
            f"{table.name}.csv": table.tidy().to_csv(index=False),
            f"{table.name}.md": as_markdown(table),
            f"{table.name}.tex": as_latex(table),
        }
    if comparison.cost_tables:
        files["costs.csv"] = comparison.costs.to_csv(index=False)
        files["costs.md"] = _markdown("Costs of the models", comparison.cost_tables, [costs.NOTE])
    return files


def as_markdown(table: ResultTable) -> str:
    """A result table in Markdown, with a section for each block."""
    blocks = [block.table for block in table.blocks]
    facts = {"ranked": True, "intervals": table.has_intervals}
    return _markdown(table.title, blocks, table.notes, **facts)


def _markdown(
    title: str,
    tables: Sequence[Table],
    notes: Sequence[str],
    *,
    ranked: bool = False,
    intervals: bool = False,
) -> str:
    template = environment(PACKAGE, markdown_escaped).get_template("tables.md.j2")
    facts = {"ranked": ranked, "intervals": intervals}
    return template.render(title=title, tables=tables, notes=notes, **facts)


def as_latex(table: ResultTable) -> str:
    """A result table in LaTeX, with a `table*` for each block."""
    template = environment(PACKAGE, latex_escaped, LATEX_DELIMITERS).get_template("table.tex.j2")
    return template.render(table=table, published=PUBLISHED)


def headline_text(comparison: Comparison) -> str:
    """The headline as plain text: footage, a row for each model, and notes."""
    footage, table = comparison.footage, comparison.headline
    parts = [f"Scores on {footage.name}, {footage.masks}; {comparison.scored}"]
    if comparison.protocols:
        protocols = dict.fromkeys(head.detail for head in table.heads[1:])
        notes = [protocol_note(comparison.protocols[name]) for name in protocols]
        parts += [_plain(table), _wrapped([*notes, *table.notes])]
    if comparison.detection:
        short = short_table(comparison.detection)
        parts += [f"{short.title}:\n\n{_plain(short)}", _wrapped(short.notes)]
    if comparison.remarks:
        parts.append(_wrapped(comparison.remarks))
    return "\n\n".join(parts) + "\n"


def _plain(table: Table) -> str:
    """A table as plain text, with the details of its heads in a second line if there are any."""
    heads = [(head.text, head.detail) for head in table.heads[1:]]
    columns = pd.MultiIndex.from_tuples(heads)
    shown = pd.DataFrame(
        [[cell.text for cell in row[1:]] for row in table.rows],
        index=[row[0].text for row in table.rows],
        columns=columns if any(detail for _, detail in heads) else columns.get_level_values(0),
    )
    return shown.to_string(sparsify=False)


def _wrapped(notes: Iterable[str]) -> str:
    return "\n".join(textwrap.fill(note, LINE_LENGTH, subsequent_indent="  ") for note in notes)


def page(
    comparison: Comparison,
    trainings: ByModel,
    curves: Mapping[str, bytes],
    examples: bytes | None = None,
    timelines: bytes | None = None,
    *,
    events: bytes | None = None,
) -> str:
    """The report as one HTML page that needs no other file.

    Args:
        comparison: the comparison of the models.
        trainings: by model: the records of its trainings, see `training_table`.
        curves: PNG files by name, as `training_curves` names them.
        examples: PNG file of predictions; None if there is none.
        timelines: PNG file of the frame scores over time; None if there is none.
        events: PNG file of the curves of events; None if there is none.
    """
    template = environment(PACKAGE).get_template("page.html.j2")
    shown = [
        Picture.of_png(curves[row.model], f"Training curves of {row.title()}")
        for row in model_rows(name for name in curves if name != ALL_MODELS)
    ]
    of_all = curves.get(ALL_MODELS)
    return template.render(
        title=TITLE,
        evaluated=_evaluated(comparison),
        published=_published(comparison),
        published_block=PUBLISHED,
        comparison=comparison,
        protocol_rules={name: protocol_rules(each) for name, each in comparison.protocols.items()},
        examples=examples
        and Picture.of_png(examples, "Frames, ground truth and predictions of the models"),
        events=events
        and Picture.of_png(events, "Probability of detection and detection error curves"),
        timelines=timelines and Picture.of_png(timelines, "Frame scores of the models over time"),
        trainings=training_table(trainings),
        all_curves=of_all and Picture.of_png(of_all, "Validation scores of all models"),
        curves=shown,
        cost_note=costs.NOTE,
    )


def _evaluated(comparison: Comparison) -> str:
    titles, footage = comparison.titles, comparison.footage
    return (
        f"{counted(len(titles), 'model')} ({', '.join(titles)}), evaluated on {footage.name} with "
        f"{footage.masks}: {comparison.scored}."
    )


def _published(comparison: Comparison) -> str:
    footage = comparison.footage
    sentence = f"Scores published by the paper are marked as such. They are on {PAPERS.name}"
    if footage.is_the_papers:
        return f"{sentence}, under a protocol that the paper does not state."
    return (
        f"{sentence} with the masks of its authors, so they are not comparable with scores on "
        f"{footage.name} with {footage.masks}."
    )


def markdown_escaped(value: object) -> str:
    """Escape characters with a meaning in Markdown."""
    return "".join(f"\\{char}" if char in MARKDOWN_SPECIAL else char for char in str(value))


def latex_escaped(value: object) -> str:
    """Escape characters with a meaning in LaTeX, except in a value that is marked as safe."""
    if hasattr(value, "__html__"):
        return str(value)
    return "".join(LATEX_SPECIAL.get(char, char) for char in str(value))
