import base64
import re
from html.parser import HTMLParser
from io import BytesIO

import pandas as pd
import pytest
from matplotlib.figure import Figure

from fgstp.reporting import html
from fgstp.reporting.costs import COLUMNS
from fgstp.reporting.page import report_page
from fgstp.reporting.scored_footage import ScoredFootage

PLUMES = ScoredFootage.of("synthetic plumes", ["synthetic"])
TRAININGS = {
    "fgstp": {
        "trained": True,
        "epoch": 17,
        "n_epochs": 20,
        "ended_by": "early stop",
        "parameters": 82_698_631,
        "scores": {"val_miou": 0.4567},
    },
    "background": {"trained": False, "parameters": 0, "epochs": []},
}
VOID = {"meta", "img"}


class Reader(HTMLParser):
    """Checks that elements are nested, and keeps attributes, texts and tables."""

    def __init__(self, page):
        super().__init__()
        self.open, self.attributes, self.texts, self.rows = [], [], [], []
        self.feed(page)
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
            self.rows[-1][-1] += data


@pytest.fixture
def picture():
    stream = BytesIO()
    Figure(figsize=(2, 1), dpi=128).savefig(stream, format="png")
    return stream.getvalue()


@pytest.fixture
def everything(summaries, summary):
    parts = [summaries]
    for model in ("fgstp", "xmem_pp", "fgstp_no_fsp"):
        parts.append(summary(model, "paper", "category", "close_clear", iou_mean=0.123))
        parts.append(summary(model, "paper", "leak_class", "-1", iou_mean=0.234))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def page(everything, picture):
    curves = {"fgstp": picture, "all_models": picture}
    return report_page(everything, TRAININGS, PLUMES, curves, picture)


def sections(page):
    """Text of each section by its heading."""
    parts = re.split(r"<section><h2[^>]*>(.*?)</h2>", page)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_page_is_whole_and_has_all_sections(page):
    reader = Reader(page)
    assert list(sections(page)) == [
        "Headline",
        "Table 1: comparison of models",
        "Table 2: ablation of FGSTP",
        "Predictions",
        "Scores by category",
        "Scores by leak class",
        "Training",
        "Protocols",
    ]
    links = {value for tag, name, value in reader.attributes if (tag, name) == ("a", "href")}
    anchors = {f"#{value}" for tag, name, value in reader.attributes if (tag, name) == ("h2", "id")}
    assert links == anchors
    assert ("meta", "name", "viewport") in reader.attributes
    assert "prefers-color-scheme: dark" in page


def test_nothing_is_fetched_and_nothing_runs(page):
    reader = Reader(page)
    assert not re.search(r"<(script|link|iframe|object)\b|url\(|@import|\son\w+=", page)
    sources = [value for _, name, value in reader.attributes if name == "src"]
    assert sources
    assert all(value.startswith("data:image/png;base64,") for value in sources)


def test_the_pictures_are_those_that_were_given(page, picture):
    found = re.findall(r'base64,([^"]+)"', page)
    assert [base64.b64decode(each) for each in found] == [picture] * 3
    # 256 pixels at three quarters.
    assert re.findall(r'width="(\d+)"', page) == ["192"] * 3


def test_it_says_what_was_evaluated_and_that_published_rows_do_not_compare(page):
    text = " ".join(Reader(page).texts)
    assert "3 models (XMem++ †, FGSTP without FSP, FGSTP), evaluated on synthetic plumes" in text
    assert "do not compare with scores on synthetic plumes against synthetic masks" in text
    assert page.count('<div class="published">') == 2


def test_on_the_papers_own_footage_only_the_protocol_is_in_doubt(everything):
    gasvid = ScoredFootage.of("GasVid", ["annotated"])
    text = " ".join(Reader(report_page(everything, {}, gasvid, {})).texts)
    assert "under a protocol that it does not state" in text
    assert "do not compare" not in text


def test_tables_show_values_ranks_and_intervals(page):
    comparison = sections(page)["Table 1: comparison of models"]
    assert '<span class="best">0.900</span><small>0.800–1.000</small>' in comparison
    assert '<span class="second">0.800</span><small>0.700–0.900</small>' in comparison
    rows = Reader(page).rows
    assert ["MG", *["–"] * 6] in rows
    head = next(row for row in rows if "AUROC\u00a0↑" in row)
    assert (len(head), head[-1]) == (13, "t")
    assert rows[rows.index(head) + 1][0] == "XMem++ †"
    assert rows[rows.index(head) + 1][-1] == "128"


