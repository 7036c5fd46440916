"""Categories as figures and tables show them: the near ones first."""

DISTANCES = ("close", "medium", "long")


def category_order(category: str) -> tuple[int, str]:
    """Sorting key: by distance, then by name; what has no known distance comes last."""
    distance = category.partition("_")[0]
    place = DISTANCES.index(distance) if distance in DISTANCES else len(DISTANCES)
    return place, category


def category_title(category: str) -> str:
    """A category in words, such as `close, complex` for `close_complex`."""
    return category.replace("_", ", ")
