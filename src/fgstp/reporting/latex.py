"""Result tables as LaTeX."""

from fgstp.reporting.models import DAGGER, DOUBLE_DAGGER
from fgstp.reporting.result_table import PUBLISHED, Block, Cell, ResultTable

PREAMBLE = r"""% Needs in the preamble:
%   \usepackage{adjustbox}
%   \usepackage{booktabs}
%   \usepackage{xcolor}
% Green: best of the block. Red: second. Values written alike share a rank.
% Intervals: in the csv.
"""
COLOURS = {1: "green!55!black", 2: "red"}
SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
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
}


def as_latex(table: ResultTable) -> str:
    """A table as LaTeX to be included in a paper.

    The best value of a block is green and the second red, as in the paper.

    Args:
        table: what to write.

    Returns:
        One `table*` a block, and in a comment the packages that it needs.
    """
    floats = [_float(table, block) for block in table.blocks]
    return "\n".join([PREAMBLE, *floats])


def _float(table: ResultTable, block: Block) -> str:
    shown_t = [] if block.thresholds is None else ["$t$"]
    heads = ["Model"]
    heads += [f"{column.tex} {tex(column.arrow)}" for column in block.columns] + shown_t
    rows = [[tex(line.name), *map(_coloured, line.cells)] for line in block.lines]
    notes = block.notes if block.name == PUBLISHED else block.notes + table.notes
    return "\n".join(
        [
            r"\begin{table*}[tb]",
            r"  \centering",
            r"  \footnotesize",
            r"  \setlength{\tabcolsep}{4pt}",
            rf"  \caption{{{tex(table.title)}. {tex(block.heading)}.}}",
            rf"  \label{{tab:{table.name}-{block.name.replace('_', '-')}}}",
            # Many columns of means with their spreads are wider than a page.
            r"  \begin{adjustbox}{max width=\linewidth}",
            rf"  \begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
            r"    \toprule",
            f"    {_row(heads)}",
            r"    \midrule",
            *(f"    {_row(cells)}" for cells in rows),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"  \end{adjustbox}",
            "",
            r"  \medskip",
            rf"  \parbox{{\linewidth}}{{\raggedright {tex(' '.join(notes))}}}",
            r"\end{table*}",
            "",
        ]
    )


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _coloured(cell: Cell) -> str:
    colour = COLOURS.get(cell.rank or 0)
    return rf"\textcolor{{{colour}}}{{{tex(cell.text)}}}" if colour else tex(cell.text)


def tex(text: str) -> str:
    """Text whose characters mean themselves in LaTeX."""
    return "".join(SPECIAL.get(char, char) for char in text)
