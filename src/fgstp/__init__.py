"""FGSTP: find gas leaks in infrared video.

Each name is imported when it is first used, so that `import fgstp` is fast and loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fgstp.detection.detector import Detector
    from fgstp.footage.frame_sources import read_video
    from fgstp.models.loading import load_model
    from fgstp.models.registry import create_model, list_models, model_info
    from fgstp.plumes import SyntheticVideo
    from fgstp.scoring import score_clip as score
    from fgstp.training.fit import train

    __version__: str

__all__ = [
    "Detector",
    "SyntheticVideo",
    "__version__",
    "create_model",
    "list_models",
    "load_model",
    "model_info",
    "read_video",
    "score",
    "train",
]

_PLACES = {
    "Detector": "fgstp.detection.detector:Detector",
    "SyntheticVideo": "fgstp.plumes:SyntheticVideo",
    "create_model": "fgstp.models.registry:create_model",
    "list_models": "fgstp.models.registry:list_models",
    "load_model": "fgstp.models.loading:load_model",
    "model_info": "fgstp.models.registry:model_info",
    "read_video": "fgstp.footage.frame_sources:read_video",
    "score": "fgstp.scoring:score_clip",
    "train": "fgstp.training.fit:train",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the type depends on the name
    if name == "__version__":  # pyproject.toml is the only place where it is written
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

        try:
            return version("fgstp")
        except PackageNotFoundError:  # a copy of the sources on a bare GPU machine
            return "unknown"
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PLACES[name].partition(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
