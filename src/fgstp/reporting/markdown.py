"""Result tables as Markdown."""

from collections.abc import Iterable, Sequence

from fgstp.reporting.result_table import Block, Cell, ResultTable

LEGEND = (
    "Within a block: **best**, *second*. Values written alike share a rank. Intervals: in the csv."
)
MARKS = {1: "**", 2: "*"}


def as_markdown(table: ResultTable) -> str:
    """A table as a page of Markdown.

    The best value of a block is bold and the second italic, since most readers of Markdown
    drop colours.

    Args:
        table: what to write.

    Returns:
        The page; a section a block.
    """
    parts = [f"# {table.title}", LEGEND]
    for block in table.blocks:
        parts += [
            f"## {escaped(block.heading)}",
            _rows(block),
            _listed(block.notes + block.interval_notes),
        ]
    if table.notes:
        parts.append(_listed(table.notes))
    return "\n\n".join(parts) + "\n"


def _rows(block: Block) -> str:
    heads = ["model", *(column.heading for column in block.columns)]
    if block.thresholds is not None:
        heads.append("t")
    lines = [[escaped(line.name), *map(_marked, line.cells)] for line in block.lines]
    return markdown_table(heads, lines)


def markdown_table(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table, its first column to the left and the others to the right.

    Args:
        heads: headings, escaped.
        lines: cells of each line, escaped.
    """
    rule = ["---", *["--:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *lines))


def _marked(cell: Cell) -> str:
    mark = MARKS.get(cell.rank or 0, "")
    return f"{mark}{cell.text}{mark}"


def _listed(notes: tuple[str, ...]) -> str:
    return "\n".join(f"- {escaped(note)}" for note in notes)


def escaped(text: str) -> str:
    """Text whose characters mean themselves in Markdown."""
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#" else char for char in text)
