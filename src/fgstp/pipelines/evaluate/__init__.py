"""A trained model to scores."""

from fgstp.pipelines.evaluate.pipeline import create_pipeline

__all__ = ["create_pipeline"]
