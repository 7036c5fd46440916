"""Weights that come with the package: a file of weights, the network as ONNX, and a card."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from fgstp.core.errors import UserError

WEIGHTS, GRAPH, CARD = ".safetensors", ".onnx", ".json"


class Card(BaseModel):
    """What is known of shipped weights.

    Attributes:
        name: their name, such as `wisp-1`.
        model: name of the model.
        settings: its settings.
        licence: licence of the weights.
        sha256: SHA-256 of the file of the weights.
        trainings: validation scores of all seeds by number; the best one is shipped.
        facts: what its training recorded, such as the threshold of frame scores.
        versions: versions of Python and packages.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    model: str
    settings: dict[str, Any]
    licence: str
    sha256: str
    trainings: dict[int, dict[str, float]]
    facts: dict[str, Any]
    versions: dict[str, str]


def folder() -> Path:
    """Folder of the shipped weights in the installed package."""
    return Path(str(files("fgstp"))) / "weights"


def list_shipped() -> list[str]:
    """Names of all shipped weights, such as `wisp-1`, sorted.

    Example:
        >>> from fgstp.models.shipped_files import list_shipped
        >>> isinstance(list_shipped(), list)
        True
    """
    return sorted(path.stem for path in folder().glob(f"*{CARD}"))


def find_shipped(name: str) -> str | None:
    """Full name of shipped weights: `wisp-1` for itself and, as the newest, for `wisp`.

    None if there are no such weights, or a file of that name, which comes first.
    """
    if Path(name).exists():
        return None
    every = list_shipped()
    versions = [each for each in every if each.rpartition("-")[0] == name]
    newest = max(versions, key=lambda each: int(each.rpartition("-")[2]), default=None)
    return name if name in every else newest


def weights_file(path: Path) -> Path:
    """The file of the shipped weights of this name, or the path itself if there are none."""
    name = find_shipped(str(path))
    return folder() / f"{name}{WEIGHTS}" if name else path


def graph_file(name: str) -> Path | None:
    """The exported network of the shipped weights of this name; None if there is none."""
    full = find_shipped(name)
    path = folder() / f"{full}{GRAPH}"
    return path if full and path.is_file() else None


def is_shipped(path: Path | str) -> bool:
    """Whether this names weights with a card: some of the package, or a file of weights."""
    return find_shipped(str(path)) is not None or Path(path).suffix == WEIGHTS


def read_card(name: Path | str) -> Card:
    """Read the card of weights of the package, by their name, or of a file of weights, beside it.

    Raises:
        UserError: it cannot be read.
    """
    path = weights_file(Path(name)).with_suffix(CARD)
    try:
        return Card.model_validate_json(path.read_text("utf-8"))
    except (OSError, ValidationError) as error:
        raise UserError(f"{path} cannot be read; {mend(path)}.") from error


def mend(path: Path) -> str:
    """How to mend a file of weights or a card."""
    if path.parent == folder():
        return "install the package again"
    return f"copy the files {WEIGHTS} and {CARD} of the model again"
