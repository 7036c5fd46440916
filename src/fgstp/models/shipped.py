"""Reading weights that come with the package; see `shipped_files`."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load

from fgstp.core.errors import UserError
from fgstp.core.fingerprint import content_hash
from fgstp.models.checkpoint import Checkpoint
from fgstp.models.shipped_files import read_card, weights_file


def read_shipped(name: str) -> Checkpoint:
    """Read shipped weights by their full name.

    Raises:
        UserError: a file is missing or damaged.
    """
    card, path = read_card(name), weights_file(Path(name))
    try:
        content = path.read_bytes()
        weights = load(content)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read; install the package again.") from error
    if content_hash([path]) != card.sha256:
        raise UserError(f"{path} is not the file of its card; install the package again.")
    return Checkpoint(card.model, card.settings, weights, card.versions, card.facts)
