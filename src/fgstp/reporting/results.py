"""Everything that a report is made of: the comparison, and what lies behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.footage.clip_table import ClipRow, clip_rows
from fgstp.footage.video_store import VideoStore
from fgstp.reporting.comparison import Comparison
from fgstp.reporting.names import ModelRow
from fgstp.reporting.trainings import ByModel
from fgstp.scoring.protocols import ScoringProtocol
from fgstp.scoring.thresholds import MIDDLE

Predict = Callable[[ClipRow], NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class Results:
    """What the models of a comparison were scored on, and what they predicted.

    Attributes:
        comparison: the comparison.
        clip_table: the rows of the test clips, with a column `category`.
        videos: the video table.
        store: the videos.
        predictions: by model: a function from a clip to the maps of the first training, (T, H, W)
            uint8.
        frames: by model: scores of its frames, see `fgstp.scoring.results.with_facts`; without
            rows if the footage has no masks.
        timelines: by model: timelines of its trainings, see `fgstp.scoring.timelines`.
        events: by model: its alarms.
        trainings: by model: the records of its trainings.

    Raises:
        UserError: a model of the comparison lacks one of these.
    """

    comparison: Comparison
    clip_table: pd.DataFrame
    videos: pd.DataFrame
    store: VideoStore
    predictions: Mapping[str, Predict]
    frames: Mapping[str, pd.DataFrame]
    timelines: Mapping[str, pd.DataFrame]
    events: Mapping[str, pd.DataFrame]
    trainings: ByModel

    def __post_init__(self) -> None:
        parts = {"frames": self.frames, "timelines": self.timelines, "events": self.events}
        for part, found in parts.items():
            for model in self.comparison.facts:
                if model not in found:
                    raise UserError(
                        f"The {part} of {model} are not among its scores; run "
                        f"`kedro run --pipelines=evaluate --params=model={model}`."
                    )

    @property
    def clips(self) -> list[ClipRow]:
        """The test clips."""
        return clip_rows(self.clip_table)

    @property
    def rows(self) -> list[ModelRow]:
        """Rows of the models, in order."""
        return self.comparison.rows

    @property
    def allow_pseudo_masks(self) -> bool:
        """Whether masks that were computed from the footage were scored against."""
        return "pseudo" in self.comparison.footage.mask_sources

    @property
    def plain(self) -> ScoringProtocol | None:
        """The first protocol that takes maps as predicted, else the first; None without masks."""
        found = list(self.comparison.protocols.values())
        return next((each for each in found if each.norm == "none"), found[0] if found else None)

    def plain_frames(self, model: str) -> pd.DataFrame:
        """Scores of the frames of a model under the protocol `plain`."""
        name = self.plain.name if self.plain else ""
        return self.frames[model][self.frames[model]["protocol"] == name]

    def level(self, model: str) -> int:
        """Level of its maps, 1 to 255, from which a pixel counts as gas under `plain`."""
        name = self.plain.name if self.plain else ""
        own = self.comparison.facts[model]["protocols"].get(name, {})
        return max(1, int(own.get("threshold", MIDDLE)))
