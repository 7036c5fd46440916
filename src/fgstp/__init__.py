"""FGSTP: find gas leaks in infrared video, from raw footage to result tables."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fgstp.models.checkpoint import load_model

__all__ = ["__version__", "load_model"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import torch for those alone who load a model."""
    if name == "load_model":
        from fgstp.models.checkpoint import load_model  # noqa: PLC0415

        return load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
