"""Example pictures: frame, ground truth and probability maps side by side."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from fgstp.core.errors import UserError

OUTLINE_COLOUR = "#00e5ff"  # far from every colour of the map below
PROBABILITY_COLOURS = "autumn"  # red to yellow, none of which is in a grey frame
OPACITY = 0.9
SCALE_GREY = 60  # what the colour bar lies on, since the colours are translucent
PANEL_WIDTH_IN = 2.0
MARGIN_IN = 0.9  # left of the panels, for what the rows are
DPI = 128
SMALL, NORMAL = 8, 9
LONGEST_LINE = 150  # characters of a caption, for those who see a part of a wide picture
MEANING = (
    "Cyan: outline of the ground truth. Colours: probability of gas as the model gives it, "
    "neither stretched nor cut at a threshold."
)


def draw_examples(
    frames: Sequence[NDArray[np.uint8]],
    masks: Sequence[NDArray[Any]],
    maps: Mapping[str, Sequence[NDArray[Any]]],
    labels: Sequence[str],
    *,
    title: str = "",
    caption: str = MEANING,
) -> Figure:
    """Draw examples: a row each; the frame, its ground truth and what each model predicts.

    Args:
        frames: N arrays (H, W) uint8; their sizes may differ.
        masks: N arrays (H, W), gas where not 0.
        maps: by the heading of their column, N probability maps (H, W): uint8 from 0 to 255,
            or floating-point from 0 to 1.
        labels: N texts, left of the rows.
        title: above the picture.
        caption: beneath it.

    Returns:
        The picture.

    Raises:
        UserError: there is no example, or numbers or sizes do not fit each other.
    """
    _check(frames, masks, maps, labels)
    headings = ["frame", "ground truth", *maps]
    figure = _figure(frames, len(headings))
    grid = figure.subplots(len(frames), len(headings), squeeze=False)
    for number, (axes, frame, mask, label) in enumerate(
        zip(grid, frames, masks, labels, strict=True)
    ):
        axes[0].set_ylabel(label, fontsize=SMALL, rotation=0, ha="right", va="center", labelpad=6)
        predictions = [_share(each[number]) for each in maps.values()]
        _draw_row(axes, frame, np.asarray(mask) != 0, predictions)
    for ax, heading in zip(grid[0], headings, strict=True):
        ax.set_title(textwrap.fill(heading, 20), fontsize=NORMAL)
    if maps:
        _draw_scale(figure, list(grid[:, -1]))
    _write(figure, title, caption)
    return figure


def _check(
    frames: Sequence[NDArray[np.uint8]],
    masks: Sequence[NDArray[Any]],
    maps: Mapping[str, Sequence[NDArray[Any]]],
    labels: Sequence[str],
) -> None:
    if not frames:
        raise UserError("There is no example to draw: give at least one frame.")
    if len(labels) != len(frames):
        raise UserError(f"There are {len(frames)} frames, but {len(labels)} labels.")
    for name, pictures in {"ground truth": masks, **maps}.items():
        sizes, wanted = [each.shape for each in pictures], [each.shape for each in frames]
        if sizes != wanted:
            raise UserError(
                f"Frames of shapes {wanted} do not go with {name} of shapes {sizes}: give one "
                "for each frame, of its own size."
            )


def _figure(frames: Sequence[NDArray[np.uint8]], n_columns: int) -> Figure:
    heights_in = [PANEL_WIDTH_IN * frame.shape[0] / frame.shape[1] + 0.08 for frame in frames]
    size = (MARGIN_IN + PANEL_WIDTH_IN * n_columns + 0.7, sum(heights_in) + 1.1)
    layout = ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
    return Figure(figsize=size, dpi=DPI, layout=layout)


def _draw_row(
    axes: Sequence[Axes],
    frame: NDArray[np.uint8],
    gas: NDArray[np.bool_],
    predictions: Sequence[NDArray[np.float64]],
) -> None:
    plain = np.repeat(np.asarray(frame)[..., None], 3, axis=2)
    overlays = [overlay(frame, prediction) for prediction in predictions]
    for ax, picture in zip(axes, [plain, plain, *overlays], strict=True):
        ax.imshow(picture)
        ax.set(xticks=[], yticks=[])
    for ax in axes[1:]:
        # A contour needs some of both; a mask that is empty or full has no outline.
        if gas.any() and not gas.all():
            ax.contour(gas, levels=[0.5], colors=OUTLINE_COLOUR, linewidths=0.9)


def _draw_scale(figure: Figure, axes: Sequence[Axes]) -> None:
    """A colour bar as the colours look on a dark grey frame."""
    steps = np.linspace(0, 1, 256)[None]
    colours = overlay(np.full(steps.shape, SCALE_GREY, np.uint8), steps)[0] / 255
    scale = ScalarMappable(Normalize(0, 1), ListedColormap(colours))
    bar = figure.colorbar(scale, ax=axes, fraction=0.06, pad=0.04, aspect=25)
    bar.set_label("probability of gas", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)


def _share(probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """A map from 0 to 1, whatever its type."""
    array = np.asarray(probabilities)
    return array / 255 if array.dtype == np.uint8 else array.astype(np.float64)


def overlay(frame: NDArray[np.uint8], probability: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Lay a probability map over a frame: the surer, the more colour and the less frame.

    Args:
        frame: (H, W) uint8.
        probability: (H, W), 0 to 1.

    Returns:
        (H, W, 3) uint8; the frame itself where the probability is 0.
    """
    colours = mpl.colormaps[PROBABILITY_COLOURS](probability)[..., :3] * 255
    weight = OPACITY * probability[..., None]
    mixed = (1 - weight) * np.asarray(frame)[..., None] + weight * colours
    return np.asarray(mixed.round().astype(np.uint8))


def _write(figure: Figure, title: str, caption: str) -> None:
    characters = min(LONGEST_LINE, int(figure.get_figwidth() * 16))
    if title:
        figure.suptitle(textwrap.fill(title, characters), fontsize=NORMAL + 2)
    if caption:
        figure.supxlabel(
            textwrap.fill(caption, characters), fontsize=SMALL, x=0.02, ha="left", color="0.25"
        )
