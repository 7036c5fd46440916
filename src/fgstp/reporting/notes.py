"""Sentences beneath tables and figures."""

from collections.abc import Iterable, Sequence

import pandas as pd

from fgstp.models.session import TOP_FRACTION
from fgstp.reporting.names import DAGGER, DOUBLE_DAGGER
from fgstp.reporting.tables import DASH, Column, columns_of
from fgstp.scoring.protocols import ScoringProtocol

INTERVALS = {
    "videos": "95 % confidence intervals: bootstrap over videos.",
    "clips": "95 % confidence intervals: bootstrap over the clips of each video, because there "
    "are fewer than 5 videos; they do not extend to other videos.",
    "none": "No confidence intervals: no video has two clips.",
}
INTERVALS_OF_MEANS = (
    "For a model with several training seeds, the interval is that of the mean over seeds: it "
    "covers the variation of the footage, and ± the variation between seeds."
)
FIRST_MASK = (
    f"{DAGGER} The model receives the mask of the first frame with gas of each clip. It therefore "
    "also knows that no earlier frame has gas, and that a clip with an empty mask has none, which "
    "favours it in false alarms, AP, AUROC and scores over all frames. Other models receive no "
    "mask."
)
GIVEN_COUNTS = "The frame whose mask it receives is scored as well."
ORACLE = (
    f"{DOUBLE_DAGGER} Upper bound, not ranked: the model receives the ground truth of every frame "
    "at test time."
)
THRESHOLD = (
    "t: threshold, 0 to 255, from which a pixel counts as gas, chosen for each model on "
    "validation clips."
)

INPUT = {
    "soft": "probability maps are scored",
    "binary": "maps are binarised at the threshold before they are scored",
}
NORM = {
    "minmax": "each map is stretched to the range 0 to 1",
    "none": "probabilities are used as predicted",
}
EMPTY = {
    "score": "on frames without gas, IoU, Dice and weighted F are 0 whatever is predicted",
    "credit": "on frames without gas, IoU and Dice are 1 if nothing is predicted and 0 "
    "otherwise, and weighted F is undefined",
    "skip": "frames without gas are left out",
}
AVERAGE = {
    "video": "scores are averaged over the frames of each video, then over videos",
    "frame": "scores are averaged over all frames",
}
FOOTAGE_MARKS = {"synthetic": "synthetic footage", "pseudo": "pseudo masks"}  # by mask source
# In headings; settings that most protocols share have no word.
IN_HEADINGS = {
    "norm": {"minmax": "each map stretched", "none": "maps as predicted"},
    "input": {"binary": "binarised"},
    "empty": {
        "score": "frames without gas score 0",
        "credit": "empty maps of frames without gas score 1",
        "skip": "frames with gas only",
    },
    "average": {"frame": "all frames alike"},
}


