"""Models by their names and files; torch is imported for those alone that need it."""

from importlib.util import find_spec
from pathlib import Path

from fgstp.core.errors import UserError, did_you_mean
from fgstp.models.exported.graphs import SUFFIXES
from fgstp.models.exported.predictor import load_exported
from fgstp.models.predictor import VideoPredictor
from fgstp.models.shipped_files import find_shipped, graph_file, list_shipped


def load_model(
    path: Path | str,
    *,
    model: str | None = None,
    device: str = "cpu",
    batch_frames: int | None = None,
) -> VideoPredictor:
    """Load a model, ready to predict.

    Args:
        path: a checkpoint, the name of weights that come with the package, such as `wisp`, or a
            file that `fgstp export` wrote, which is run without torch.
        model: required name of the model; None accepts any.
        device: device of the model: `cpu`, `cuda`, `cuda:1`, or `auto`, a GPU if there is one.
        batch_frames: frames that it predicts at a time; None: as it was trained with. An exported
            model predicts one.

    Returns:
        The model, in evaluation mode.

    Raises:
        UserError: the file does not exist, is damaged or of another model, its weights do not fit
            its settings, or the device is not available.

    Example:
        >>> from fgstp import load_model, read_video
        >>> model = load_model("data/06_models/fgstp/seed_1/best.ckpt")
        >>> maps = model.predict(read_video("leak.mkv"))
        >>> maps.shape, maps.dtype
        ((20, 60, 80), dtype('float32'))
    """
    if is_exported(path):
        if device not in {"auto", "cpu"}:
            raise UserError(f"{path} runs on the CPU; choose a checkpoint for {device}.")
        return load_exported(Path(path), model=model)
    from fgstp.models import checkpoint  # noqa: PLC0415 - it imports torch

    return checkpoint.load_model(path, model=model, device=device, batch_frames=batch_frames)


def find_model(name: Path | str, device: str = "cpu") -> VideoPredictor:
    """A model that detects: one without training by its name, or one that `load_model` loads.

    Of shipped weights it is the exported network, which runs without torch, unless a GPU is wanted
    or is there.

    Raises:
        UserError: there is no such model, it has no weights, or as for `load_model`.
    """
    graph = graph_file(str(name))
    if graph is not None and (device == "cpu" or (device == "auto" and not _has_gpu())):
        return load_exported(graph)
    if not is_exported(name):
        from fgstp.models.base import Model  # noqa: PLC0415 - it imports torch
        from fgstp.models.registry import create_model, list_models  # noqa: PLC0415 - as above

        if str(name) in list_models():
            created = create_model(str(name))
            if not isinstance(created, Model):
                return created
        if find_shipped(str(name)) is None and not Path(name).exists():
            raise UserError(_no_weights(name, list_models()))
    return load_model(name, device=device)


def _no_weights(name: Path | str, models: list[str]) -> str:
    """Why there are no weights of a name."""
    if str(name) in models:
        return (
            f"{name} comes without weights; name a checkpoint of it, such as "
            f"data/06_models/{name}/seed_1/best.ckpt, or choose wisp."
        )
    close = did_you_mean(name, [*list_shipped(), "wisp", *models])
    return f"There is no model and no file {name}{close}; name a checkpoint, or choose wisp."


def _has_gpu() -> bool:
    """Whether torch is installed and has a GPU, without importing it where there is none."""
    if not Path("/dev/nvidiactl").exists() or find_spec("torch") is None:
        return False
    import torch  # noqa: PLC0415 - it takes seconds

    return torch.cuda.is_available()


def is_exported(path: Path | str) -> bool:
    """Whether a file was exported, by its suffix."""
    return Path(path).suffix in SUFFIXES
