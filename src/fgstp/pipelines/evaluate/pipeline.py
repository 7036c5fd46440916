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
                    "training@one",
                    "clips",
                    "video_store",
                    "models",
                    "predictions",
                    "params:model",
                    "params:evaluate",
                    "params:seed",
                ],
                outputs="predicted",
                name="predict",
            ),
            Node(
                nodes.score,
                inputs=[
                    "predicted",
                    "clips",
                    "videos",
                    "video_store",
                    "predictions",
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
                    "predicted",
                    "videos",
                    "params:evaluate",
                    "params:seed",
                ],
                outputs=["scores@one", "summaries@one"],
                name="summarise_scores",
            ),
        ]
    )
