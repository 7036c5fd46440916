"""The graph of train.

clips -> train_model -> training, and in the model folder the checkpoint
"""

from kedro.pipeline import Node, Pipeline

from fgstp.pipelines.train import nodes


def create_pipeline(**_kwargs: object) -> Pipeline:
    """The pipeline `train`, of the one model that `model` names."""
    return Pipeline(
        [
            Node(
                nodes.train_model,
                inputs=[
                    "clips",
                    "video_store",
                    "models",
                    "params:model",
                    "params:models",
                    "params:train",
                    "params:seed",
                ],
                outputs="training@one",
                name="train_model",
            ),
        ]
    )
