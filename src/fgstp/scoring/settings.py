"""Settings of evaluation, checked before anything runs."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from fgstp.core.config import Settings
from fgstp.core.errors import UserError
from fgstp.core.parallel import ParallelSettings
from fgstp.scoring.protocols import get_protocol


def _known_and_different(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or len(set(names)) < len(names):
        raise ValueError("name at least one protocol, and each once")
    try:
        return tuple(get_protocol(name).name for name in names)
    except UserError as error:
        raise ValueError(str(error).rstrip(".")) from error


ProtocolNames = Annotated[tuple[str, ...], AfterValidator(_known_and_different)]


class EvaluateSettings(Settings):
    """How trained models are evaluated. A model's own settings are in its checkpoint.

    Attributes:
        protocols: names of the protocols to score under.
        drop_given: leave out the first frame with gas of each clip for every model, because
            some models are given its mask.
        drop_last_frames: frames at the end of each clip that are scored for no model.
        allow_pseudo_masks: score against masks computed from the footage.
        accelerator: where the networks predict; `auto` takes a GPU where there is one.
        n_resamples: of the bootstrap of the summaries' intervals of 95 %.
        batch_frames: frames that a network predicts at a time; None: as it was trained with.
        parallel: how clips are scored at the same time.
    """

    protocols: ProtocolNames = ("paper", "operational")
    drop_given: bool = True
    drop_last_frames: int = Field(0, ge=0)
    allow_pseudo_masks: bool = False
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    n_resamples: int = Field(1000, ge=1)
    batch_frames: int | None = Field(None, ge=1)
    parallel: ParallelSettings = ParallelSettings()
