"""Kedro's commands, which end in one sentence at a mistake of the user."""

import os
from collections.abc import Iterable, Mapping
from copy import copy
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, cast

import click
from kedro import runner as runners
from kedro.framework.cli.cli import project_commands
from kedro.framework.cli.utils import load_entry_points
from kedro.framework.project import pipelines, settings
from kedro.framework.session import KedroSession
from kedro.framework.startup import ProjectMetadata
from kedro.utils import load_obj

from fgstp import pipelines as package
from fgstp.core.errors import UserError, did_you_mean
from fgstp.hooks.configuration import check_configuration
from fgstp.hooks.sentences import in_a_sentence


def kedro_group(own: click.Group) -> click.Group:
    """What this project adds to Kedro's command line: its own commands, and all others as here.

    Kedro asks it for each command that needs a project. It asks other plug-ins, such as Kedro-Viz,
    before it, so that their commands are replaced where they stand.
    """
    for plugin in load_entry_points("global"):
        plugin.commands = {
            name: _reporting(each, of_plugin=True) for name, each in plugin.commands.items()
        }
    return _Project(own)


class _Project(click.Group):
    """Commands that report mistakes; only those of this project are listed."""

    def __init__(self, own: click.Group) -> None:
        super().__init__("cli", own.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        others = iter([*load_entry_points("project"), project_commands])
        while command is None and (group := next(others, None)):
            command = group.get_command(ctx, cmd_name)
        return command and _reporting(command)


def _reporting(command: click.Command, *, of_plugin: bool = False) -> click.Command:
    """The same command, which reports mistakes; so do the commands of a group."""
    if isinstance(command, _Reporting):
        return command
    kind, own = type(command), copy(command)
    bases = (_ReportingGroup, kind) if isinstance(command, click.Group) else (_Reporting, kind)
    own.__class__ = type("Command", bases, {"of_plugin": of_plugin})
    return own


class _Reporting(click.Command):
    """Reports every mistake of the user without a traceback."""

    of_plugin: bool

    def make_context(self, *given: Any, **named: Any) -> click.Context:  # noqa: ANN401
        with in_a_sentence():
            return super().make_context(*given, **named)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        with in_a_sentence():
            is_command = not isinstance(self, click.Group)
            _check_place(ctx, reads=is_command and ("env" in ctx.params or self.of_plugin))
            _check_pipelines(ctx.params)
            if "pipelines" in ctx.params:
                _check_run(ctx.params)
            if is_command and self.of_plugin:
                _check_catalog(ctx.params)
            return super().invoke(ctx)


class _ReportingGroup(_Reporting, click.Group):
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        return command and _reporting(command, of_plugin=self.of_plugin)


def _check_place(ctx: click.Context, *, reads: bool) -> None:
    """Check the folder in which the command runs, and the configuration if it reads that."""
    project, loader = ctx.find_object(ProjectMetadata), settings.CONFIG_LOADER_ARGS
    if project is None:
        return
    if Path.cwd().resolve() != project.project_path.resolve():
        raise UserError(f"Kedro runs in the folder of the project; `cd {project.project_path}`.")
    if reads:
        source = ctx.params.get("conf_source") or project.project_path / settings.CONF_SOURCE
        env = ctx.params.get("env") or os.environ.get("KEDRO_ENV") or loader["default_run_env"]
        check_configuration(source, loader["base_env"], env)


def _check_pipelines(options: Mapping[str, Any]) -> None:
    """Check the names of pipelines, which Kedro would take for names of modules."""
    given = [options.get(name) or [] for name in ("pipeline", "pipelines")]
    names = [name for each in given for name in ([each] if isinstance(each, str) else each)]
    known = [found.name for found in iter_modules(package.__path__) if found.ispkg]
    _check("pipeline", names, [*known, "__default__"])


def _check_catalog(options: Mapping[str, Any]) -> None:
    """Load settings and catalog here: Kedro-Viz does so in a process whose end it does not see."""
    env, params = options.get("env"), options.get("params")
    with KedroSession.create(Path.cwd(), env=env, runtime_params=params) as session:
        catalog = cast(KedroSession, session).load_context().catalog
        for name in catalog:
            catalog.get(name)


def _check_run(options: Mapping[str, Any]) -> None:
    """Check the other names that options of a run give, and suggest what may have been meant.

    Raises:
        UserError: there is no such runner, node or dataset.
    """
    _check_runner(options["runner"] or "SequentialRunner")
    names = [options["pipeline"]] if options["pipeline"] else options["pipelines"]
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
