"""The graph of ingest.

raw footage -> find_footage -> footage -> ingest_footage -> video store -> list_clips
-> videos, cut clips -> hold_out_validation -> clips -> contact sheets, duplicate curve, summary
"""

from kedro.pipeline import Node, Pipeline

from fgstp.pipelines.ingest import nodes


def create_pipeline(**_kwargs: object) -> Pipeline:
    """The pipeline `ingest`."""
    return Pipeline(
        [
            Node(
                nodes.find_footage,
                inputs=["raw_footage", "gasvid_table", "params:ingest", "params:seed"],
                outputs="footage",
                name="find_footage",
            ),
            Node(
                nodes.ingest_footage,
                inputs=["footage", "params:ingest"],
                outputs="video_store",
                name="ingest_footage",
            ),
            Node(
                nodes.list_clips,
                inputs="video_store",
                outputs=["videos", "cut_clips"],
                name="list_clips",
            ),
            Node(
                nodes.hold_out_validation,
                inputs=["cut_clips", "params:ingest", "params:seed"],
                outputs="clips",
                name="hold_out_validation",
            ),
            Node(
                nodes.draw_contact_sheets,
                inputs=["videos", "clips", "video_store", "params:ingest"],
                outputs="contact_sheets",
                name="draw_contact_sheets",
            ),
            Node(
                nodes.trace_duplicates,
                inputs=["clips", "video_store", "params:ingest"],
                outputs=["duplicate_curve", "duplicate_figure"],
                name="trace_duplicates",
            ),
            Node(
                nodes.summarise_ingest,
                inputs=["videos", "clips", "params:ingest"],
                outputs="ingest_summary",
                name="summarise_ingest",
            ),
        ]
    )
