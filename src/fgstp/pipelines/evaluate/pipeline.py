"""The graph of evaluate.

models, clips -> predict -> predictions -> score -> frame_scores, predictions -> trace_frames
-> timelines; both -> summarise_scores -> scores, summaries; scores -> list_key_scores -> key_scores
"""

from kedro.pipeline import Node, Pipeline

from fgstp.pipelines.evaluate import nodes

FOOTAGE = ["clips", "videos", "video_store"]
SETTINGS = ["params:model", "params:evaluate"]


def create_pipeline(**_kwargs: object) -> Pipeline:
    """The pipeline `evaluate` of the model that `params:model` names."""
    return Pipeline(
        [
            Node(
                nodes.predict,
                inputs=["models", *FOOTAGE, *SETTINGS, "params:seed"],
                outputs="predictions",
                name="predict",
            ),
            Node(
                nodes.score,
                inputs=["predictions", *FOOTAGE, *SETTINGS],
                outputs="frame_scores",
                name="score",
            ),
            Node(
                nodes.trace_frames,
                inputs=["predictions", *FOOTAGE, *SETTINGS],
                outputs="timelines",
                name="trace_frames",
            ),
            Node(
                nodes.summarise_scores,
                inputs=[
                    "frame_scores",
                    "timelines",
                    "predictions",
                    "videos",
                    *SETTINGS,
                    "params:seed",
                ],
                outputs=["scores", "summaries"],
                name="summarise_scores",
            ),
            Node(
                nodes.list_key_scores,
                inputs=["scores", "params:model"],
                outputs="key_scores",
                name="list_key_scores",
            ),
        ]
    )
