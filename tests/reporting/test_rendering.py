import base64
import io
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from matplotlib.figure import Figure

from fgstp.reporting.costs import COLUMNS
from fgstp.reporting.rendering import (
    as_latex,
    as_markdown,
    headline_text,
    latex_escaped,
    markdown_escaped,
    page,
    table_files,
)

VOID = {"meta", "img"}
TRAININGS = {
    "fgstp": [{"trained": True, "epoch": 17, "n_epochs": 20, "ended_by": "epochs"}],
    "xmem_pp": [{"trained": False}],
}


@pytest.fixture(scope="module")
def picture():
    stream = io.BytesIO()
    Figure(figsize=(2, 1), dpi=128).savefig(stream, format="png")
    return stream.getvalue()


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
    assert paper[1][:4] == ["XMem++ †", "0.800", "**0.500**", "0.030"]
    assert paper[2][:4] == ["FGSTP", "**0.900**", "**0.500**", "**0.020**"]
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
    for package in ("adjustbox", "booktabs"):
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


class Reader(HTMLParser):
    """Checks that elements are nested, and keeps attributes, texts and tables."""

    def __init__(self, source):
        super().__init__()
        self.open, self.attributes, self.texts, self.rows = [], [], [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, *attribute) for attribute in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"th", "td"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.texts.append(data)
        if "small" not in self.open and {"th", "td"} & set(self.open):
            self.rows[-1][-1] += data.strip()


def sections(source):
    """Content of each section by its heading."""
    parts = re.split(r"<section>\s*<h2[^>]*>(.*?)</h2>", source)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture(scope="module")
def whole(summaries, summary, picture, compared, costs):
    """A page with all sections."""
    parts = [summaries]
    for model in ("fgstp", "xmem_pp", "fgstp_no_fsp"):
        parts.append(summary(model, "paper", "category", "close_clear", iou_mean=0.123))
        parts.append(summary(model, "paper", "leak_class", "-1", iou_mean=0.234))
        parts.append(summary(model, "paper", "video", "1237", iou_mean=0.345))
    comparison = compared(pd.concat(parts, ignore_index=True), costs=costs)
    return page(comparison, TRAININGS, {"fgstp": picture, "all_models": picture}, picture)


def test_the_page_has_all_sections_and_links_to_them(whole):
    reader = Reader(whole)
    assert [name.partition(":")[0] for name in sections(whole)] == [
        *("Headline", "Table 1", "Table 2", "Predictions", "Scores by category"),
        *("Scores by leak class", "Scores by video", "Training", "Costs", "Protocols"),
    ]
    links = {value for tag, name, value in reader.attributes if (tag, name) == ("a", "href")}
    anchors = {f"#{value}" for tag, name, value in reader.attributes if (tag, name) == ("h2", "id")}
    assert links == anchors
    assert ("meta", "name", "viewport") in reader.attributes
    assert "prefers-color-scheme: dark" in whole
    assert whole.lstrip().startswith("<!DOCTYPE html>")


def test_the_page_needs_no_other_file_and_runs_no_code(whole, picture):
    assert not re.search(r"<(script|link|iframe|object)\b|url\(|@import|\son\w+=", whole)
    sources = [value for _, name, value in Reader(whole).attributes if name == "src"]
    data = [source.partition("data:image/png;base64,")[2] for source in sources]
    assert [base64.b64decode(each) for each in data] == [picture] * 3
    assert re.findall(r'width="(\d+)"', whole) == ["192"] * 3  # three quarters of 256 pixels


def test_the_page_shows_tables(whole):
    rows = Reader(whole).rows
    head = next(row for row in rows if "AUROC\u00a0↑" in row and "t" in row)
    xmem = rows[rows.index(head) + 1]
    assert (xmem[0], xmem[-1]) == ("XMem++ †", "128")
    assert ["MG", *["–"] * 6] in rows
    assert ["FGSTP", "0.123"] in rows  # by category
    assert ["FGSTP", "1.50", "2.00", "3.0", "4", "96 × 128"] in rows
    assert ["FGSTP", "–", "20", "17", "all epochs done", "–"] in rows
    comparison = sections(whole)["Table 1: comparison of models"]
    assert re.search(r'class="best">0.900</span>\s*<small>0.800–1.000</small>', comparison)
    assert comparison.count('<div class="published">') == 1
    assert "Costs on a <device>" in Reader(whole).texts


def test_the_page_says_what_was_evaluated(whole, summaries, compared):
    text = " ".join(Reader(whole).texts)
    assert "3 models (XMem++ †, FGSTP without FSP, FGSTP), evaluated on synthetic plumes" in text
    assert "they are not comparable with scores on synthetic plumes" in text
    gasvid = compared(summaries, footage="GasVid", masks="annotated")
    text = " ".join(Reader(page(gasvid, {}, {})).texts)
    assert "under a protocol that the paper does not state" in text
    assert "not comparable" not in text


def test_sections_without_content_are_left_out(summary, compared):
    source = page(compared(summary("fgstp")), {}, {})
    assert [name.partition(":")[0] for name in sections(source)] == [
        *("Headline", "Table 1", "Table 2", "Protocols")
    ]
    Reader(source)


def test_text_cannot_become_markup(summary, compared, picture):
    evil = '<script>alert("1")</script>'
    groups = [summary(evil, by=by, group=evil) for by in ("category", "video")]
    rows = pd.concat([summary(evil), *groups])
    trainings = {evil: [{"trained": True, "ended_by": evil, "epoch": 1, "n_epochs": 1}]}
    comparison = compared(rows, footage=evil, masks=evil)
    source = page(comparison, trainings, {evil: picture})
    assert "<script" not in source
    assert evil in "".join(Reader(source).texts)
