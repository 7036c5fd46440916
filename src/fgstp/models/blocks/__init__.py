"""Blocks, losses and sessions that several models share."""
