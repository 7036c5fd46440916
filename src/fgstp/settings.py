"""Project settings; Kedro reads them when it finds the project."""

import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from kedro.config import OmegaConfigLoader

from fgstp.hooks import FootageHooks, LockHooks, MistakeHooks, RunHooks, StopHooks

# Where kedro-mlflow is installed, it warns of its own code before every command, and its hooks end
# a run when MLflow is away; ours do not.
with warnings.catch_warnings(record=True), suppress(ImportError):
    import kedro_mlflow.mlflow  # noqa: F401
DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow",)
HOOKS = (MistakeHooks(), FootageHooks(), LockHooks(), RunHooks(), StopHooks())


def _chosen_environment() -> str:
    """Environment of `kedro run` without `--env`, the same as DVC's."""
    choice = Path(__file__).parents[2] / "conf" / "dvc.yml"
    try:
        return str(yaml.safe_load(choice.read_text("utf-8"))["env"]) if choice.is_file() else "demo"
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):  # no command runs yet
        raise SystemExit(f"Error: {choice} names no environment; write `env: demo`.") from None


CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS: dict[str, Any] = {
    "base_env": "base",
    "default_run_env": _chosen_environment(),
    # An environment changes single settings and keeps the others.
    "merge_strategy": {"parameters": "soft"},
}