def test_groups_have_their_scores(page):
    rows = Reader(page).rows
    assert ["model", "close, clear"] in rows
    assert ["FGSTP", "0.123"] in rows
    assert ["model", "before the release"] in rows
    assert ["FGSTP", "0.234"] in rows


def test_training_tells_parameters_epochs_and_the_end(page):
    rows = Reader(page).rows
    ended = "validation score stopped rising"
    assert ["FGSTP", "82,698,631", "20", "17", ended, "mIoU, all frames: 0.457"] in rows
    assert ["Background subtraction", "0", "–", "–", "not trained", "–"] in rows


def test_every_training_of_a_model_has_a_line(everything):
    first = TRAININGS["fgstp"] | {"seed": 7}
    repeat = first | {"seed": 8, "epoch": 5, "scores": {"val_miou": 0.4}}
    trainings = {"fgstp": first | {"repeats": [repeat]}, "background": TRAININGS["background"]}
    rows = Reader(report_page(everything, trainings, PLUMES, {})).rows
    found = [(row[0], row[3], row[5]) for row in rows if len(row) == 6 and row[2] == "20"]
    assert found == [
        ("FGSTP, seed 7", "17", "mIoU, all frames: 0.457"),
        ("FGSTP, seed 8", "5", "mIoU, all frames: 0.400"),
    ]


@pytest.mark.parametrize(
    ("chosen_by", "shown"),
    [
        ("val_miou", "mIoU, all frames: 0.457"),
        ("val_miou_gas", "mIoU, frames with gas: 0.250"),
        ("val_iou", "–"),
    ],
)
def test_training_tells_the_score_that_chose_the_checkpoint(everything, chosen_by, shown):
    scores = {"val_miou": 0.4567, "val_miou_gas": 0.25}
    training = TRAININGS["fgstp"] | {"monitor": chosen_by, "scores": scores}
    rows = Reader(report_page(everything, {"fgstp": training}, PLUMES, {})).rows
    [row] = [row for row in rows if row[1:2] == ["82,698,631"]]
    assert row[-1] == shown
    assert [row[0], row[3]] == ["FGSTP", "17"]


def test_protocols_stand_in_words_and_as_tuples(page):
    text = sections(page)["Protocols"]
    assert "stretched to the whole range" in text
    assert "Each model has its own threshold, chosen on validation clips." in text
    assert "threshold=128" in text
    assert "threshold=t" in text


def test_text_from_outside_cannot_become_markup(summary, picture):
    evil = '<script>alert("1")</script>'
    rows = pd.concat(
        [
            summary(evil),
            summary(evil, "paper", "category", evil),
            summary(evil, by="video", group=evil),
        ]
    )
    trainings = {evil: {"trained": True, "ended_by": evil, "epoch": 1, "n_epochs": 1}}
    page = report_page(rows, trainings, ScoredFootage.of(evil, [evil]), {evil: picture})
    assert "<script" not in page
    texts = "".join(Reader(page).texts)
    assert evil in texts


def test_sections_without_content_are_left_out(summary):
    page = report_page(summary("fgstp"), {}, PLUMES, {})
    assert list(sections(page)) == [
        "Headline",
        "Table 1: comparison of models",
        "Table 2: ablation of FGSTP",
        "Protocols",
    ]
    Reader(page)


def test_costs_have_a_section_if_there_are_any(summary):
    empty = pd.DataFrame(columns=COLUMNS)
    assert "Costs" not in sections(report_page(summary("fgstp"), {}, PLUMES, {}, costs=empty))
    row = ("fgstp", 1_500_000, 2.0, 3.0, 4.0, "a <device>", 96, 128)
    costs = pd.DataFrame([dict(zip(COLUMNS, row, strict=True))])
    page = report_page(summary("fgstp"), {}, PLUMES, {}, costs=costs)
    assert list(sections(page))[-2:] == ["Costs", "Protocols"]
    reader = Reader(page)
    assert ["FGSTP", "1.50", "2.00", "3.0", "4", "96 × 128"] in reader.rows
    assert "Costs on a <device>" in reader.texts


def test_attributes_are_escaped():
    assert html.element("a", "x", href='"><b>') == '<a href="&quot;&gt;&lt;b&gt;">x</a>'
    assert html.element("p", html.text("<&>"), class_="") == "<p>&lt;&amp;&gt;</p>"
