"""Project settings; Kedro reads them when it finds the project."""

from pathlib import Path

import yaml
from kedro.config import OmegaConfigLoader

from fgstp.hooks import MistakeHooks, RunHooks, StopHooks

# Where it is installed: RunHooks records instead, and goes on when MLflow is away.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow",)
HOOKS = (MistakeHooks(), RunHooks(), StopHooks())


def _chosen_environment() -> str:
    """Environment of `kedro run` without `--env`, the same as DVC's."""
    choice = Path(__file__).parents[2] / "conf" / "dvc.yml"
    return str(yaml.safe_load(choice.read_text("utf-8"))["env"]) if choice.is_file() else "demo"


CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": _chosen_environment(),
    # An environment changes single settings and keeps the others.
    "merge_strategy": {"parameters": "soft"},
}
