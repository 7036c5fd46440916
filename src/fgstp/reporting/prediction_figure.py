"""The prediction figure: one frame a category, and what each model makes of it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.footage.clip_store import ClipStore
from fgstp.reporting.category_names import category_order, category_title
from fgstp.reporting.example_pictures import MEANING, draw_examples
from fgstp.reporting.models import model_rows
from fgstp.reporting.scored_footage import ScoredFootage
from fgstp.reporting.table_notes import mark_notes

Predict = Callable[[str], NDArray[np.uint8]]
CHOICE = (
    "Each row is the frame with the median gas area among the category's frames with gas, "
    "chosen from the masks alone, before any prediction was looked at."
)

FIRST_TRAINING = "Of a model that was trained several times, the first training is shown."


class Example(NamedTuple):
    """A frame to show.

    Attributes:
        category: of its clip.
        clip: id of its clip.
        frame: its number in the clip.
        gas_pixels: of its mask; 0 if no frame of the category has gas.
    """

    category: str
    clip: str
    frame: int
    gas_pixels: int

    @property
    def label(self) -> str:
        """What stands left of its row."""
        gas = "" if self.gas_pixels else "\nno frame has gas"
        return f"{category_title(self.category)}\n{self.clip}\nframe {self.frame}{gas}"


def choose_examples(clips: pd.DataFrame, store: ClipStore) -> list[Example]:
    """Choose the frame of each category that has the median gas area.

    Only masks decide. Of an even number of frames it is the lower of the two in the middle;
    where no frame has gas, the middle frame of the first clip.

    Args:
        clips: clips with columns `clip` and `category`; those without masks are passed over.
        store: the clips themselves.

    Returns:
        An example a category, the near ones first.

    Raises:
        UserError: no clip has masks.
    """
    with_masks = clips[[store.masks(str(clip)) is not None for clip in clips["clip"]]]
    if with_masks.empty:
        raise UserError(
            "No test clip has masks, so there is no ground truth to draw; give masks and run "
            "`kedro run --pipelines=ingest`."
        )
    named = with_masks.assign(category=with_masks["category"].fillna("unknown"))
    by_category = {str(category): rows["clip"] for category, rows in named.groupby("category")}
    return [
        _choose(category, sorted(by_category[category].astype(str)), store)
        for category in sorted(by_category, key=category_order)
    ]


def _choose(category: str, clips: list[str], store: ClipStore) -> Example:
    areas = sorted(
        (int(area), clip, frame)
        for clip in clips
        for frame, area in enumerate(gas_pixels(store, clip))
        if area > 0
    )
    if not areas:
        return Example(category, clips[0], len(store.frames(clips[0])) // 2, 0)
    area, clip, frame = areas[(len(areas) - 1) // 2]
    return Example(category, clip, frame, area)


def gas_pixels(store: ClipStore, clip: str) -> NDArray[np.int64]:
    """Pixels with gas in each frame of a clip: (T,) int64."""
    masks = store.masks(clip)
    return np.count_nonzero(masks, axis=(1, 2)) if masks is not None else np.zeros(0, np.int64)


def prediction_figure(
    clips: pd.DataFrame,
    store: ClipStore,
    predictions: Mapping[str, Predict],
    footage: ScoredFootage,
    facts: Mapping[str, Mapping[str, Any]] | None = None,
) -> Figure:
    """Draw a row a category: the frame, its ground truth and each model's probabilities.

    Args:
        clips: the test clips, with columns `clip` and `category`.
        store: the clips themselves.
        predictions: by model, what gives a clip's maps, (T, H, W) uint8, by its id.
        footage: what the clips are.
        facts: by model, its scores, which say what it was told and how often it was trained.

    Returns:
        The figure.

    Raises:
        UserError: no clip has masks, or a model's maps do not fit the frames.
    """
    examples = choose_examples(clips, store)
    rows = model_rows(predictions, facts)
    maps = {
        row.title(): [_map(row.model, predictions[row.model], each) for each in examples]
        for row in rows
    }
    several = any(known.get("n_seeds", 1) > 1 for known in (facts or {}).values())
    first_training = [FIRST_TRAINING] if several else []
    frames = [np.array(store.frames(each.clip)[each.frame]) for each in examples]
    return draw_examples(
        frames,
        [_mask(store, each) for each in examples],
        maps,
        [each.label for each in examples],
        title=f"Predictions on {footage.name} ({footage.masks})",
        caption=" ".join([CHOICE, MEANING, *first_training, *mark_notes(maps)]),
    )


def _mask(store: ClipStore, example: Example) -> NDArray[np.uint8]:
    masks = store.masks(example.clip)
    if masks is None:
        raise UserError(f"The masks of the clip {example.clip} are gone; run ingest again.")
    return np.array(masks[example.frame])


def _map(model: str, predict: Predict, example: Example) -> NDArray[np.uint8]:
    maps = predict(example.clip)
    if len(maps) <= example.frame:
        raise UserError(
            f"{model} has no map of frame {example.frame} of the clip {example.clip}: evaluate "
            f"{model} again."
        )
    return np.array(maps[example.frame])
