"""Packages import downwards only, Kedro and MLflow stay at the top, and `import fgstp` is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src/fgstp"
# What each package may import of the others.
BELOW = {
    "core": set(),
    "plumes": {"core"},
    "footage": {"core", "plumes"},
    "models": {"core", "footage", "plumes"},
    "training": {"core", "footage", "models"},
    "inference": {"core", "footage", "models"},
    "detection": {"core", "footage", "models"},
    "scoring": {"core", "footage", "plumes"},
    "adaptation": {"core", "footage", "plumes", "models", "training", "inference", "scoring"},
    "reporting": {"core", "footage", "models", "scoring"},
}
# What knows Kedro and MLflow, and may import every package.
FRAMEWORK = {"datasets", "pipelines", "hooks", "settings.py", "pipeline_registry.py"}
FACE = {"__init__.py", "__main__.py", "cli"}


def _imports(path):
    """Names of the modules that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(part):
    path = SOURCE / part
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def test_every_package_has_a_rule():
    parts = {
        path.name for path in SOURCE.iterdir() if path.suffix == ".py" or any(path.glob("*.py"))
    }
    assert parts <= set(BELOW) | FRAMEWORK | FACE


@pytest.mark.parametrize("package", BELOW)
def test_packages_import_downwards_only(package):
    for path in _files(package):
        for name in _imports(path):
            top, _, rest = name.partition(".")
            below = rest.partition(".")[0]
            if top == "fgstp" and below != "__version__":
                assert below in {package, *BELOW[package]}, f"{path} imports {name}"


@pytest.mark.parametrize("part", [*BELOW, *sorted(FACE)])
def test_only_the_framework_knows_kedro_and_mlflow(part):
    for path in _files(part):
        tops = {name.partition(".")[0] for name in _imports(path)}
        assert not tops & {"kedro", "kedro_mlflow", "kedro_datasets", "mlflow", "dvc"}, path


def test_import_fgstp_loads_nothing_heavy():
    heavy = {"torch", "pandas", "lightning", "matplotlib", "cv2", "numpy", "pydantic", "kedro"}
    code = "import sys, fgstp; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not heavy & set(answer.stdout.split())
