"""Whether an interrupted training goes on, or another one begins."""

import logging
from pathlib import Path
from typing import Any

from fgstp.models.state_dicts import read_object
from fgstp.training.callbacks import RESUME, STATE

logger = logging.getLogger(__name__)


def state_to_go_on_from(folder: Path, made_with: dict[str, Any]) -> Path | None:
    """Find the state of an interrupted training, and say what will happen.

    Args:
        folder: where states are kept.
        made_with: on what the weights depend, as plain values by name.

    Returns:
        The file; None if there is none, or if it was made with something else.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    content = read_object(path)
    state = content.get(RESUME, {}) if isinstance(content, dict) else {}
    before: dict[str, Any] = state.get("made_with", {})
    changed = [
        name for name in before.keys() | made_with.keys() if before.get(name) != made_with.get(name)
    ]
    if changed:
        logger.warning(
            "An interrupted training in %s does not go on, because this changed: %s. "
            "Training begins anew.",
            folder,
            ", ".join(sorted(changed)),
        )
        return None
    logger.info("Going on after epoch %d, from %s.", state["epochs"], path)
    return path
