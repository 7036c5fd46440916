"""Reporting: figures, tables and pages made from what the pipelines left."""
