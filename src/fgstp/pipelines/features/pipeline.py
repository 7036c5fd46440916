"""The graph of features.

clips, video store -> compute_features -> features
"""

from kedro.pipeline import Node, Pipeline

from fgstp.pipelines.features import nodes


def create_pipeline(**_kwargs: object) -> Pipeline:
    """The pipeline `features`, of the one model that `model` names."""
    return Pipeline(
        [
            Node(
                nodes.compute_features,
                inputs=["clips", "video_store", "params:model", "params:models", "params:train"],
                outputs="features",
                name="compute_features",
            ),
        ]
    )
