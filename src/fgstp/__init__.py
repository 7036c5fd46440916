"""FGSTP: find gas leaks in infrared video, from raw footage to result tables."""

__version__ = "0.1.0"
