"""The graph of train.

clips -> train_system -> training, and in the model folder the checkpoint
"""

from kedro.pipeline import Node, Pipeline

from fgstp.pipelines.train import nodes


def create_pipeline(**_kwargs: object) -> Pipeline:
    """The pipeline `train`, of the one system that `model` names."""
    return Pipeline(
        [
            Node(
                nodes.train_system,
                inputs=[
                    "clips",
                    "clip_files",
                    "models",
                    "params:model",
                    "params:systems",
                    "params:train",
                    "params:seed",
                ],
                outputs="training@one",
                name="train_system",
            ),
        ]
    )
