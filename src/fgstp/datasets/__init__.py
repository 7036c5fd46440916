"""Kedro dataset classes: how the catalog reads and writes what Kedro's own classes do not."""
