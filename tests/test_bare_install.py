"""The package without its extras, in an environment of its own."""

import subprocess
import venv
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_bare_package_finds_a_leak_without_torch(tmp_path):
    venv.create(tmp_path / "bare", with_pip=True)
    programs = tmp_path / "bare" / "bin"

    def run(program, *arguments):
        return subprocess.run(
            [programs / program, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    installed = run("python", "-m", "pip", "install", "--quiet", str(REPOSITORY))
    assert installed.returncode == 0, installed.stderr
    assert run("python", "-c", "import torch").returncode == 1

    video = ["--category", "close_clear", "--seed", "3", "--seconds", "40"]
    rendered = run("fgstp", "plumes", "render", *video, "--out", "leak.mkv")
    assert rendered.returncode == 0, rendered.stderr
    detected = run("fgstp", "detect", "leak.mkv", "--save")
    assert detected.returncode == 0, detected.stderr
    assert "event" in detected.stdout
    assert (tmp_path / "runs" / "detect" / "leak" / "overlay.webm").stat().st_size > 0

    adapted = run("fgstp", "adapt", "leak.mkv", "--out", "site.ckpt")
    assert adapted.returncode == 1
    assert "Traceback" not in adapted.stderr
    assert 'pip install "fgstp[' in adapted.stderr
