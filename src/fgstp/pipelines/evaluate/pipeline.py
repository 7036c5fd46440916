"""The graph of evaluate.

checkpoint, clips -> predict -> predictions -> score -> frame scores -> summarise_scores
                                                           -> scores, summaries
"""

from kedro.pipeline import Node, Pipeline

from fgstp.pipelines.evaluate import nodes


def create_pipeline(**_kwargs: object) -> Pipeline:
    """The pipeline `evaluate`, of the one model that `model` names."""
    return Pipeline(
        [
            Node(
                nodes.predict,
                inputs=[
                    "models",
                    "clips",
                    "videos",
                    "video_store",
                    "params:model",
                    "params:evaluate",
                    "params:seed",
                ],
                outputs="predictions",
                name="predict",
            ),
            Node(
                nodes.score,
                inputs=[
                    "predictions",
                    "clips",
                    "videos",
                    "video_store",
                    "params:model",
                    "params:evaluate",
                ],
                outputs="frame_scores",
                name="score",
            ),
            Node(
                nodes.summarise_scores,
                inputs=[
                    "frame_scores",
                    "predictions",
                    "videos",
                    "params:model",
                    "params:evaluate",
                    "params:seed",
                ],
                outputs=["scores", "summaries"],
                name="summarise_scores",
            ),
        ]
    )
