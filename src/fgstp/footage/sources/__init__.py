"""Sources of footage: what each of them finds."""
