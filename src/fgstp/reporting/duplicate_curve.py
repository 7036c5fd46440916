"""The duplicate curve: how many clips each threshold would keep."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fgstp.footage.descriptors import ClipDescriptor
from fgstp.footage.duplicates import count_kept, similarity_matrix
from fgstp.footage.settings import DuplicateSettings

STEP = 0.02


def kept_by_threshold(
    descriptors: Mapping[str, Sequence[ClipDescriptor]], settings: DuplicateSettings
) -> pd.DataFrame:
    """Count the clips that each threshold would keep.

    Args:
        descriptors: those of all clips of each video, in the order of time.
        settings: the threshold in use, which is among those counted, and the floor.

    Returns:
        A row a threshold: `threshold` and `clips_kept` over all videos.
    """
    grid = np.arange(STEP, 1 + STEP / 2, STEP).round(4)
    thresholds = np.union1d(grid, settings.threshold)
    matrices = [similarity_matrix(clips, settings.floor_levels) for clips in descriptors.values()]
    kept = [sum(count_kept(matrix, threshold) for matrix in matrices) for threshold in thresholds]
    return pd.DataFrame({"threshold": thresholds, "clips_kept": kept})


def draw_duplicate_curve(curve: pd.DataFrame, n_clips: int, settings: DuplicateSettings) -> Figure:
    """Draw clips kept against the threshold, with the threshold in use.

    Args:
        curve: what `kept_by_threshold` gave.
        n_clips: clips in all.
        settings: the threshold in use.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(6.4, 4.0), dpi=110, layout="constrained")
    ax = figure.subplots()
    ax.step(curve["threshold"], curve["clips_kept"], where="post", color="tab:blue")
    ax.axhline(n_clips, color="0.6", linewidth=0.8, linestyle=":")
    ax.annotate(
        f"all {n_clips} clips",
        (0.01, n_clips),
        xytext=(0, -11),
        textcoords="offset points",
        fontsize=8,
        color="0.4",
    )
    in_use = int(curve.loc[curve["threshold"] == settings.threshold, "clips_kept"].iloc[0])
    ax.axvline(settings.threshold, color="tab:red", linewidth=1)
    ax.annotate(
        f"in use: {settings.threshold:g} keeps {in_use}",
        (settings.threshold, in_use),
        xytext=(6, -16),
        textcoords="offset points",
        fontsize=8,
        color="tab:red",
    )
    ax.set(
        xlabel="similarity from which a clip is a duplicate",
        ylabel="clips kept",
        xlim=(0, 1),
        ylim=(0, n_clips * 1.05),
        title="Clips kept against the threshold",
    )
    ax.grid(alpha=0.3)
    return figure