def counted(number: int, noun: str) -> str:
    """A number and its noun, plural unless the number is 1."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def counts(rows: pd.DataFrame) -> str:
    """Numbers of videos, clips and frames, which all rows share, in words."""
    nouns = ("video", "clip", "frame")
    return ", ".join(counted(int(rows[f"n_{noun}s"].iloc[0]), noun) for noun in nouns)


def protocol_rules(protocol: ScoringProtocol) -> list[str]:
    """Describe a protocol, with a phrase for each setting that its columns depend on."""
    rules = [INPUT[protocol.input], NORM[protocol.norm]]
    rules += [EMPTY[protocol.empty], AVERAGE[protocol.average]]
    metrics = {column.name for column in columns_of(protocol)}
    if "iou" in metrics or protocol.input == "binary":
        chosen = "chosen for each model on validation clips"
        fixed = f"{protocol.threshold} of 255"
        rules.append(f"the threshold is {chosen if protocol.threshold is None else fixed}")
    if "false_alarm" in metrics:
        pixels = counted(protocol.alarm_px, "pixel")
        rules.append(f"a false alarm is {pixels} or more predicted on a frame without gas")
    if "auroc" in metrics:
        rules.append(
            "frames are ranked by the model's frame score, by default the mean of the highest "
            f"{100 * TOP_FRACTION:g} % of its probabilities"
        )
    if protocol.drop_given:
        rules.append(
            "the first frame with gas of each clip is left out, as some models are given its mask"
        )
    if protocol.drop_last_frames:
        last = counted(protocol.drop_last_frames, "frame")
        rules.append(f"the last {last} of each clip are left out")
    return rules


def protocol_words(protocol: ScoringProtocol) -> list[str]:
    """What tells a protocol from others, in a few words a setting; maps come first."""
    settings = protocol.model_dump()
    return [word for name, known in IN_HEADINGS.items() if (word := known.get(settings[name]))]


def protocol_title(protocol: ScoringProtocol) -> str:
    """A protocol in a heading: its name, and what tells it from others."""
    return f"protocol {protocol.name} ({', '.join(protocol_words(protocol))})"


def short_title(protocol: ScoringProtocol) -> str:
    """A protocol where there is little room, such as `paper: each map stretched`."""
    return f"{protocol.name}: {protocol_words(protocol)[0]}"


def protocol_note(protocol: ScoringProtocol) -> str:
    """A protocol in one sentence."""
    return f"Protocol {protocol.name}: {'; '.join(protocol_rules(protocol))}."


def unchosen(names: Sequence[str]) -> str:
    """Why the thresholds of some models were not chosen on validation clips."""
    return f"t of {', '.join(names)} is a half, 128, since no validation clip has masks."


def label_note(columns: Iterable[Column]) -> str:
    """Meaning of the labels of some columns."""
    return "; ".join(f"{column.label}: {column.meaning}" for column in columns) + "."


def interval_notes(rows: pd.DataFrame) -> list[str]:
    """What the confidence intervals cover."""
    over = dict.fromkeys(str(each) for each in rows["interval_over"])
    of_means = (rows["n_seeds"] > 1).any() and set(over) != {"none"}
    return [INTERVALS[each] for each in over] + [INTERVALS_OF_MEANS] * bool(of_means)


def seed_notes(rows: pd.DataFrame) -> list[str]:
    """Meaning of ±, and the number of seeds by `name` of the model; empty if all have one."""
    several = rows[rows["n_seeds"] > 1].drop_duplicates("name")
    if several.empty:
        return []
    seeds = ", ".join(f"{row.name}: {row.n_seeds}" for row in several.itertuples(index=False))
    return [
        f"±: mean and standard deviation over training seeds ({seeds}); rows without ± have a "
        "single training or need none."
    ]


def missing_notes(rows: pd.DataFrame, columns: Sequence[Column]) -> list[str]:
    """Why values are missing, for the rows and columns of a block."""
    labels = {column.name: column.label for column in columns}
    missing = rows[rows["value"].isna() & rows["metric"].isin(list(labels))]
    notes = []
    for reason, of_reason in missing.groupby("note", sort=False):
        metrics = ", ".join(labels[metric] for metric in dict.fromkeys(of_reason["metric"]))
        names = ", ".join(dict.fromkeys(of_reason["name"].astype(str)))
        of_all = set(of_reason["model"]) == set(rows["model"])
        notes.append(f"{DASH} {metrics}{'' if of_all else f' of {names}'}: {reason}.")
    return notes


def footage_marks(mask_sources: Iterable[str]) -> str:
    """Small print of a row that was not scored on real footage with masks by people."""
    return ", ".join(FOOTAGE_MARKS[each] for each in mask_sources if each in FOOTAGE_MARKS)


def mark_notes(names: Iterable[str], protocol: ScoringProtocol | None = None) -> list[str]:
    """Footnotes of the marks in titles of models.

    Args:
        names: titles of the evaluated models.
        protocol: says whether the frame of the received mask is scored; None to omit that.
    """
    given_counts = protocol is not None and not protocol.drop_given
    first_mask = f"{FIRST_MASK} {GIVEN_COUNTS}" if given_counts else FIRST_MASK
    notes, written = {DAGGER: first_mask, DOUBLE_DAGGER: ORACLE}, "".join(names)
    return [note for mark, note in notes.items() if mark in written]
