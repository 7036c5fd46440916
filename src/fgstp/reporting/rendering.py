"""The comparison as Markdown, LaTeX, csv and plain text."""

import textwrap
from collections.abc import Iterable, Sequence

import pandas as pd

from fgstp.core.templating import environment
from fgstp.reporting import costs
from fgstp.reporting.comparison import Comparison
from fgstp.reporting.detection import short_table
from fgstp.reporting.names import DAGGER, DOUBLE_DAGGER
from fgstp.reporting.notes import protocol_note
from fgstp.reporting.result_tables import PUBLISHED, ResultTable
from fgstp.reporting.tables import Table

PACKAGE = "fgstp.reporting"  # whose templates they are
LINE_LENGTH = 110  # of the headline
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


def markdown_escaped(value: object) -> str:
    """Escape characters with a meaning in Markdown."""
    return "".join(f"\\{char}" if char in MARKDOWN_SPECIAL else char for char in str(value))


def latex_escaped(value: object) -> str:
    """Escape characters with a meaning in LaTeX, except in a value that is marked as safe."""
    if hasattr(value, "__html__"):
        return str(value)
    return "".join(LATEX_SPECIAL.get(char, char) for char in str(value))
