"""Reading weights with a card, such as those that come with the package; see `shipped_files`."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load

from fgstp.core.errors import UserError
from fgstp.core.fingerprint import content_hash
from fgstp.models.checkpoint import Checkpoint
from fgstp.models.shipped_files import mend, read_card, weights_file


def read_shipped(name: Path | str) -> Checkpoint:
    """Read weights with a card.

    Args:
        name: name of weights that come with the package, or a file that `write_shipped` wrote.

    Raises:
        UserError: a file is missing or damaged.
    """
    card, path = read_card(name), weights_file(Path(name))
    try:
        content = path.read_bytes()
        weights = load(content)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read; {mend(path)}.") from error
    if content_hash([path]) != card.sha256:
        raise UserError(f"{path} is not the file of its card; {mend(path)}.")
    return Checkpoint(card.model, card.settings, weights, card.versions, card.facts)
