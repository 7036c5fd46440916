"""The figure and the page of an archive, whose size does not depend on that of the archive."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np
from matplotlib.figure import Figure

from fgstp.core.files import write_text
from fgstp.detection.archive import SOURCES
from fgstp.detection.figure import DPI, LEAK, SIZE_IN, SMALL, STATE_COLOURS, write_figure
from fgstp.detection.overview import N_BINS, Overview
from fgstp.detection.page import INDEX, SUMMARY, inline, templates
from fgstp.detection.timeline import NAME, STATES
from fgstp.detection.wording import TOLD


def write_archive_page(overview: Overview, out: Path, tables: Sequence[str]) -> None:
    """Write `timeline.png`, `timeline.svg` and `index.html`.

    Args:
        overview: what was found.
        out: the folder of the archive.
        tables: names of its tables, for links.

    Raises:
        UserError: a file cannot be written.
    """
    svg = write_figure(archive_figure(overview), out)
    pages = {
        each.name: f"{SOURCES}/{quote(each.name)}/{SUMMARY}"
        for each in (*overview.busiest, *overview.failed)
        if (out / SOURCES / each.name / SUMMARY).is_file()
    }
    page = (
        templates()
        .get_template("archive.html.j2")
        .render(
            name=out.resolve().name,
            overview=overview,
            pages=pages,
            timeline=inline(svg),
            files=[*tables, f"{NAME}.png"],
        )
    )
    write_text(out / INDEX, page)


def archive_figure(overview: Overview) -> Figure:
    """Draw the shares of time with an event, and of the states of the picture, over all footage."""
    figure = Figure(figsize=SIZE_IN, dpi=DPI, layout="constrained")
    events, states = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    unit, unit_s = ("hours", 3600) if overview.duration_s >= 2 * 3600 else ("minutes", 60)
    edges = np.arange(N_BINS + 1) * overview.width_s / unit_s
    share = np.minimum(overview.event_s / overview.width_s, 1.0)
    events.stairs(100 * share, edges, fill=True, color=LEAK)
    events.set_ylim(0, 100)
    below = np.zeros(N_BINS)
    for state, seconds in zip(STATES, overview.state_s, strict=True):
        if seconds.any():
            top = below + 100 * seconds / overview.width_s
            colour, label = STATE_COLOURS[state], TOLD[state]
            states.stairs(top, edges, baseline=below, fill=True, color=colour, label=label)
            below = top
    states.set_ylim(0, 100)
    states.set_xlim(0, edges[-1])
    states.set_xlabel(f"{unit} of footage, in the order of the manifest", fontsize=SMALL)
    for ax, title in ((events, "with an event (%)"), (states, "picture (%)")):
        ax.set_ylabel(title, fontsize=SMALL)
        ax.tick_params(labelsize=SMALL)
    if below.any():
        states.legend(
            fontsize=SMALL, ncols=10, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0.2,
            handlelength=1.4,
        )  # fmt: skip
    return figure
