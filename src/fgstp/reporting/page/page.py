"""The report as one page, and what stands beside it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from fgstp.core.templating import environment
from fgstp.core.wording import clock
from fgstp.reporting import costs
from fgstp.reporting.chart_svg import chart_svg
from fgstp.reporting.charts import Chart
from fgstp.reporting.comparison import Comparison
from fgstp.reporting.names import ModelRow
from fgstp.reporting.notes import counted, protocol_note, protocol_rules
from fgstp.reporting.page.headline import headline, headline_notes, legend
from fgstp.reporting.page.strips import Strip
from fgstp.reporting.result_tables import PUBLISHED
from fgstp.reporting.results import Results
from fgstp.reporting.summaries import PAPERS
from fgstp.reporting.trainings import training_table

TITLE = "Gas leak segmentation: comparison of models"
BESIDE = "report"  # folder of what does not fit the page
LARGEST_BYTES = 19_000_000  # of the page
Settings = Mapping[str, Any]


class ShownVideo(NamedTuple):
    """A video on the page.

    Attributes:
        name: its id.
        title: its id, category and distance.
        strip: its strip.
        n_frames: number of frames in the player, and of all of its predicted frames.
        data: JSON of the player, see `video_data`.
    """

    name: str
    title: str
    strip: Strip
    n_frames: tuple[int, int]
    data: str


class PickedPicture(NamedTuple):
    """A picture of a picked frame: the picture, the frame and where the player has it."""

    source: str
    alt: str
    told: str
    video: str
    number: int


class Gallery(NamedTuple):
    """Pictures of a model, by heading; at least one of them."""

    row: ModelRow
    pictures: Mapping[str, Sequence[PickedPicture]]


class Run(NamedTuple):
    """What made the report: facts by name, and all settings by their dotted names."""

    facts: Mapping[str, str]
    settings: Settings


class Page(NamedTuple):
    """The page, and texts by the names of files of the folder `BESIDE`."""

    html: str
    beside: dict[str, str]


def page(
    results: Results,
    charts: Mapping[str, Sequence[Chart]],
    videos: Sequence[ShownVideo],
    galleries: Sequence[Gallery],
    run: Run,
) -> Page:
    """Make the page, no larger than `LARGEST_BYTES` but for what its tables and charts need.

    Videos whose frames do not fit stand beside it, and are loaded when they are looked at.

    Args:
        results: what was scored and predicted.
        charts: by section: its charts.
        videos: the videos that are shown.
        galleries: picked frames of each model.
        run: what made it.
    """
    comparison, rows = results.comparison, results.rows
    table = headline(comparison, rows)
    facts = {
        "title": TITLE,
        "evaluated": _evaluated(comparison),
        "published": _published(comparison),
        "published_block": PUBLISHED,
        "comparison": comparison,
        "headline": table,
        "headline_notes": headline_notes(comparison, rows),
        "models": [(row, legend(row, place)) for place, row in enumerate(rows)],
        "chosen": table.best,
        "protocol_rules": {
            name: protocol_rules(each) for name, each in comparison.protocols.items()
        },
        "charts": {
            section: [(chart, chart_svg(chart)) for chart in each]
            for section, each in charts.items()
        },
        "trainings": training_table(results.trainings),
        "cost_note": costs.NOTE,
        "galleries": galleries,
        "videos": videos,
        "n_videos": len({clip.video for clip in results.clips}),
        "beside": BESIDE,
        "run": run,
        "clock": clock,
    }
    room = LARGEST_BYTES - len(_rendered(comparison, facts, {}).encode())
    embedded: dict[str, Markup] = {}
    for video in videos:
        if len(video.data) <= room:
            room -= len(video.data)
            embedded[video.name] = Markup(video.data)
    beside = {
        f"{video.name}.js": f'fgstpVideo("{video.name}",{video.data});\n'
        for video in videos
        if video.name not in embedded
    }
    tables = {
        f"{chart.name}.csv": chart.tidy().to_csv(index=False)
        for each in charts.values()
        for chart in each
    }
    return Page(_rendered(comparison, facts, embedded), beside | tables)


def _rendered(
    comparison: Comparison, facts: Mapping[str, Any], embedded: Mapping[str, Markup]
) -> str:
    told = {protocol_note(each) for each in comparison.protocols.values()}

    def fresh(sentences: Sequence[str]) -> list[str]:
        """Those that the page has not told yet; rules of protocols have a section of their own."""
        new = [each for each in dict.fromkeys(sentences) if each not in told]
        told.update(new)
        return new

    template = environment("fgstp.reporting").get_template("report.html.j2")
    return template.render(facts, fresh=fresh, embedded=embedded)


def _evaluated(comparison: Comparison) -> str:
    footage = comparison.footage
    return (
        f"{counted(len(comparison.titles), 'model')}, evaluated on {footage.name} with "
        f"{footage.masks}: {comparison.scored}."
    )


def _published(comparison: Comparison) -> str:
    footage = comparison.footage
    sentence = f"Scores published by the paper are marked as such. They are on {PAPERS.name}"
    if footage.is_the_papers:
        return f"{sentence}, under a protocol that the paper does not state."
    return (
        f"{sentence} with the masks of its authors, so they are not comparable with scores on "
        f"{footage.name} with {footage.masks}."
    )
