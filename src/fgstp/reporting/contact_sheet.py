"""Contact sheets: a look at the clips of one category."""

from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fgstp.footage.clip_store import ClipStore
from fgstp.footage.settings import ContactSheetSettings

OUTLINE_RGB = (255, 64, 32)
PANELS = ("frame", "mask outline", "difference to the neighbour")
PANEL_WIDTH_IN = 2.6
DPI = 110


def contact_sheets(
    videos: pd.DataFrame, clips: pd.DataFrame, store: ClipStore, settings: ContactSheetSettings
) -> dict[str, Figure]:
    """Draw one sheet a category.

    Args:
        videos: the video table, for the categories.
        clips: the clip table; dropped clips are passed over.
        store: the clips themselves.
        settings: rows and columns of a sheet.

    Returns:
        Sheets by category.
    """
    kept = clips[clips["dropped"].isna()].merge(videos[["video", "category"]], on="video")
    return {
        str(category): contact_sheet(str(category), spread(rows, settings.clips), store, settings)
        for category, rows in kept.groupby("category")
    }


def spread(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most `count` rows, spread evenly from the first to the last."""
    places = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
    return rows.iloc[places]


def contact_sheet(
    title: str, rows: pd.DataFrame, store: ClipStore, settings: ContactSheetSettings
) -> Figure:
    """Draw a sheet: a row a clip; frame, mask outline and difference for some of its frames.

    Args:
        title: name of the category.
        rows: clips to show, rows of the clip table.
        store: the clips themselves.
        settings: frames a clip and gain of the difference.

    Returns:
        The sheet.
    """
    columns = settings.frames_per_clip * len(PANELS)
    height_width = store.frames(str(rows["clip"].iloc[0])).shape[1:]
    panel_height_in = PANEL_WIDTH_IN * height_width[0] / height_width[1] + 0.45
    figure = Figure(
        figsize=(PANEL_WIDTH_IN * columns, panel_height_in * len(rows) + 0.5),
        dpi=DPI,
        layout="constrained",
    )
    figure.suptitle(f"{title}: {len(rows)} of its clips")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for (_, row), row_axes in zip(rows.iterrows(), axes, strict=True):
        _draw_clip(row_axes, str(row["clip"]), _caption(row), store, settings)
    return figure


def _draw_clip(
    axes: Sequence[Axes], clip: str, caption: str, store: ClipStore, settings: ContactSheetSettings
) -> None:
    frames, masks = store.frames(clip), store.masks(clip)
    step = len(frames) / settings.frames_per_clip
    for place in range(settings.frames_per_clip):
        number = min(int((place + 0.5) * step), len(frames) - 2)
        mask = None if masks is None else masks[number]
        pictures = panels(frames[number], frames[number + 1], mask, settings.difference_gain)
        group = axes[place * len(PANELS) : (place + 1) * len(PANELS)]
        titles = (f"{caption}\nframe {number}", *PANELS[1:])
        for ax, picture, title in zip(group, pictures, titles, strict=True):
            ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
            ax.set_title(title, fontsize=6, loc="left")
            ax.axis("off")


def _caption(row: pd.Series) -> str:
    leak = "" if pd.isna(row["leak_class"]) else f", leak class {row['leak_class']}"
    masks = "no masks" if row["mask_source"] == "none" else f"{row['mask_source']} masks"
    return f"{row['clip']}\n{row['split']}{leak}, {masks}"


def panels(
    frame: NDArray[np.uint8],
    neighbour: NDArray[np.uint8],
    mask: NDArray[np.uint8] | None,
    gain: float,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """The three pictures of one frame.

    Args:
        frame: (H, W) uint8.
        neighbour: (H, W) uint8, the frame after it.
        mask: (H, W) uint8, 0/1, or None.
        gain: factor on the difference, which is shown around mid-grey.

    Returns:
        The frame (H, W), the frame with the outline of its mask (H, W, 3) and the
        difference to the neighbour (H, W), all uint8.
    """
    outlined = cv2.cvtColor(np.asarray(frame), cv2.COLOR_GRAY2RGB)
    if mask is not None:
        contours, _ = cv2.findContours(np.array(mask), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(outlined, contours, -1, OUTLINE_RGB, 1)
    difference = neighbour.astype(np.float32) - frame
    shown = np.clip(128 + gain * difference, 0, 255).astype(np.uint8)
    return np.asarray(frame), np.asarray(outlined, np.uint8), shown
