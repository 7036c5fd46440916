"""From the scores of all models to tables, figures and a page."""

from fgstp.pipelines.report.pipeline import create_pipeline

__all__ = ["create_pipeline"]
