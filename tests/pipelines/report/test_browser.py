"""The page in a headless Chromium: no mistakes, sorting, models, the player, widths, dark."""

import html
import json
import re
import shutil
import subprocess
from functools import cache
from itertools import pairwise

import pytest

from fgstp.core.templating import environment
from fgstp.reporting.chart_figure import COLOURS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
TIMES_MS = 8000  # of the browser's virtual clock
CHOSEN = {"made": (2, 0, 2), "many": (6, 0, 10)}  # models drawn at first, and after two clicks

# Written into a copy of the page; what it finds is sent to the page around it.
SCRIPT = """
<script>
const problems = [];
window.addEventListener("error", (event) => problems.push(String(event.message)));
const after = (ms) => new Promise((done) => setTimeout(done, ms));
function luminance(colour) {
  const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
}
function backOf(node) {
  for (let each = node; each; each = each.parentElement) {
    const back = getComputedStyle(each).backgroundColor;
    if (!/, 0\\)$|transparent/.test(back)) return back;
  }
  return "rgb(255, 255, 255)";
}
function contrasts() {
  const low = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
    const skipped = node.closest("script, style, option, title");
    if (!own || skipped || !node.getClientRects().length) continue;
    const style = getComputedStyle(node);
    const text = node.closest("svg") ? style.fill : style.color;
    const [a, b] = [luminance(text), luminance(backOf(node.closest("svg") || node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const told = `${node.tagName} ${node.textContent.slice(0, 20)} ${ratio.toFixed(1)}`;
    if (ratio < 4.5) low.push(told);
  }
  return low;
}
function unlabelled() {
  const named = (node) => node.ariaLabel || node.textContent.trim() || node.alt
    || node.labels?.length || node.querySelector?.("img[alt]");
  const kinds = "button, select, input, a, img, canvas, [role=img], [role=region]";
  return [...document.querySelectorAll(kinds)]
    .filter((node) => !named(node)).map((node) => node.outerHTML.slice(0, 80));
}
addEventListener("load", async () => {
  await after(500);
  const found = { width: innerWidth, overflow: document.documentElement.scrollWidth - innerWidth };
  const headings = [...document.querySelectorAll("h1, h2, h3, h4")];
  found.headings = headings.map((each) => Number(each.tagName[1]));
  found.contrasts = contrasts();
  found.unlabelled = unlabelled();
  const table = document.querySelector("table.glance");
  const heads = [...table.tHead.rows[0].cells];
  const head = heads.find((each) => each.textContent.includes("gas"));
  const column = head.cellIndex;
  const valueOf = (row) => parseFloat(row.cells[column].textContent);
  const values = () => [...table.tBodies[0].rows].map(valueOf);
  head.querySelector("button").click();
  found.down = values();
  head.querySelector("button").click();
  found.up = values();
  const box = document.querySelector(".models input");
  const drawn = () => document.querySelectorAll(`.chart [data-model="${box.value}"].off`).length;
  const chosen = () => {
    const groups = [...document.querySelectorAll(".chart [data-model]:not(.off)")];
    return new Set(groups.map((each) => each.dataset.model)).size;
  };
  found.chosen = chosen();
  box.click();
  found.hidden = drawn();
  box.click();
  found.shown = drawn();
  const [all, none] = document.querySelectorAll(".models button");
  none.click();
  found.none = chosen();
  all.click();
  found.all = chosen();
  found.first = document.getElementById("told").textContent;
  document.getElementById("next").click();
  await after(300);
  found.second = document.getElementById("told").textContent;
  const stage = document.getElementById("stage");
  const pixels = () => stage.toDataURL();
  const masked = pixels();
  document.getElementById("mask").value = "";
  document.getElementById("mask").dispatchEvent(new Event("change"));
  document.getElementById("truth").click();
  await after(300);
  found.overlaid = masked !== pixels();
  const strips = document.querySelectorAll(".time");
  strips[strips.length - 1].querySelector(".show").click();
  await after(500);
  found.other = document.getElementById("video").value;
  found.dark = matchMedia("(prefers-color-scheme: dark)").matches;
  found.problems = problems;
  parent.postMessage(JSON.stringify(found), "*");
});
</script>
"""


# The page as wide as wanted: no window of Chromium is as narrow as a phone.
FRAME = """<title>waits</title><iframe src="{page}" width="{width_px}" height="900" frameborder="0">
</iframe><script>addEventListener("message", (event) => (document.title = event.data));</script>"""


def look(path, width_px, *options):
    """What the script found on a page of this width."""
    frame = path.with_name(f"{width_px}.html")
    frame.write_text(FRAME.format(page=path.name, width_px=width_px), "utf-8")
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", *options]
    command += ["--enable-logging=stderr", "--window-size=1600,1000"]
    command += [f"--virtual-time-budget={TIMES_MS}", "--dump-dom", frame.as_uri()]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert not re.findall(r"CONSOLE.*", answer.stderr)
    title = re.search(r"<title>(\{.*?\})</title>", answer.stdout)[1]
    return json.loads(html.unescape(title))


@pytest.fixture(scope="module")
def page_file(request, tmp_path_factory):
    """The file of the page of a project, by the name of its fixture; each is made once."""

    @cache
    def file_of(project):
        page = request.getfixturevalue(project).page()
        path = tmp_path_factory.mktemp(project) / "report.html"
        path.write_text(page.replace("</head>", f"{SCRIPT}</head>"), "utf-8")
        return path

    return file_of


@needs_chromium
@pytest.mark.parametrize(
    ("project", "width_px", "dark"),
    [
        ("made", 1400, False),
        ("made", 768, True),
        ("made", 390, False),
        *(
            pytest.param("many", width_px, dark, marks=pytest.mark.slow)
            for width_px, dark in ((1280, True), (768, False), (390, True))
        ),
    ],
)
def test_the_page_works_in_a_browser(page_file, project, width_px, dark):
    options = ["--blink-settings=preferredColorScheme=0"] if dark else []
    found = look(page_file(project), width_px, *options)
    assert found["problems"] == found["contrasts"] == found["unlabelled"] == []
    assert found["dark"] == dark
    assert found["width"] == width_px
    assert found["overflow"] <= 0
    levels = found["headings"]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert found["down"] == sorted(found["down"], reverse=True)
    assert found["up"] == sorted(found["up"])
    assert found["hidden"] > 0 == found["shown"]
    # As many models as there are colours are drawn at first; the rest where somebody wants them.
    assert (found["chosen"], found["none"], found["all"]) == CHOSEN[project]
    assert found["first"].startswith("frame 0 ")
    assert found["second"].startswith("frame 1 ")
    assert found["overlaid"]
    assert found["other"] == "u"


def test_page_and_papers_have_the_same_colours():
    style, _, _ = environment("fgstp.reporting").loader.get_source(None, "report.css")
    light = style[: style.index("@media")]
    assert tuple(re.findall(r"--c\d: (#\w{6})", light)) == COLOURS
