"""Ingest: footage in, clean and documented clips out."""

from fgstp.pipelines.ingest.pipeline import create_pipeline

__all__ = ["create_pipeline"]
