"""The files of configuration, checked before Kedro reads them."""

from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from fgstp.core.errors import UserError, did_you_mean
from fgstp.hooks.sentences import one_line

MAX_VALUES = 100_000
SUFFIXES = {".yml", ".yaml", ".json"}


def check_configuration(source: Path | str, base: str, env: str) -> None:
    """Check that the files of an environment, and those below it, can be read.

    Args:
        source: the folder of all configuration; an archive is left to Kedro.
        base: name of the environment that is completed.
        env: name of the environment of the run.

    Raises:
        UserError: there is no such environment, or a file is invalid or grows without bounds when
            its aliases are replaced by what they stand for.
    """
    if not (folder := Path(source)).is_dir():
        return
    known = sorted(each.name for each in folder.iterdir() if each.is_dir())
    for name in (base, env):
        if not name or name not in known:
            close = did_you_mean(name, known)
            raise UserError(
                f"There is no environment {name!r}{close}; {folder} has {', '.join(known)}."
            )
        for path in sorted((folder / name).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                _check_file(path)


def _check_file(path: Path) -> None:
    try:
        text = path.read_text("utf-8")
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        n_values = _n_values(root, {}) if root is not None else 0
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise UserError(f"{path} cannot be read: {one_line(error)}; correct it.") from error
    if root is not None and not isinstance(root, MappingNode) and root.value:
        raise UserError(f"{path} must hold names with values, such as `seed: 1`; correct it.")
    if n_values > MAX_VALUES:
        raise UserError(
            f"{path} holds {n_values:.0e} values after its aliases are replaced, and at most "
            f"{MAX_VALUES} are allowed; remove aliases of aliases."
        )


def _n_values(node: Node, known: dict[int, int]) -> int:
    """Values of a node when each alias is replaced; what aliases share is counted once."""
    if id(node) not in known:
        known[id(node)] = MAX_VALUES + 1  # of a node that holds itself
        match node:
            case MappingNode():
                names = [key.value for key, _ in node.value if isinstance(key, ScalarNode)]
                if twice := {name for name in names if names.count(name) > 1}:
                    raise ValueError(f"{min(twice)} stands twice in one block")
                inner = [each for pair in node.value for each in pair]
            case SequenceNode():
                inner = node.value
            case ScalarNode() | _:
                inner = []
        known[id(node)] = 1 + sum(_n_values(each, known) for each in inner)
    return known[id(node)]
