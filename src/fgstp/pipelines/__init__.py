"""The pipelines; Kedro finds them by the names of their folders."""
