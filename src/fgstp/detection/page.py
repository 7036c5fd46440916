"""Pages for the browser: one for each video that was watched, and a list of them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from fgstp.core.files import write_text
from fgstp.core.templating import environment
from fgstp.core.wording import clock, length
from fgstp.detection.event_files import TABLE
from fgstp.detection.event_lines import LINES, read_watched
from fgstp.detection.overlay import OVERLAYS
from fgstp.detection.report import DetectionReport
from fgstp.detection.sources import shown_name
from fgstp.detection.timeline import NAME
from fgstp.detection.wording import TOLD

SUMMARY, INDEX = "summary.html", "index.html"
PACKAGE = "fgstp.detection"


def write_summary(report: DetectionReport, folder: Path, timeline_svg: str) -> None:
    """Write `summary.html`, which needs no other file but the video beside it.

    Args:
        report: what was found.
        folder: where it is written.
        timeline_svg: text of the figure.

    Raises:
        UserError: it cannot be written.
    """
    overlay = next((name for name in OVERLAYS if (folder / name).is_file()), None)
    files = [name for name in (TABLE, LINES, f"{NAME}.png") if (folder / name).is_file()]
    page = (
        templates()
        .get_template("summary.html.j2")
        .render(
            report=report,
            name=report.name,
            overlay=overlay,
            timeline=inline(timeline_svg),
            states={TOLD[state]: s for state, s in report.state_s.items() if s},
            settings=dict(_flat(report.settings.model_dump(mode="json"))),
            files=files,
        )
    )
    write_text(folder / SUMMARY, page)


def write_index(out: Path) -> None:
    """Write `index.html`, a list of all videos whose results lie in folders below `out`.

    Raises:
        UserError: it cannot be written.
    """
    paths = sorted(out.glob(f"*/{LINES}"))
    videos = [(path.parent, told) for path in paths if (told := read_watched(path))]
    if videos:
        rows = [_row(folder, told) for folder, told in videos]
        page = templates().get_template("index.html.j2").render(rows=rows, name=out.name)
        write_text(out / INDEX, page)


def inline(svg: str) -> Markup:
    """The text of a figure as a part of a page, whose links stay on that page."""
    body = svg[svg.index("<svg") :].replace(' target="_blank"', "")
    return Markup(re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL))


def _row(folder: Path, told: dict[str, Any]) -> dict[str, Any]:
    has_page = (folder / SUMMARY).is_file()
    return told | {
        "name": shown_name(told["source"]),
        "page": f"{quote(folder.name)}/{SUMMARY}" if has_page else None,
    }


def templates() -> Any:  # noqa: ANN401 - that of Jinja
    """Templates of pages, which tell times by the filters `clock` and `length`."""
    found = environment(PACKAGE)
    found.filters |= {"clock": clock, "length": length}
    return found


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their dotted names."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
