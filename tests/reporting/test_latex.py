import re

import pandas as pd
import pytest

from fgstp.reporting.latex import as_latex, tex
from fgstp.reporting.scored_footage import ScoredFootage
from fgstp.reporting.tables import table1

PLUMES = ScoredFootage.of("synthetic plumes", ["synthetic"])


@pytest.fixture
def source(summaries):
    return as_latex(table1(summaries, PLUMES))


def floats(source):
    return re.findall(r"\\begin\{table\*\}.*?\\end\{table\*\}", source, re.S)


def test_every_row_has_as_many_cells_as_its_tabular_has_columns(source):
    assert len(floats(source)) == 3
    for each in floats(source):
        columns = re.search(r"\\begin\{tabular\}\{(\w+)\}", each).group(1)
        rows = [line for line in each.split("\n") if line.endswith(r"\\")]
        assert len(rows) >= 3
        for row in rows:
            assert len(re.findall(r"(?<!\\)&", row)) == len(columns) - 1


def test_best_is_green_and_second_red(source):
    paper = floats(source)[0]
    fgstp = next(line for line in paper.split("\n") if line.strip().startswith("FGSTP &"))
    xmem = next(line for line in paper.split("\n") if line.strip().startswith("XMem++"))
    assert re.search(r"\\textcolor\{green[^}]*\}\{0\.900\}", fgstp)
    assert r"\textcolor{red}{0.800}" in xmem
    assert r"$^\dagger$" in xmem


def test_it_names_its_packages_and_nests_well(source):
    for package in ("adjustbox", "booktabs", "xcolor"):
        assert rf"%   \usepackage{{{package}}}" in source
    plain = re.sub(r"\\[{}]", "", source)
    assert plain.count("{") == plain.count("}")
    # Special characters of notes, such as 95 % and score_fraction, would end or break a line.
    body = re.sub(r"(?m)^%.*$", "", source)
    assert not re.search(r"(?<!\\)[%#]", body)
    assert not re.search(r"(?<!\\)_(?!\{|\\)", body.replace("$S_", "$S").replace("$E_", "$E"))


def test_only_our_blocks_say_what_was_not_evaluated(source):
    assert ["Not evaluated" in each for each in floats(source)] == [True, False, True]


def test_labels_of_floats_differ(summary):
    rows = pd.concat([summary("fgstp"), summary("fgstp", "paper_binary")])
    labels = re.findall(r"\\label\{(.*?)\}", as_latex(table1(rows, PLUMES)))
    assert labels == ["tab:table1-paper", "tab:table1-published", "tab:table1-paper-binary"]


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
def test_characters_mean_themselves(plain, escaped):
    assert tex(plain) == escaped
