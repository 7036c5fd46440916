"""ZoomNeXt (arXiv 2310.20208), for clips and for single frames."""
