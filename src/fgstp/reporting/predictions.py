"""Pictures of predictions: frame, ground truth and the probability maps of the models.

Matplotlib is imported when a figure is drawn, since training imports this module too.
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.footage.clip_table import ClipRow, clip_rows
from fgstp.footage.video_store import VideoStore
from fgstp.reporting.examples import Example, choose_examples
from fgstp.reporting.names import category_order, group_title, model_rows
from fgstp.reporting.notes import mark_notes
from fgstp.reporting.summaries import Facts, ScoredFootage

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Predict = Callable[[ClipRow], NDArray[np.uint8]]

OUTLINE_COLOUR = "#00e5ff"  # does not occur in the colour map
COLOUR_MAP = "autumn"  # red to yellow, distinct from grey frames
OPACITY = 0.9
SCALE_GREY = 60  # beneath the translucent colours of the colour bar
PANEL_WIDTH_IN = 2.0
MARGIN_IN = 0.9  # left of the panels, for the labels
DPI = 128
SMALL, NORMAL = 8, 9  # font sizes
LONGEST_LINE = 150  # characters of a caption; part of a wide picture may be off the screen
OUTLINE = "Cyan: outline of the ground truth."
COLOURS = "Colours: predicted probability of gas, without stretching or threshold."
CHOICE = (
    "Each row shows the frame with the median gas area among the frames with gas of a category, "
    "chosen from the masks alone."
)
NO_MASKS = (
    "Without masks, a row shows the middle frame of a category, of those with a leak if the "
    "schedule is known; a model that is given masks does not predict it."
)
FIRST_TRAINING = "Of a model with several training seeds, the first training is shown."


def prediction_figure(
    clips: pd.DataFrame,
    store: VideoStore,
    predictions: Mapping[str, Predict],
    footage: ScoredFootage,
    facts: Facts,
) -> "Figure":
    """Draw a row for each category: a frame, its ground truth and the models' probabilities.

    Args:
        clips: rows of the clip table of test clips, with a column `category`.
        store: the videos.
        predictions: by model: a function from a clip to its maps, (T, H, W) uint8.
        footage: the footage that was scored.
        facts: by model: the file of its scores.
    """
    by_category = clips.assign(category=clips["category"].fillna("unknown")).groupby("category")
    groups = {str(category): clip_rows(rows) for category, rows in by_category}
    groups = {category: groups[category] for category in sorted(groups, key=category_order)}
    allowed = "pseudo" in footage.mask_sources
    examples = choose_examples(groups, store, allow_pseudo_masks=allowed)
    frames, truths = zip(*(each.read(store) for each in examples), strict=True)
    masks = None if all(each.gas_pixels is None for each in examples) else truths
    blank = [np.zeros_like(frame) for frame in frames]  # of models that need a mask
    maps = {
        row.title(): [
            empty
            if each.gas_pixels is None and row.prompt != "none"
            else np.array(predictions[row.model](each.clip)[each.frame])
            for each, empty in zip(examples, blank, strict=True)
        ]
        for row in model_rows(predictions, facts)
    }
    several = any(own.get("n_seeds", 1) > 1 for own in facts.values())
    choices = dict.fromkeys(NO_MASKS if each.gas_pixels is None else CHOICE for each in examples)
    parts = [*choices, *[OUTLINE] * (masks is not None), COLOURS]
    caption = " ".join([*parts, *[FIRST_TRAINING] * several, *mark_notes(maps)])
    title = f"Predictions on {footage.name} ({footage.masks})"
    labels = [_label(each) for each in examples]
    return draw_examples(frames, masks, maps, labels, title=title, caption=caption)


def _label(example: Example) -> str:
    gas = {None: ["no mask"], 0: ["no frame has gas"]}.get(example.gas_pixels, [])
    title = group_title(example.group, "category")
    return "\n".join([title, example.clip.name, f"frame {example.frame}", *gas])


def draw_examples(
    frames: Sequence[NDArray[np.uint8]],
    masks: Sequence[NDArray[Any]] | None,
    maps: Mapping[str, Sequence[NDArray[Any]]],
    labels: Sequence[str],
    *,
    title: str = "",
    caption: str = f"{OUTLINE} {COLOURS}",
) -> "Figure":
    """Draw a row for each example: its frame, its ground truth and each model's prediction.

    Args:
        frames: N arrays (H, W) uint8; their sizes may differ.
        masks: N arrays (H, W), nonzero where there is gas; None if no gas is known.
        maps: by column heading: N probability maps (H, W), uint8 from 0 to 255 or floating-point
            from 0 to 1.
        labels: N labels of the rows.
        title: title above the figure.
        caption: text below the figure.

    Raises:
        UserError: there is no example, or numbers or shapes do not match.
    """
    _check(frames, masks, maps, labels)
    headings = ["frame", *["ground truth"] * (masks is not None), *maps]
    gas = [None] * len(frames) if masks is None else [np.asarray(mask) != 0 for mask in masks]
    figure = _figure(frames, len(headings))
    grid = figure.subplots(len(frames), len(headings), squeeze=False)
    for number, (axes, frame, truth) in enumerate(zip(grid, frames, gas, strict=True)):
        place = {"rotation": 0, "ha": "right", "va": "center", "labelpad": 6}
        axes[0].set_ylabel(labels[number], fontsize=SMALL, **place)
        _draw_row(axes, frame, truth, [each[number] for each in maps.values()])
    for ax, heading in zip(grid[0], headings, strict=True):
        ax.set_title(textwrap.fill(heading, 20), fontsize=NORMAL)
    if maps:
        _draw_scale(figure, list(grid[:, -1]))
    width = min(LONGEST_LINE, int(figure.get_figwidth() * 16))  # characters
    if title:
        figure.suptitle(textwrap.fill(title, width), fontsize=NORMAL + 2)
    figure.supxlabel(textwrap.fill(caption, width), fontsize=SMALL, x=0.02, ha="left", color="0.25")
    return figure


def _check(
    frames: Sequence[NDArray[np.uint8]],
    masks: Sequence[NDArray[Any]] | None,
    maps: Mapping[str, Sequence[NDArray[Any]]],
    labels: Sequence[str],
) -> None:
    if not frames:
        raise UserError("There is no example to draw: give at least one frame.")
    if len(labels) != len(frames):
        raise UserError(f"There are {len(frames)} frames, but {len(labels)} labels.")
    for name, pictures in {"ground truth": frames if masks is None else masks, **maps}.items():
        sizes, wanted = [each.shape for each in pictures], [each.shape for each in frames]
        if sizes != wanted:
            raise UserError(
                f"Frames of shapes {wanted} do not match {name} of shapes {sizes}: give one for "
                "each frame, of the same shape."
            )


def _figure(frames: Sequence[NDArray[np.uint8]], n_columns: int) -> "Figure":
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415

    heights_in = [PANEL_WIDTH_IN * frame.shape[0] / frame.shape[1] + 0.08 for frame in frames]
    size = (MARGIN_IN + PANEL_WIDTH_IN * n_columns + 0.7, sum(heights_in) + 1.1)
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
    return Figure(figsize=size, dpi=DPI, layout=layout)


def _draw_row(
    axes: "Sequence[Axes]",
    frame: NDArray[np.uint8],
    gas: NDArray[np.bool_] | None,
    maps: Sequence[NDArray[Any]],
) -> None:
    plain = np.repeat(np.asarray(frame)[..., None], 3, axis=2)
    fractions = [each / (255 if each.dtype == np.uint8 else 1.0) for each in map(np.asarray, maps)]
    overlays = [overlay(frame, each.astype(np.float64)) for each in fractions]
    pictures = [plain, *overlays] if gas is None else [plain, plain, *overlays]
    for ax, picture in zip(axes, pictures, strict=True):
        ax.imshow(picture)
        ax.set(xticks=[], yticks=[])
    if gas is None:
        return
    for ax in axes[1:]:
        # An empty or full mask has no outline, and `contour` would warn.
        if gas.any() and not gas.all():
            ax.contour(gas, levels=[0.5], colors=OUTLINE_COLOUR, linewidths=0.9)


def _draw_scale(figure: "Figure", axes: "Sequence[Axes]") -> None:
    """A colour bar, with the colours as they look on a dark grey frame."""
    from matplotlib.cm import ScalarMappable  # noqa: PLC0415
    from matplotlib.colors import ListedColormap, Normalize  # noqa: PLC0415

    steps = np.linspace(0, 1, 256)[None]
    colours = overlay(np.full(steps.shape, SCALE_GREY, np.uint8), steps)[0] / 255
    scale = ScalarMappable(Normalize(0, 1), ListedColormap(colours))
    bar = figure.colorbar(scale, ax=axes, fraction=0.06, pad=0.04, aspect=25)
    bar.set_label("probability of gas", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)


def overlay(frame: NDArray[np.uint8], probability: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Blend a probability map into a frame, with an opacity proportional to the probability.

    Args:
        frame: (H, W) uint8.
        probability: (H, W), 0 to 1.

    Returns:
        (H, W, 3) uint8; the frame itself where the probability is 0.
    """
    import matplotlib as mpl  # noqa: PLC0415

    colours = mpl.colormaps[COLOUR_MAP](probability)[..., :3] * 255
    weight = OPACITY * probability[..., None]
    mixed = (1 - weight) * np.asarray(frame)[..., None] + weight * colours
    return np.asarray(mixed.round().astype(np.uint8))
