"""The files that images are built from: they name what there is, and run as nobody's root."""

import json
import re
import tomllib
from pathlib import PurePosixPath

import pytest

from fgstp.footage.encoding import ENCODERS

FILES = ("Dockerfile", "Dockerfile.training")


def _steps(path):
    """Instructions and their arguments, in order; lines that go on are put together."""
    text = re.sub(r"^#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line.strip()]


@pytest.fixture(params=FILES)
def steps(request, repository):
    return _steps(repository / "deploy" / request.param)


def _all(steps, wanted):
    return [argument for instruction, argument in steps if instruction == wanted]


def test_bases_are_pinned_and_fit_the_python_of_the_package(steps, repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))["project"]
    bases = [each.split()[0] for each in _all(steps, "FROM")]
    assert len(set(bases)) == 1  # what one stage builds runs in the next
    python = re.fullmatch(r"python:(3\.\d+)-slim-[a-z]+", bases[0])
    assert python[1] == project["requires-python"].removeprefix(">=")


def test_an_image_starts_a_command_of_the_package_and_not_as_root(steps, repository):
    final = steps[max(n for n, (name, _) in enumerate(steps) if name == "FROM") :]
    [user] = _all(final, "USER")
    assert int(user) > 0
    assert f"useradd --uid {user}" in " ".join(_all(final, "RUN"))
    [entry] = map(json.loads, _all(final, "ENTRYPOINT"))
    assert entry in (["fgstp"], ["kedro"])
    names = [name for name, _ in final]
    assert "RUN" not in names[names.index("USER") :]


def test_what_is_copied_is_there_and_is_sent(steps, repository):
    ignored = (repository / ".dockerignore").read_text("utf-8").splitlines()
    sent = [PurePosixPath(line[1:]) for line in ignored if line.startswith("!")]
    assert "*" in ignored  # all that is not named stays outside
    copies = [each.split()[:-1] for each in _all(steps, "COPY") if "--from=" not in each]
    copied = [PurePosixPath(source) for sources in copies for source in sources]
    assert copied
    for source in copied:
        assert (repository / source).exists()
        assert any(source.is_relative_to(each) for each in sent)


def test_the_extras_of_an_image_are_those_of_the_package(steps, repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))["project"]
    defaults = dict(each.split("=", 1) for each in _all(steps, "ARG") if "=" in each)
    [extras] = re.findall(r'"\.\[(.+?)\]"', " ".join(_all(steps, "RUN")))
    extras = re.sub(r"\$\{(\w+)\}", lambda found: defaults[found[1]], extras)
    assert set(extras.split(",")) <= set(project["optional-dependencies"])


def test_the_image_for_detection_has_no_codec_under_the_gpl(repository):
    run = " ".join(_all(_steps(repository / "deploy/Dockerfile"), "RUN"))
    assert {"--disable-gpl", "--disable-nonfree", "--disable-autodetect"} <= set(run.split())
    assert not re.search(r"--enable-(?:gpl|nonfree|lib(?:x26[45]|xvid))", run)
    assert "--no-binary av " in run
    # Overlays and clips can be written all the same, and what cannot is told by `check_encoder`.
    [encoders] = re.findall(r"--enable-encoder=(\S+)", run)
    assert ENCODERS["webm"].codec.replace("-", "_") in encoders.split(",")


def test_the_image_of_the_jobs_is_the_one_for_detection(repository):
    first_lines = (repository / "deploy/Dockerfile").read_text("utf-8").partition("FROM")[0]
    [tag] = re.findall(r"--tag (\S+)", first_lines)
    for name in ("detect", "merge"):
        assert f"image: {tag}\n" in (repository / f"deploy/kubernetes/{name}.yml").read_text()
