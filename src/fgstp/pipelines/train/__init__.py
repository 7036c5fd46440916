"""Clips to a trained model."""

from fgstp.pipelines.train.pipeline import create_pipeline

__all__ = ["create_pipeline"]
