"""Kedro's commands, which end in one sentence at a mistake of the user."""

import os
from collections.abc import Iterable, Mapping
from copy import copy
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import click
from kedro import runner as runners
from kedro.framework.cli.cli import project_commands
from kedro.framework.project import pipelines, settings
from kedro.framework.startup import ProjectMetadata
from kedro.utils import load_obj

from fgstp import pipelines as package
from fgstp.core.errors import UserError, did_you_mean
from fgstp.hooks.configuration import check_configuration
from fgstp.hooks.sentences import in_a_sentence


def kedro_command(context: click.Context, name: str) -> click.Command | None:
    """A command of Kedro, such as `run`, that checks its options; None if there is none."""
    command = project_commands.get_command(context, name)
    if command is None:
        return None
    own = copy(command)
    own.__class__ = type("Command", (_Reporting, type(command)), {})
    return own


class _Reporting(click.Command):
    """Reports every mistake of the user without a traceback."""

    def make_context(self, *given: Any, **named: Any) -> click.Context:  # noqa: ANN401
        with in_a_sentence():
            return super().make_context(*given, **named)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        with in_a_sentence():
            _check_place(ctx)
            if "pipelines" in ctx.params:
                _check_run(ctx.params)
            return super().invoke(ctx)


def _check_place(ctx: click.Context) -> None:
    """Check the folder in which the command runs, and the configuration that it reads."""
    project, loader = ctx.find_object(ProjectMetadata), settings.CONFIG_LOADER_ARGS
    if project is None:
        return
    if Path.cwd().resolve() != project.project_path.resolve():
        raise UserError(f"Kedro runs in the folder of the project; `cd {project.project_path}`.")
    if "env" in ctx.params:
        source = ctx.params.get("conf_source") or project.project_path / settings.CONF_SOURCE
        env = ctx.params["env"] or os.environ.get("KEDRO_ENV") or loader["default_run_env"]
        check_configuration(source, loader["base_env"], env)


def _check_run(options: Mapping[str, Any]) -> None:
    """Check the names that options give, and suggest what may have been meant.

    Raises:
        UserError: there is no such runner, pipeline, node or dataset.
    """
    _check_runner(options["runner"] or "SequentialRunner")
    names = [options["pipeline"]] if options["pipeline"] else options["pipelines"]
    all_names = [found.name for found in iter_modules(package.__path__) if found.ispkg]
    _check("pipeline", names, [*all_names, "__default__"])
    chosen = [*options["node_names"], *options["from_nodes"], *options["to_nodes"]]
    data = [*options["from_inputs"], *options["to_outputs"]]
    if chosen or data:
        pipelines.set_requested(names or None)
        combined = [pipelines[name] for name in names or ["__default__"]]
        _check("node", chosen, {node.name for each in combined for node in each.nodes})
        _check("dataset", data, {name for each in combined for name in each.datasets()})


def _check_runner(name: str) -> None:
    known = [name for name in runners.__all__ if name.endswith("Runner")][1:]  # not the abstract
    if "." not in name:
        _check("runner", [name], known)
    try:
        load_obj(name, "kedro.runner")
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"There is no runner {name!r} ({error}).") from error


def _check(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    names = sorted(known)
    for name in given:
        if name not in names:
            close = did_you_mean(name, names)
            raise UserError(
                f"There is no {what} {name!r}{close}; choose one of {', '.join(names)}."
            )
