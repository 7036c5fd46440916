"""Protocols, which make scores comparable, and the settings of evaluation."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fgstp.core.config import Settings, faults
from fgstp.core.errors import UserError, did_you_mean
from fgstp.core.parallel import ParallelSettings

Norm = Literal["minmax", "none"]
Empty = Literal["skip", "score", "credit"]
Average = Literal["video", "frame"]


class ScoringProtocol(BaseModel):
    """How predictions are scored; only scores under equal protocols are comparable.

    Attributes:
        name: name in tables.
        input: `soft` scores probability maps, `binary` maps binarised at the threshold.
        norm: `minmax` first stretches each frame, unless it is constant, to [0, 1] (PySODMetrics,
            SLT-Net); `none` takes probabilities as they are.
        empty: rule for frames with an empty mask. `score` gives IoU, Dice and weighted F of 0
            whatever is predicted (PySODMetrics). `credit` gives IoU and Dice of 1 at each
            threshold that no pixel reaches, else 0, and no weighted F, which is undefined.
            `skip` gives no score. Missing scores are NaN.
        average: `video` averages the frames of each video, then the videos; `frame` averages all
            frames.
        threshold: level, 0 to 255, from which a pixel is predicted as gas, for `iou`, `dice`,
            false alarms and binary input. None: to be chosen on validation clips, see
            `choose_threshold`.
        drop_given: leave out the first frame with gas of each clip, whose mask some models
            receive.
        drop_last_frames: annotated frames left out at the end of each clip, for models that look
            ahead.
        alarm_px: number of pixels predicted on a frame without gas that make a false alarm.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    input: Literal["soft", "binary"] = "soft"
    norm: Norm = "minmax"
    empty: Empty = "score"
    average: Average = "video"
    threshold: int | None = Field(128, ge=0, le=255)
    drop_given: bool = False
    drop_last_frames: int = Field(0, ge=0, le=100_000)
    alarm_px: int = Field(1, ge=1, le=100_000_000)

    @property
    def settings(self) -> dict[str, Any]:
        """All fields except the name."""
        return self.model_dump(exclude={"name"})

    @property
    def columns(self) -> dict[str, Any]:
        """Columns of tables of scores: the name as `protocol`, and the settings."""
        return {"protocol": self.name, **self.settings}

    @classmethod
    def of_row(cls, row: Mapping[str, Any] | pd.Series) -> Self:
        """Make the protocol of a row with its columns.

        Raises:
            UserError: the values are invalid.
        """
        values = {name: row[name] for name in PROTOCOL_COLUMNS}
        try:
            return cls(name=values.pop("protocol"), **values)
        except ValidationError as error:
            raise UserError(
                f"The scores tell no protocol, since {faults(error, row['protocol'])}; make them "
                "again with `kedro run --pipelines=evaluate`."
            ) from error

    def at(self, threshold: int) -> Self:
        """The same protocol at another threshold.

        Raises:
            UserError: the threshold is not a whole number from 0 to 255.
        """
        if not 0 <= threshold <= 255 or int(threshold) != threshold:
            raise UserError(f"A threshold is a whole number from 0 to 255, not {threshold}.")
        return self.model_copy(update={"threshold": int(threshold)})


PROTOCOL_COLUMNS = tuple(ScoringProtocol(name="any").columns)
PAPER = ScoringProtocol(name="paper")
OPERATIONAL = ScoringProtocol(name="operational", norm="none", empty="credit", threshold=None)
PROTOCOLS = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            PAPER,
            OPERATIONAL,
            # Variants of what the paper does not state.
            ScoringProtocol(name="paper_binary", input="binary"),
            ScoringProtocol(name="paper_skip_empty", empty="skip"),
            ScoringProtocol(name="paper_per_frame", average="frame"),
        )
    }
)


def get_protocol(protocol: str | ScoringProtocol, threshold: int | None = None) -> ScoringProtocol:
    """A protocol by its name.

    Args:
        protocol: a name in `PROTOCOLS`, or a protocol, which is returned.
        threshold: replaces that of the protocol; 0 to 255.

    Raises:
        UserError: no protocol has this name, or the threshold is out of range.
    """
    if isinstance(protocol, str):
        if protocol not in PROTOCOLS:
            known, close = ", ".join(PROTOCOLS), did_you_mean(protocol, PROTOCOLS)
            raise UserError(f"There is no protocol {protocol!r}{close}; there are {known}.")
        protocol = PROTOCOLS[protocol]
    return protocol if threshold is None else protocol.at(threshold)


def _known_and_different(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or len(set(names)) < len(names):
        raise ValueError("name at least one protocol, and each once")
    try:
        return tuple(get_protocol(name).name for name in names)
    except UserError as error:
        raise ValueError(str(error).rstrip(".")) from error


class EvaluateSettings(Settings):
    """Settings of evaluation; those of a model are in its checkpoint.

    Attributes:
        checkpoint: checkpoint of the model to evaluate instead of those that were trained here,
            such as one of another footage or of `fgstp weights import`, or the name of weights
            that come with the package, such as `wisp`.
        protocols: names of the protocols to score under.
        drop_given: leave out the first frame with gas of each clip for every model, because
            some models are given its mask.
        drop_last_frames: frames left out at the end of each clip for every model.
        allow_pseudo_masks: score against masks computed from the footage.
        accelerator: device of the networks; `auto` takes a GPU if there is one.
        n_resamples: resamples of the bootstrap of the 95 % intervals.
        batch_frames: frames that a network predicts at a time; None: that of its checkpoint.
        parallel: how clips are scored in parallel.
    """

    checkpoint: Path | None = None
    protocols: Annotated[tuple[str, ...], AfterValidator(_known_and_different)] = (
        "paper",
        "operational",
    )
    drop_given: bool = True
    drop_last_frames: int = Field(0, ge=0, le=100_000)
    allow_pseudo_masks: bool = False
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    n_resamples: int = Field(1000, ge=1, le=100_000)
    batch_frames: int | None = Field(None, ge=1, le=100_000)
    parallel: ParallelSettings = ParallelSettings()
