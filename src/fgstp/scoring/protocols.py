"""Protocols: everything that makes two scores comparable."""

import re
from types import MappingProxyType
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fgstp.core.errors import UserError

Empty = Literal["skip", "score", "credit"]


class Protocol(BaseModel):
    """How predictions are scored. Two scores compare only under equal protocols.

    Attributes:
        name: what tables call it.
        input: `soft` scores probability maps; `binary` first cuts them at the threshold, as
            if only binary pictures had been kept.
        norm: `minmax` stretches each frame to [0, 1] before anything else, a constant frame
            excepted (PySODMetrics, SLT-Net); `none` takes probabilities as they are.
        empty: frames whose mask is empty. `score` gives IoU, Dice and weighted F of 0,
            whatever is predicted (PySODMetrics). `credit` gives IoU and Dice of 1 at each
            threshold that nothing reaches and 0 else, and no weighted F, which is undefined
            there. `skip` gives no score at all. No score is NaN, which means leave out.
        average: `video` averages the frames of each video and then the videos, `frame` all
            frames alike.
        threshold: level, 0 to 255, from which a pixel is predicted as gas; it decides `iou`,
            `dice`, false alarms and binary input. None: it has to be chosen on validation
            clips (`choose_threshold`) before anything is scored.
        drop_given: leave out the first frame with gas of each clip, whose mask some models
            are given.
        drop_last: frames left out at the end of each clip, for models that look ahead.
        alarm_pixels: pixels predicted on a leak-free frame from which it is a false alarm.
        score_fraction: share of a frame's pixels, the highest, whose mean is its frame score.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    input: Literal["soft", "binary"] = "soft"
    norm: Literal["minmax", "none"] = "minmax"
    empty: Empty = "score"
    average: Literal["video", "frame"] = "video"
    threshold: int | None = Field(128, ge=0, le=255)
    drop_given: bool = False
    drop_last: int = Field(0, ge=0)
    alarm_pixels: int = Field(1, ge=1)
    score_fraction: float = Field(0.001, gt=0, le=1)

    @property
    def tuple(self) -> str:
        """All settings but the name, such as `input=soft norm=minmax ...`."""
        return " ".join(
            f"{key}={value}" for key, value in self.model_dump().items() if key != "name"
        )

    @classmethod
    def parse(cls, name: str, settings: str) -> Self:
        """The protocol that a name and a `tuple` tell, as they stand beside scores.

        Args:
            name: what tables call it.
            settings: its `tuple`.

        Raises:
            UserError: they tell no protocol.
        """
        pairs = dict(part.partition("=")[::2] for part in settings.split())
        values = {key: None if value == "None" else value for key, value in pairs.items()}
        try:
            return cls.model_validate({"name": name, **values})
        except ValidationError as error:
            raise UserError(
                f"{name} [{settings}] is no protocol: {error.errors()[0]['msg']}; scores of an "
                "older version must be made again with `kedro run --pipelines=evaluate`."
            ) from error

    def at(self, threshold: int) -> Self:
        """The same protocol at another threshold.

        Args:
            threshold: level, 0 to 255.

        Raises:
            UserError: the threshold is no whole number from 0 to 255.
        """
        if not 0 <= threshold <= 255 or int(threshold) != threshold:
            raise UserError(f"A threshold is a whole number from 0 to 255, not {threshold}.")
        return self.model_copy(update={"threshold": int(threshold)})


PAPER = Protocol(name="paper")
OPERATIONAL = Protocol(name="operational", norm="none", empty="credit", threshold=None)
PROTOCOLS = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            PAPER,
            OPERATIONAL,
            # What the paper does not say; its row is reproduced under one of these.
            Protocol(name="paper_binary", input="binary"),
            Protocol(name="paper_skip_empty", empty="skip"),
            Protocol(name="paper_per_frame", average="frame"),
        )
    }
)


def get_protocol(protocol: str | Protocol, threshold: int | None = None) -> Protocol:
    """A protocol by its name.

    Args:
        protocol: a name in `PROTOCOLS`, or a protocol, which is given back.
        threshold: replaces the protocol's own; 0 to 255.

    Raises:
        UserError: no protocol has this name, or the threshold is out of range.
    """
    if isinstance(protocol, str):
        if protocol not in PROTOCOLS:
            known = ", ".join(PROTOCOLS)
            raise UserError(f"There is no protocol {protocol!r}; there are {known}.")
        protocol = PROTOCOLS[protocol]
    return protocol if threshold is None else protocol.at(threshold)


def without_threshold(protocol_tuple: str) -> str:
    """A protocol's `tuple` with `t` for the threshold, which each training may have of its own."""
    return re.sub(r"\bthreshold=\S+", "threshold=t", protocol_tuple)


def chosen_threshold(protocol: Protocol) -> int:
    """The threshold of a protocol.

    Raises:
        UserError: it has not been chosen yet.
    """
    if protocol.threshold is None:
        raise UserError(
            f"The protocol {protocol.name} takes its threshold from validation clips: choose it"
            " with fgstp.scoring.choose_threshold and pass it as threshold=..."
        )
    return protocol.threshold
