"""The graph of evaluate.

models, clips -> predict -> predictions; predictions -> score -> frame_scores;
predictions -> trace_frames -> events, timelines, detection;
frame_scores, detection -> summarise_scores -> scores, summaries, key_scores
"""

from kedro.pipeline import Node, Pipeline

from fgstp.pipelines.evaluate import nodes, tracing

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
                tracing.trace_frames,
                inputs=["predictions", *FOOTAGE, *SETTINGS, "params:seed"],
                outputs=["events", "timelines", "detection"],
                name="trace_frames",
            ),
            Node(
                nodes.summarise_scores,
                inputs=[
                    "frame_scores",
                    "detection",
                    "predictions",
                    "videos",
                    *SETTINGS,
                    "params:seed",
                ],
                outputs=["scores", "summaries", "key_scores"],
                name="summarise_scores",
            ),
        ]
    )
