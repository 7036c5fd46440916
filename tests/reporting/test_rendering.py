import io
import re
import shutil
import subprocess

import pandas as pd
import pytest

from fgstp.reporting.costs import COLUMNS
from fgstp.reporting.rendering import (
    as_latex,
    as_markdown,
    headline_text,
    latex_escaped,
    markdown_escaped,
    table_files,
)


@pytest.fixture(scope="module")
def costs():
    row = ("fgstp", 1_500_000, 2.0, 3.0, 4.0, "a <device>", 96, 128)
    return pd.DataFrame([row], columns=COLUMNS)


def test_each_table_is_written_in_three_formats(comparison, summaries, compared, costs):
    results = [f"table{n}.{suffix}" for n in (1, 2) for suffix in ("csv", "md", "tex")]
    assert sorted(table_files(comparison)) == results
    files = table_files(compared(summaries, costs=costs))
    assert sorted(files) == ["costs.csv", "costs.md", *results]
    assert "| FGSTP | 1.50 | 2.00 | 3.0 | 4 | 96 × 128 |" in files["costs.md"]
    assert pd.read_csv(io.StringIO(files["costs.csv"]))["parameters"].tolist() == [1_500_000]
    rows = pd.read_csv(io.StringIO(files["table1.csv"]))
    alarms = rows[(rows["model"] == "fgstp") & (rows["metric"] == "false_alarm")]
    assert alarms["value"].item() == 0.125  # percent only where it is written for people


def test_the_headline_is_aligned_text(comparison):
    title, _, above, below, *rows = headline_text(comparison).split("\n")
    assert title == "Scores on synthetic plumes, synthetic masks; 6 videos, 24 clips, 3,600 frames"
    assert below.split() == ["paper", *["operational"] * 4]
    assert rows[2].split() == ["FGSTP", "0.450", "0.700", "0.550", "0.950", "12.5"]
    assert {len(line) for line in (above, below, *rows[:3])} == {len(below)}
    notes = "\n".join(rows[4:])
    assert re.findall(r"^(Protocol \w+):", notes, re.M) == [
        "Protocol paper",
        "Protocol operational",
    ]


def tables_of(markdown):
    """Tables of a page: a list of rows of cells each, without the rule."""
    tables = re.findall(r"(?:^\|.*\n)+", markdown, re.M)
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in (head, *rows)]
        for head, _, *rows in (table.splitlines() for table in tables)
    ]


def test_markdown_has_a_table_for_each_block(comparison):
    text = as_markdown(comparison.tables[0])
    paper, published, operational = tables_of(text)
    assert paper[0][:2] == ["model", "S\u00a0↑"]
    assert paper[1][:4] == [
        "XMem++ †",
        "0.800",
        "0.500",
        "0.030",
    ]  # where all are alike, none is best
    assert paper[2][:4] == ["FGSTP", "**0.900**", "0.500", "**0.020**"]
    assert published[1] == ["MG", *["–"] * 6]
    assert published[6][:3] == ["SLT-Net", "*0.702*", "*0.500*"]
    assert (operational[0][-1], operational[1][-1], operational[2][-1]) == ("t", "128", "90")
    for rows in (paper, published, operational):
        assert len({len(row) for row in rows}) == 1
    first, second, third, last = text.split("\n## ")
    assert first.startswith("# Comparison of models\n")
    assert "3,600 frames" in second
    assert "bootstrap over videos" in second
    assert "3,600 frames" not in third
    assert "- Not evaluated: Background subtraction, MG" in last


def test_names_are_escaped_in_markdown(summary, compared):
    names = {"footage": "own <b>_footage_", "masks": "annotated"}
    text = as_markdown(
        compared(summary("fgstp"), {"fgstp": {"label": "new|model*"}}, **names).tables[0]
    )
    assert r"| FGSTP (new\|model\*) |" in text
    assert r"own \<b\>\_footage\_" in text
    assert markdown_escaped("FGSTP, 0.5 – † ↑") == "FGSTP, 0.5 – † ↑"


