"""WISP: windowed innovation statistics and a small network that reads them."""
