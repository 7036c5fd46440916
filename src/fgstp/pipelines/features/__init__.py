"""Features of clips that a model is trained on."""

from fgstp.pipelines.features.pipeline import create_pipeline

__all__ = ["create_pipeline"]