@pytest.fixture(scope="module")
def latex(comparison):
    return as_latex(comparison.tables[0])


def floats(source):
    return re.findall(r"\\begin\{table\*\}.*?\\end\{table\*\}", source, re.S)


def test_latex_rows_fit_their_tabular_and_the_best_and_the_second_best_are_marked(latex):
    assert len(floats(latex)) == 3
    for each in floats(latex):
        columns = re.search(r"\\begin\{tabular\}\{(\w+)\}", each).group(1)
        rows = [line for line in each.split("\n") if line.endswith(r"\\")]
        assert len(rows) >= 3
        for row in rows:
            assert len(re.findall(r"(?<!\\)&", row)) == len(columns) - 1
    paper, published, _ = floats(latex)
    assert r"FGSTP & \textbf{0.900}" in paper
    assert r"XMem++ $^\dagger$ & 0.800" in paper
    assert r"SLT-Net & \underline{0.702}" in published


def test_latex_is_well_formed(latex):
    for package in ("booktabs", "graphicx"):
        assert rf"%   \usepackage{{{package}}}" in latex
    plain = re.sub(r"\\[{}]", "", latex)
    assert plain.count("{") == plain.count("}")
    body = re.sub(r"(?m)^%.*$", "", latex)
    assert not re.search(r"(?<!\\)[%#]", body)
    assert not re.search(r"(?<!\\)_(?!\{|\\)", body.replace("$S_", "$S").replace("$E_", "$E"))
    labels = re.findall(r"\\label\{(.*?)\}", latex)
    assert labels == ["tab:table1-paper", "tab:table1-published", "tab:table1-operational"]
    assert ["Not evaluated" in each for each in floats(latex)] == [True, False, True]
    assert "bootstrap" not in latex  # it shows no intervals


@pytest.mark.parametrize(
    ("plain", "escaped"),
    [
        ("a_b & 5 %", r"a\_b \& 5 \%"),
        ("{x}^2", r"\{x\}\textasciicircum{}2"),
        ("0.55 ± 0.01", r"0.55 $\pm$ 0.01"),
        ("a ‡ †", r"a $^\ddagger$ $^\dagger$"),
        (r"\end", r"\textbackslash{}end"),
        ("0.412–0.476", "0.412--0.476"),
    ],
)
def test_characters_are_escaped_in_latex(plain, escaped):
    assert latex_escaped(plain) == escaped


ENGINE = next(filter(shutil.which, ("pdflatex", "lualatex", "xelatex")), None)


@pytest.mark.skipif(ENGINE is None, reason="no LaTeX engine is installed")
def test_latex_compiles_and_fits_a_paper_of_two_columns(summary, compared, timeline, tmp_path):
    """With basic packages only, names full of special characters, and the widest tables."""
    label = r"a_b & 5 % {x}^2 ~ \end <new> #1 $"
    parts = [summary(model, name) for model in ("fgstp", "wisp", "mg", "slt_net")
             for name in ("paper", "operational")]  # fmt: skip
    over_time = {
        model: timeline(model, v=([0] * 5 + [3] * 5, [0.1] * 5 + [0.9] * 5))
        for model in ("fgstp", "wisp")
    }
    made = compared(pd.concat(parts), {"wisp": {"label": label}}, timelines=over_time)
    body = [text for name, text in table_files(made).items() if name.endswith(".tex")]
    assert len(body) == 3
    source = [
        r"\documentclass[twocolumn]{article}",
        r"\usepackage{booktabs}\usepackage{graphicx}\begin{document}",
        *body,
        r"\end{document}",
    ]
    (tmp_path / "tables.tex").write_text("\n".join(source), "utf-8")
    command = [ENGINE, "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=300, capture_output=True)
    assert (tmp_path / "tables.pdf").stat().st_size > 1000
    assert "Overfull" not in (tmp_path / "tables.log").read_text("utf-8", "replace")
