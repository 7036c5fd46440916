"""The documentation holds: links lead somewhere, commands parse, and Python blocks run."""

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from fgstp.cli import main
from fgstp.models.shipped_files import list_shipped, read_card

REPOSITORY = Path(__file__).parents[1]
PAGES = sorted(
    [
        *REPOSITORY.glob("*.md"),
        *REPOSITORY.glob("docs/*.md"),
        REPOSITORY / "benchmarks/README.md",
        REPOSITORY / "data/01_raw/README.md",
    ]
)
BLOCK = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OTHER_PROGRAMS = {"cat", "docker", "dvc", "export", "kubectl", "mlflow", "pre-commit", "sbatch"}
OTHER_PROGRAMS |= {"curl", "source"}

by_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix()
)


def _blocks(page, language):
    return [
        (mark.strip(), text)
        for found, mark, text in BLOCK.findall(page.read_text("utf-8"))
        if found == language
    ]


def _prose(page):
    """A page without its code."""
    return re.sub(r"`[^`\n]*`", "", BLOCK.sub("", page.read_text("utf-8")))


def _anchors(page):
    """Anchors that GitHub makes of the headings of a page."""
    text = BLOCK.sub("", page.read_text("utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@by_page
def test_links_lead_to_files_and_headings(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target), link


@by_page
def test_every_page_is_linked_from_the_readme(page):
    name = page.relative_to(REPOSITORY).as_posix()
    if name not in ("README.md", "data/01_raw/README.md"):
        assert f"]({name})" in (REPOSITORY / "README.md").read_text("utf-8")


# ----------------------------------------------------------------------------- commands


def _commands(page):
    indented = re.findall(
        r"^ {4}((?:PYTHONPATH=\S+ )?(?:\S*python|kedro|fgstp) .*)$", _prose(page), re.M
    )
    whole = (text.replace("\\\n", " ") for _, text in _blocks(page, "sh"))
    fenced = [line for text in whole for line in text.splitlines()]
    for line in (*fenced, *indented):
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=\S+", words[0]):
            del words[0]
        if words:
            yield words


@by_page
def test_commands_are_known(page):
    for program, *arguments in _commands(page):
        match Path(program).name:
            case "make":
                _check_make(arguments)
            case "fgstp":
                _check_fgstp(arguments)
            case "kedro":
                _check_kedro(arguments)
            case "python":
                assert arguments[0] == "-m" or (REPOSITORY / arguments[0]).is_file(), arguments
            case "pip":
                assert arguments[0] == "install"
            case name:
                assert name in OTHER_PROGRAMS, program


def _check_make(arguments):
    targets = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert set(arguments) <= set(targets)


def _check_fgstp(arguments):
    """Parse the arguments by the real commands, without running them."""
    command, name = main, "fgstp"
    while isinstance(command, click.Group):
        name, *arguments = arguments
        assert name in command.commands, name
        command = command.commands[name]
    command.make_context(name, arguments)


def _check_kedro(arguments):
    if arguments[0] == "viz":
        return
    assert arguments[0] == "run"
    pipelines = {path.parent.name for path in REPOSITORY.glob("src/fgstp/pipelines/*/pipeline.py")}
    for argument in arguments[1:]:
        option, _, value = argument.partition("=")
        match option:
            case "--pipelines" | "--pipeline":
                assert set(value.split(",")) <= pipelines, argument
            case "--env":
                assert (REPOSITORY / "conf" / value).is_dir(), argument
            case "--params":
                for pair in value.split(","):
                    _check_parameter(*pair.split("=", 1))
            case _:
                pytest.fail(f"kedro run has no {option} here")


def _check_parameter(key, value):
    """A parameter of one run that the settings know."""
    from fgstp.footage.settings import IngestSettings
    from fgstp.models.registry import model_settings
    from fgstp.scoring.protocols import EvaluateSettings
    from fgstp.training.settings import TrainSettings

    blocks = {"ingest": IngestSettings, "train": TrainSettings, "evaluate": EvaluateSettings}
    block, *keys = key.split(".")
    settings = yaml.safe_load(value)
    for name in reversed(keys):
        settings = {name: settings}
    if block in blocks:
        required = {"source": "gasvid"} if block == "ingest" else {}
        blocks[block].model_validate(required | settings)
    elif block == "models":
        [(model, values)] = settings.items()
        model_settings(model, values)
    elif block == "model":
        model_settings(value, {})
    else:
        assert block in ("data", "seed"), key


# ------------------------------------------------------------------------------- Python


@by_page
def test_python_blocks_compile(page):
    for mark, text in _blocks(page, "python"):
        assert mark in ("", "no-run"), mark
        compile(text, str(page), "exec")


@by_page
def test_python_blocks_run(page, desk, monkeypatch):
    """The blocks of a page run one after the other, among the files that they name."""
    blocks = [text for mark, text in _blocks(page, "python") if mark != "no-run"]
    monkeypatch.chdir(desk)
    names = {}
    for text in blocks:
        exec(compile(text, str(page), "exec"), names)


@pytest.mark.parametrize("name", list_shipped())
def test_the_model_card_tells_the_scores_of_the_weights_that_are_shipped(name):
    card, page = read_card(name), REPOSITORY / f"docs/{name.rpartition('-')[0]}_card.md"
    text = page.read_text("utf-8")
    assert name in text
    for score, value in card.facts["scores"].items():
        assert re.search(rf"`{score}`.*\| {value:.3f} \|", text), score
