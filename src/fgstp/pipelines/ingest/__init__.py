"""Pipeline `ingest`: from raw footage to clips."""

from fgstp.pipelines.ingest.pipeline import create_pipeline

__all__ = ["create_pipeline"]
