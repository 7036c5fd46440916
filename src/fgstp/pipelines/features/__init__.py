"""Pipeline `features`: what a model precomputes of its training clips."""

from fgstp.pipelines.features.pipeline import create_pipeline

__all__ = ["create_pipeline"]
