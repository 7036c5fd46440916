"""What an exported file tells of its model."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from fgstp.core.errors import UserError

KEY = "fgstp"  # under which the facts stand in the metadata of the file
VERSION = 1


class ExportFacts(BaseModel):
    """What is known of an exported model, besides its graph.

    Attributes:
        version: of this form.
        model: name of the model.
        label: its method; see `VideoPredictor.label`.
        settings: its settings, with the size and the normalisation of the network.
        frame_threshold: score from which a frame is taken to hold gas, if that is known.
        fingerprint: see `VideoPredictor.fingerprint`.
        shown: what the network is shown; see `fgstp.models.blocks.steps.Step`.
        offsets_frames: offsets from a frame to its neighbours.
        context_frames: frames before a frame on which its prediction depends; None: all of them.
        delay_frames: frames after a frame that are pushed before its prediction comes.
        versions: versions of Python and packages that exported it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = VERSION
    model: str
    label: str
    settings: dict[str, Any]
    frame_threshold: float | None
    fingerprint: str | None
    shown: Literal["grey", "residuals", "statistics", "window", "flow"]
    offsets_frames: tuple[int, ...]
    context_frames: float | None
    delay_frames: int
    versions: dict[str, str]


def read_facts(text: str | None, path: Path) -> ExportFacts:
    """Parse the facts of a file.

    Args:
        text: JSON under `KEY` in its metadata; None if there is none.
        path: the file, for messages.

    Raises:
        UserError: the file is none of this project, of a newer version, or damaged.
    """
    if text is None:
        raise UserError(
            f"{path} was not exported by this project; `fgstp export` makes such files."
        )
    try:
        values = json.loads(text)
        if values["version"] > VERSION:
            raise UserError(
                f"{path} was exported by a newer version of fgstp; upgrade fgstp, or export the "
                "model again by this one."
            )
        return ExportFacts.model_validate(values)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise damaged(path) from error


def damaged(path: Path) -> UserError:
    """The error of a file that cannot be used."""
    return UserError(f"{path} is damaged or of another kind; export the model again.")
