"""Project settings; Kedro reads them when it finds the project."""

import os
import warnings
from pathlib import Path

import yaml
from kedro.config import OmegaConfigLoader
from omegaconf.resolvers import oc

from fgstp.hooks import MistakeHooks, RunHooks, StopHooks

with warnings.catch_warnings(record=True):  # about its own code, before every command
    import kedro_mlflow.mlflow  # noqa: F401

# Of processes that a launcher started together, the first one records the run.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow",) if int(os.environ.get("RANK", "0")) else ()
HOOKS = (MistakeHooks(), RunHooks(), StopHooks())


def _chosen_environment() -> str:
    """Environment of `kedro run` without `--env`, the same as DVC's."""
    choice = Path(__file__).parents[2] / "conf" / "dvc.yml"
    try:
        return str(yaml.safe_load(choice.read_text("utf-8"))["env"]) if choice.is_file() else "demo"
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):  # no command runs yet
        raise SystemExit(f"Error: {choice} names no environment; write `env: demo`.") from None


CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": _chosen_environment(),
    "config_patterns": {"mlflow": ["mlflow*"]},
    # An environment changes single settings and keeps the others.
    "merge_strategy": {"parameters": "soft", "mlflow": "soft"},
    "custom_resolvers": {"oc.env": oc.env},
}
