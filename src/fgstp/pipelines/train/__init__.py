"""Clips to a trained system."""

from fgstp.pipelines.train.pipeline import create_pipeline

__all__ = ["create_pipeline"]
