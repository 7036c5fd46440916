"""Footage: reading videos and masks, and cutting them into clips."""
