"""Footage and summaries of all models, checked and selected for tables."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from fgstp.core.errors import UserError
from fgstp.footage.clip_table import digest, kept_clips
from fgstp.footage.video_store import VideoStore
from fgstp.models.registry import model_infos
from fgstp.reporting.tables import Column, columns_of
from fgstp.scoring.protocols import PROTOCOLS, ScoringProtocol
from fgstp.scoring.results import GROUPS
from fgstp.scoring.summary import ALL, SUMMARY_COLUMNS

Facts = Mapping[str, Mapping[str, Any]]  # by model: the file of its scores

COLUMNS = ("model", *SUMMARY_COLUMNS)
DEGENERATE_ABOVE = 0.95
DIVERGED_NOTE = "a training diverged, which counts as a failure, as in the paper"
AGAIN = "evaluate all models again, on the same clips and with the same settings"


class ScoredFootage(NamedTuple):
    """The footage that was scored, and its masks.

    Attributes:
        name: name of the data, such as `GasVid` or `synthetic plumes`.
        mask_sources: sorted kinds of masks: `annotated`, `synthetic`, `pseudo`.
        void_fraction: fraction of the pixels of the masks that are neither gas nor free of it.
    """

    name: str
    mask_sources: tuple[str, ...]
    void_fraction: float = 0.0

    @classmethod
    def of(
        cls, name: str, mask_sources: Iterable[str], void_fraction: float = 0.0
    ) -> "ScoredFootage":
        """Make it of mask sources in any order, with repetitions."""
        return cls(name, tuple(sorted(set(mask_sources))), void_fraction)

    @property
    def is_the_papers(self) -> bool:
        """Whether the paper scores such footage and masks."""
        same_name = self.name.casefold() == PAPERS.name.casefold()
        return same_name and self.mask_sources == PAPERS.mask_sources

    @property
    def masks(self) -> str:
        """The masks in words."""
        void = f", of which {self.void_fraction:.2%} is void and left out"
        return self._sources + void * bool(self.void_fraction)

    @property
    def _sources(self) -> str:
        if not self.mask_sources:
            return "no masks"
        if len(self.mask_sources) == 1:
            return f"{self.mask_sources[0]} masks"
        *others, last = self.mask_sources
        return f"masks of mixed sources ({', '.join(others)} and {last})"


PAPERS = ScoredFootage("GasVid", ("annotated",))


def same_footage(facts: Facts) -> ScoredFootage:
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
    return ScoredFootage.of(
        facts[first]["footage"],
        facts[first]["mask_sources"],
        facts[first].get("void_fraction", 0.0),
    )


def check_unchanged(facts: Facts, clips: pd.DataFrame, store: VideoStore) -> list[str]:
    """Check that the test clips are those that were scored.

    Args:
        facts: by model: `footage_sha256`.
        clips: clip table.
        store: the videos.

    Returns:
        Ids of the test clips.

    Raises:
        UserError: clips were added, removed or changed.
    """
    test = kept_clips(clips, store, "test")
    now = digest(test)
    for model, own in facts.items():
        if own["footage_sha256"] != now:
            raise UserError(
                f"The clips differ from those that {model} was scored on; run "
                f"`kedro run --pipelines=evaluate --params=model={model}` again."
            )
    return [clip.name for clip in test]


def check_summaries(summaries: pd.DataFrame, models: Iterable[str]) -> None:
    """Check that the summaries are complete and that their models are comparable.

    Args:
        summaries: results of `fgstp.scoring.summarise` for all models and groups, concatenated,
            with a column `model`; without rows if the footage has no masks.
        models: the models that were evaluated.

    Raises:
        UserError: a column is missing, a model lacks a protocol, or two models were scored on
            different frames or with different settings.
    """
    if missing := [name for name in COLUMNS if name not in summaries]:
        raise UserError(
            f"The summaries of the scores lack the columns {', '.join(missing)}: {AGAIN}."
        )
    grouped_by, known = {*summaries["by"].astype(str)}, {by or ALL for by in GROUPS}
    if odd := sorted(grouped_by - known) or (grouped_by and sorted({ALL} - grouped_by)):
        raise UserError(
            f"The summaries of the scores lack some of {', '.join(known)}, or have others: "
            f"{', '.join(odd)}; {AGAIN}."
        )
    overall = summaries[summaries["by"] == ALL]
    for name, rows in overall.groupby("protocol"):
        if lacking := sorted({*models} - {*rows["model"]}):
            raise UserError(
                f"There are no scores of {', '.join(lacking)} under the protocol {name}: {AGAIN}."
            )
        _check_comparable(str(name), rows)


def _check_comparable(protocol: str, rows: pd.DataFrame) -> None:
    """All models need the same frames, and the same settings except for the threshold."""
    facts = {
        str(row["model"]): protocol_of(row).model_dump(exclude={"threshold"})
        | {"number of frames": int(row["n_frames"])}
        for _, row in rows.drop_duplicates("model").iterrows()
    }
    first, *others = facts
    for other in others:
        for fact, value in facts[first].items():
            if facts[other][fact] != value:
                raise UserError(
                    f"{first} and {other} are not comparable under the protocol {protocol}, since "
                    f"their {fact} is {value} and {facts[other][fact]}: {AGAIN}."
                )


def without_masks(facts: Facts) -> str:
    """Why pixels are not scored, for the end of a sentence.

    Args:
        facts: by model: `n_test_clips` and `n_pseudo_clips`, whose masks were computed from the
            footage and are not to be scored against.
    """
    first = next(iter(facts.values()))
    n_clips = first["n_test_clips"]
    if not first.get("n_pseudo_clips"):
        return f"none of the {n_clips} test clips has masks"
    return (
        f"the {n_clips} test clips have no masks but those computed from the footage "
        "(evaluate.allow_pseudo_masks=true scores against these)"
    )


def with_facts(summaries: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """Add columns to summaries, and remove scores of failed models.

    The columns are `prompt`, `label` and `n_validation_clips`, which chose the thresholds.

    A model that `may_diverge` failed if one of its trainings diverged, and under each protocol
    for which nearly all its predictions are empty or full.

    Args:
        summaries: summaries of all models.
        facts: by model: `prompt`, `label`, `trainings`, each with `diverged`, and by protocol the
            `degenerate_fraction`.
    """
    known = summaries.copy()
    for fact in ("prompt", "label", "n_validation_clips"):
        known[fact] = known["model"].map({model: own.get(fact) for model, own in facts.items()})
    for model in {info.name for info in model_infos() if info.may_diverge}.intersection(facts):
        for protocol, own in facts[model]["protocols"].items():
            why = _why_dashed(facts[model].get("trainings", ()), own.get("degenerate_fraction", 0))
            if why:
                rows = (known["model"] == model) & (known["protocol"] == protocol)
                known.loc[rows, ["value", "low", "high", "spread"]] = math.nan
                known.loc[rows, "note"] = why
    return known


def _why_dashed(trainings: Iterable[Mapping[str, Any]], degenerate_fraction: float) -> str:
    if any(training["diverged"] for training in trainings):
        return DIVERGED_NOTE
    if degenerate_fraction <= DEGENERATE_ABOVE:
        return ""
    return (
        f"the prediction is empty or full on {100 * degenerate_fraction:.1f} % of the frames; "
        f"above {100 * DEGENERATE_ABOVE:g} % the model counts as failed, as in the paper"
    )


def protocols(summaries: pd.DataFrame) -> dict[str, ScoringProtocol]:
    """Protocols of the summaries by name: those of `PROTOCOLS` in their order, then others."""
    firsts = summaries.drop_duplicates("protocol").set_index("protocol", drop=False)
    order = dict.fromkeys([*PROTOCOLS, *firsts.index])
    return {name: protocol_of(firsts.loc[name]) for name in order if name in firsts.index}


def protocol_of(row: pd.Series) -> ScoringProtocol:
    """Protocol of a row; the threshold is None if each model has its own."""
    protocol = ScoringProtocol.of_row(row)
    chosen = PROTOCOLS.get(protocol.name, protocol).threshold is None
    return protocol.model_copy(update={"threshold": None}) if chosen else protocol


def scores(summaries: pd.DataFrame, protocol: str, by: str = ALL) -> pd.DataFrame:
    """Rows of one protocol and one grouping."""
    return summaries[(summaries["protocol"] == protocol) & (summaries["by"] == by)]


def selected(
    summaries: pd.DataFrame, columns: tuple[Column, ...]
) -> Iterator[tuple[str, tuple[Column, ...]]]:
    """Yield the name of each protocol, and those of the columns that it shows.

    Of protocols that show the same columns, such as variants of one, only the first is selected.
    """
    seen = set()
    for name, protocol in protocols(summaries).items():
        shown = columns_of(protocol)
        if shown not in seen:
            yield name, tuple(column for column in columns if column in shown)
        seen.add(shown)
