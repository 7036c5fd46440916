"""Trained systems at work on clips."""
