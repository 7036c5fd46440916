"""The graph of train.

clips, features -> train_model -> models: checkpoints and records
"""

from kedro.pipeline import Node, Pipeline

from fgstp.pipelines.train import nodes


def create_pipeline(**_kwargs: object) -> Pipeline:
    """The pipeline `train` of the model that `params:model` names."""
    return Pipeline(
        [
            Node(
                nodes.train_model,
                inputs=[
                    *("clips", "video_store", "features"),
                    *("params:model", "params:models", "params:train", "params:seed"),
                ],
                outputs="models",
                name="train_model",
            ),
        ]
    )
