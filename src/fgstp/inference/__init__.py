"""Trained models at work on clips."""
