"""The graph of ingest.

raw footage -> cut_clips -> videos, cut clips -> hold_out_validation -> clips
                                                   -> contact sheets, duplicate curve, summary
"""

from kedro.pipeline import Node, Pipeline

from fgstp.pipelines.ingest import nodes


def create_pipeline(**_kwargs: object) -> Pipeline:
    """The pipeline `ingest`."""
    return Pipeline(
        [
            Node(
                nodes.cut_clips,
                inputs=[
                    "raw_footage",
                    "gasvid_table",
                    "clip_files",
                    "ingest_records",
                    "params:ingest",
                    "params:seed",
                ],
                outputs=["videos", "cut_clips"],
                name="cut_clips",
            ),
            Node(
                nodes.hold_out_validation,
                inputs=["cut_clips", "params:ingest", "params:seed"],
                outputs="clips",
                name="hold_out_validation",
            ),
            Node(
                nodes.draw_contact_sheets,
                inputs=["videos", "clips", "clip_files", "params:ingest"],
                outputs="contact_sheets",
                name="draw_contact_sheets",
            ),
            Node(
                nodes.trace_duplicates,
                inputs=["clips", "ingest_records", "params:ingest"],
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
