"""The footage that scores are of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fgstp.core.errors import UserError
from fgstp.footage.clip_store import ClipStore
from fgstp.footage.masked_clips import digest, masked_clips
from fgstp.reporting import published


@dataclass(frozen=True)
class ScoredFootage:
    """What was scored, and against which masks.

    Attributes:
        name: such as `GasVid` or `synthetic plumes`.
        mask_sources: kinds of masks: `annotated`, `synthetic` or `pseudo`.
    """

    name: str
    mask_sources: tuple[str, ...]

    @classmethod
    def of(cls, name: str, mask_sources: Iterable[str]) -> "ScoredFootage":
        """The footage, its mask sources sorted and each named once."""
        return cls(name, tuple(sorted(set(mask_sources))))

    @property
    def is_the_papers(self) -> bool:
        """Whether footage and masks are of the kind that the paper scores."""
        return self.name.casefold() == published.DATA.casefold() and self.mask_sources == (
            published.MASK_SOURCE,
        )

    @property
    def masks(self) -> str:
        """Its mask sources in words; that several are mixed is said."""
        if not self.mask_sources:
            return "masks of unknown source"
        if len(self.mask_sources) == 1:
            return f"{self.mask_sources[0]} masks"
        *others, last = self.mask_sources
        return f"masks of mixed sources ({', '.join(others)} and {last})"


def same_footage(scores: Mapping[str, Mapping[str, Any]]) -> ScoredFootage:
    """The footage that all models were scored on.

    Args:
        scores: by model, `footage`, `mask_sources` and `footage_sha256`.

    Returns:
        The footage.

    Raises:
        UserError: there are no scores, or two models were scored on different frames or masks.
    """
    if not scores:
        raise UserError("No model has been evaluated; run `kedro run --pipelines=evaluate`.")
    first, *others = scores
    for other in others:
        if scores[other]["footage_sha256"] != scores[first]["footage_sha256"]:
            raise UserError(
                f"{first} and {other} were scored on different clips, so they do not compare; "
                "evaluate the older one again with `kedro run --pipelines=evaluate "
                f"--params=model=NAME`, or remove its files under 08_reporting."
            )
    return ScoredFootage.of(scores[first]["footage"], scores[first]["mask_sources"])


def check_unchanged(
    scores: Mapping[str, Mapping[str, Any]], clips: pd.DataFrame, store: ClipStore
) -> None:
    """See that the clips are those that were scored, before anything of both is drawn.

    Args:
        scores: by model, `footage_sha256`.
        clips: the clip table.
        store: where the clips lie.

    Raises:
        UserError: they are others.
    """
    test = masked_clips(clips, store, "test", allow_pseudo_masks=True, setting="")
    now = digest(test, store)
    for model, facts in scores.items():
        if facts["footage_sha256"] != now:
            raise UserError(
                f"The clips are not those that {model} was scored on; run "
                f"`kedro run --pipelines=evaluate --params=model={model}` again."
            )
