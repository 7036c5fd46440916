"""Reports of ingest: a summary, contact sheets of clips, and clips kept against the threshold."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fgstp.footage.clip_table import clip_rows, spread
from fgstp.footage.descriptors import ClipDescriptor, similarity, stacked
from fgstp.footage.settings import ContactSheetSettings, DuplicateSettings
from fgstp.footage.video_store import Clip, VideoStore

OUTLINE_RGB = (255, 64, 32)
PANELS = ("frame", "mask outline", "difference to the neighbour")
PANEL_WIDTH_IN = 2.6
DPI = 110
THRESHOLD_STEP = 0.02  # of the duplicate curve
NO_VALIDATION = (
    "No clip is held out for validation: there are too few training clips. Give more training "
    "videos, longer ones, or validation videos of their own."
)


def summarise(videos: pd.DataFrame, clips: pd.DataFrame) -> str:
    """Summarise ingest in Markdown.

    Args:
        videos: the video table.
        clips: the clip table, with the dropped clips.

    Returns:
        Clips by category and split, reasons for dropping, refused videos, and remarks.
    """
    kept = clips[clips["dropped"].isna()]
    n_annotated, n_frames = int(kept["annotated_frames"].sum()), int(kept["frames"].sum())
    annotated = f"{n_annotated} of the {n_frames} frames of the kept clips are annotated."
    lacking = NO_VALIDATION if without_validation(clips) else ""
    parts = ["# Ingest", *overview(videos, clips), annotated, lacking, *_notes(videos)]
    return "\n\n".join(part for part in parts if part) + "\n"


def overview(videos: pd.DataFrame, clips: pd.DataFrame) -> tuple[str, str]:
    """A table of kept clips by category and split, and a sentence on dropped clips."""
    reasons = clips["dropped"].value_counts()
    text = ", ".join(f"{count} as {reason}" for reason, count in reasons.items())
    kept = int(clips["dropped"].isna().sum())
    dropped = f"{kept} of {len(clips)} clips kept" + (f"; dropped: {text}." if text else ".")
    return _counts(videos, clips), dropped


def refusals(videos: pd.DataFrame) -> list[str]:
    """One sentence for each video that could not be used."""
    return [str(error) for error in videos["error"].dropna()]


def _counts(videos: pd.DataFrame, clips: pd.DataFrame) -> str:
    kept = clips[clips["dropped"].isna()].merge(videos[["video", "category"]], on="video")
    lines = [
        "| category | split | videos | clips | gas, share of pixels |",
        "|---|---|--:|--:|--:|",
    ]
    for group, rows in kept.groupby(["category", "split"]):
        gas = rows["gas_fraction"].mean()
        share = "unknown" if pd.isna(gas) else f"{gas:.3f}"
        cells = (*group, rows["video"].nunique(), len(rows), share)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _notes(videos: pd.DataFrame) -> list[str]:
    refused = refusals(videos)
    noted = videos[videos["remarks"].fillna("") != ""]
    left_over = int(videos["frames_left_over"].fillna(0).sum())
    return [
        f"{left_over} frames at the ends of videos filled no clip." if left_over else "",
        _listed(f"{len(refused)} of {len(videos)} videos could not be used:", refused),
        _listed("Remarks:", [f"{row.video}: {row.remarks}" for row in noted.itertuples()]),
    ]


def without_validation(clips: pd.DataFrame) -> bool:
    """Whether there are training clips, but none to choose a checkpoint by."""
    kept = clips.loc[clips["dropped"].isna(), "split"]
    return bool((kept == "train").any() and not (kept == "validation").any())


def _listed(title: str, lines: list[str]) -> str:
    return "\n".join([title, "", *(f"- {line}" for line in lines)]) if lines else ""


def contact_sheets(
    videos: pd.DataFrame, clips: pd.DataFrame, store: VideoStore, settings: ContactSheetSettings
) -> dict[str, Figure]:
    """Draw a contact sheet for each category of the video table, without dropped clips."""
    kept = clips[clips["dropped"].isna()].merge(videos[["video", "category"]], on="video")
    return {
        str(category): contact_sheet(str(category), spread(rows, settings.clips), store, settings)
        for category, rows in kept.groupby("category")
    }


def contact_sheet(
    title: str, rows: pd.DataFrame, store: VideoStore, settings: ContactSheetSettings
) -> Figure:
    """Draw a row for each clip: some of its frames, with mask outline and difference.

    Args:
        title: name of the category.
        rows: rows of the clip table to show.
        store: the videos.
        settings: frames of each clip, and gain of the difference.
    """
    columns = settings.frames_per_clip * len(PANELS)
    clips = [row.read(store) for row in clip_rows(rows)]
    _, height_px, width_px = clips[0].frames.shape
    panel_height_in = PANEL_WIDTH_IN * height_px / width_px + 0.45
    size = (PANEL_WIDTH_IN * columns, panel_height_in * len(rows) + 0.5)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    figure.suptitle(f"{title}: {len(rows)} of its clips")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for (_, row), clip, row_axes in zip(rows.iterrows(), clips, axes, strict=True):
        _draw_clip(row_axes, clip, _caption(row), settings)
    return figure


def _draw_clip(
    axes: Sequence[Axes], clip: Clip, caption: str, settings: ContactSheetSettings
) -> None:
    frames = clip.frames
    step = len(frames) / settings.frames_per_clip
    for place in range(settings.frames_per_clip):
        number = min(int((place + 0.5) * step), len(frames) - 2)
        mask = clip.masks(np.array([number]))[0] if number in clip.annotated else None
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
    """The three pictures of a frame, all uint8.

    Args:
        frame: (H, W) uint8.
        neighbour: (H, W) uint8, the next frame.
        mask: (H, W) uint8, 0/1, or None.
        gain: factor of the difference, which is centred on mid-grey.

    Returns:
        The frame (H, W), the frame with the outline of its mask (H, W, 3), and the difference to
        the neighbour (H, W).
    """
    difference = neighbour.astype(np.float32) - frame
    shown = np.clip(128 + gain * difference, 0, 255).astype(np.uint8)
    return np.asarray(frame), outlined(frame, mask), shown


def outlined(frame: NDArray[np.uint8], mask: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """A frame (H, W) with the outline of its mask (H, W), 0/1, if it has one: (H, W, 3) uint8."""
    picture = cv2.cvtColor(np.asarray(frame), cv2.COLOR_GRAY2RGB)
    if mask is not None:
        contours, _ = cv2.findContours(np.array(mask), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, contours, -1, OUTLINE_RGB, 1)
    return np.asarray(picture, np.uint8)


def kept_by_threshold(
    descriptors: Mapping[str, Sequence[ClipDescriptor]], settings: DuplicateSettings
) -> pd.DataFrame:
    """Count the clips that each similarity threshold would keep.

    Args:
        descriptors: by video: descriptors of all its clips in temporal order.
        settings: the threshold in use, which is included, and the floor.

    Returns:
        A row for each threshold: `threshold` and `clips_kept`, of all videos.
    """
    grid = np.arange(THRESHOLD_STEP, 1 + THRESHOLD_STEP / 2, THRESHOLD_STEP).round(4)
    thresholds = np.union1d(grid, settings.threshold)
    matrices = [_similarities(clips, settings.floor_levels) for clips in descriptors.values()]
    kept = [sum(_count_kept(matrix, threshold) for matrix in matrices) for threshold in thresholds]
    return pd.DataFrame({"threshold": thresholds, "clips_kept": kept})


def _similarities(clips: Sequence[ClipDescriptor], floor_levels: float) -> NDArray[np.float64]:
    """Similarity of every pair of clips: (N, N), symmetric, ones on the diagonal."""
    every = stacked(clips)
    return np.stack([similarity(every, clip, floor_levels) for clip in clips])


def _count_kept(matrix: NDArray[np.float64], threshold: float) -> int:
    """Clips of a video that the greedy rule keeps, in temporal order."""
    kept: list[int] = []
    for index, row in enumerate(matrix):
        if not kept or row[kept].max() < threshold:
            kept.append(index)
    return len(kept)


def draw_duplicate_curve(curve: pd.DataFrame, n_clips: int, settings: DuplicateSettings) -> Figure:
    """Draw the result of `kept_by_threshold`, the number of all clips and the threshold in use."""
    figure = Figure(figsize=(6.4, 4.0), dpi=DPI, layout="constrained")
    ax = figure.subplots()
    ax.step(curve["threshold"], curve["clips_kept"], where="post", color="tab:blue")
    ax.axhline(n_clips, color="0.6", linewidth=0.8, linestyle=":")
    _annotate(ax, f"all {n_clips} clips", (0.01, n_clips), (0, -11), "0.4")
    in_use = int(curve.loc[curve["threshold"] == settings.threshold, "clips_kept"].iloc[0])
    ax.axvline(settings.threshold, color="tab:red", linewidth=1)
    text = f"in use: {settings.threshold:g} keeps {in_use}"
    _annotate(ax, text, (settings.threshold, in_use), (6, -16), "tab:red")
    ax.set(
        xlabel="similarity from which a clip is a duplicate",
        ylabel="clips kept",
        xlim=(0, 1),
        ylim=(0, n_clips * 1.05),
        title="Clips kept against the threshold",
    )
    ax.grid(alpha=0.3)
    return figure


def _annotate(
    ax: Axes, text: str, place: tuple[float, float], offset: tuple[int, int], colour: str
) -> None:
    ax.annotate(text, place, offset, textcoords="offset points", fontsize=8, color=colour)
