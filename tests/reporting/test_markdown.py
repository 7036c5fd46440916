import pandas as pd

from fgstp.reporting.markdown import as_markdown, escaped
from fgstp.reporting.scored_footage import ScoredFootage
from fgstp.reporting.tables import table1

PLUMES = ScoredFootage.of("synthetic plumes", ["synthetic"])


def parsed(markdown):
    """Tables of the page: a list of rows of stripped cells each, without the rule."""
    tables, rows = [], []
    for line in [*markdown.split("\n"), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            tables.append([rows[0], *rows[2:]])
            rows = []
    return tables


def test_each_block_is_a_table_with_the_best_bold_and_the_second_italic(summaries):
    paper, published, operational = parsed(as_markdown(table1(summaries, PLUMES)))
    assert paper[0][:2] == ["model", "S\u00a0↑"]
    assert paper[1][:4] == ["XMem++ †", "*0.800*", "**0.500**", "*0.030*"]
    assert paper[2][:4] == ["FGSTP", "**0.900**", "**0.500**", "**0.020**"]
    assert published[1] == ["MG", *["–"] * 6]
    assert (operational[0][-1], operational[1][-1], operational[2][-1]) == ("t", "128", "90")
    for rows in (paper, published, operational):
        assert len({len(row) for row in rows}) == 1


def test_headings_and_notes_stand_with_their_block(summaries):
    parts = as_markdown(table1(summaries, PLUMES)).split("\n## ")
    assert [part.split(maxsplit=2)[0] for part in parts] == [
        "#",
        "Protocol",
        "Published,",
        "Protocol",
    ]
    assert "**best**, *second*" in parts[0]
    assert "3,600 frames" in parts[1]
    assert "3,600 frames" not in parts[2]
    assert "Not evaluated: Background subtraction, MG" in parts[3]


def test_names_mean_themselves(summary):
    rows = pd.concat([summary("my_new|model*"), summary("fgstp")])
    text = as_markdown(table1(rows, ScoredFootage.of("own <b>_footage_", ["annotated"])))
    assert r"| my\_new\|model\* |" in text
    assert "<b>" not in text.replace(r"\<b\>", "")


def test_escaping_leaves_plain_text_alone():
    assert escaped("FGSTP, 0.5 – † ↑") == "FGSTP, 0.5 – † ↑"
    assert escaped(r"a\b_c") == r"a\\b\_c"
