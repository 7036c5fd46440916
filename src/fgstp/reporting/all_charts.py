"""All charts of a comparison, by section of the page."""

from collections.abc import Mapping, Sequence

from fgstp.reporting.charts import Chart
from fgstp.reporting.event_charts import event_charts
from fgstp.reporting.frame_charts import frame_charts
from fgstp.reporting.group_charts import area_chart, group_charts, speed_chart
from fgstp.reporting.results import Results
from fgstp.reporting.summaries import selected
from fgstp.reporting.tables import HEADLINE_COLUMNS
from fgstp.reporting.threshold_charts import pixel_charts, sum_frames, threshold_charts
from fgstp.reporting.trainings import training_charts

Charts = Mapping[str, Sequence[Chart]]
OF_MASKS = ("frames", "pixels", "groups", "speed")


def make_charts(results: Results) -> Charts:
    """Compute all charts, by section: `OF_MASKS`, `events` and `training`.

    Sections whose figures the footage does not allow are empty.
    """
    rows = results.rows
    return {
        **(_of_masks(results) if results.plain else dict.fromkeys(OF_MASKS, ())),
        "events": event_charts(results.timelines, results.events, rows),
        "training": training_charts(results.trainings, rows),
    }


def _of_masks(results: Results) -> Charts:
    comparison, rows = results.comparison, results.rows
    plain = results.plain.name if results.plain else ""
    frames = {row.model: results.plain_frames(row.model) for row in rows}
    scored = frames[rows[0].model].drop_duplicates(["clip", "frame"]).groupby("clip")["frame"]
    numbers = {str(clip): own.sort_values().to_numpy("int64") for clip, own in scored}
    clips = [clip for clip in results.clips if clip.name in numbers]
    protocols = [
        comparison.protocols[name] for name, _ in selected(comparison.summaries, HEADLINE_COLUMNS)
    ]
    sums = sum_frames(clips, results.store, numbers, results.predictions, protocols)
    by_area = area_chart(frames, clips, results.store, rows)
    speed = speed_chart(comparison.summaries, rows, comparison.facts, plain)
    charts: tuple[Sequence[Chart | None], ...] = (
        frame_charts(frames, rows),
        [*threshold_charts(sums, rows, protocols), *pixel_charts(sums, rows)],
        [*group_charts(comparison.summaries, rows, plain), by_area],
        [speed],
    )
    return {
        section: [chart for chart in own if chart]
        for section, own in zip(OF_MASKS, charts, strict=True)
    }
