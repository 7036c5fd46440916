"""What made a result: the commit of the project, and the versions of packages."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("fgstp", "torch", "timm", "lightning", "numpy", "opencv-python", "av", "kedro")


class GitState(NamedTuple):
    """Commit of a working tree, and whether it holds changes that are in none."""

    commit: str
    is_dirty: bool


def git_state(folder: Path) -> GitState | None:
    """State of the working tree that a folder is in; None outside a git repository."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return GitState(commit, bool(_git(folder, "status", "--porcelain")))


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()


def package_versions() -> dict[str, str]:
    """Versions of Python and of those of `PACKAGES` that are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
