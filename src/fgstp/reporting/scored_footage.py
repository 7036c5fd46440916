"""The footage that was scored."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from fgstp.core.errors import UserError
from fgstp.footage.clip_table import digest, masked_clips
from fgstp.footage.video_store import VideoStore
from fgstp.reporting import published


class ScoredFootage(NamedTuple):
    """What was scored, and with which masks.

    Attributes:
        name: name of the data, such as `GasVid` or `synthetic plumes`.
        mask_sources: kinds of masks, sorted: `annotated`, `synthetic` or `pseudo`.
    """

    name: str
    mask_sources: tuple[str, ...]

    @classmethod
    def of(cls, name: str, mask_sources: Iterable[str]) -> "ScoredFootage":
        """The footage; its mask sources may be given in any order and with repetitions."""
        return cls(name, tuple(sorted(set(mask_sources))))

    @property
    def is_the_papers(self) -> bool:
        """Whether footage and masks are of the kind that the paper scores."""
        return self.name.casefold() == published.DATA.casefold() and self.mask_sources == (
            published.MASK_SOURCE,
        )

    @property
    def masks(self) -> str:
        """The mask sources in words."""
        if not self.mask_sources:
            return "masks of unknown source"
        if len(self.mask_sources) == 1:
            return f"{self.mask_sources[0]} masks"
        *others, last = self.mask_sources
        return f"masks of mixed sources ({', '.join(others)} and {last})"


def same_footage(facts: Mapping[str, Mapping[str, Any]]) -> ScoredFootage:
    """The footage that all models were scored on.

    Args:
        facts: by model: `footage`, `mask_sources` and `footage_sha256`.

    Raises:
        UserError: there are no models, or two were scored on different frames or masks.
    """
    if not facts:
        raise UserError("No model has been evaluated; run `kedro run --pipelines=evaluate`.")
    first, *others = facts
    for other in others:
        if facts[other]["footage_sha256"] != facts[first]["footage_sha256"]:
            raise UserError(
                f"{first} and {other} were scored on different clips, so they are not comparable; "
                "evaluate the older one again with `kedro run --pipelines=evaluate "
                "--params=model=NAME`, or remove its files under 08_reporting."
            )
    return ScoredFootage.of(facts[first]["footage"], facts[first]["mask_sources"])


def check_unchanged(
    facts: Mapping[str, Mapping[str, Any]], clips: pd.DataFrame, store: VideoStore
) -> list[str]:
    """Check that the test clips are those that were scored.

    Args:
        facts: by model: `footage_sha256`.
        clips: clip table.
        store: the videos.

    Returns:
        The ids of the test clips.

    Raises:
        UserError: clips were added, removed or changed.
    """
    test = masked_clips(clips, store, "test", allow_pseudo_masks=True, setting="")
    now = digest(test)
    for model, own in facts.items():
        if own["footage_sha256"] != now:
            raise UserError(
                f"The clips differ from those that {model} was scored on; run "
                f"`kedro run --pipelines=evaluate --params=model={model}` again."
            )
    return [clip.name for clip in test]
