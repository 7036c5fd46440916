"""State dicts: safe reading of files, renaming of keys, and checks against a network."""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from fgstp.core.errors import UserError

Weights = dict[str, Tensor]
Rules = list[tuple[str, str]]  # regular expression at the start of a key, and its replacement
WRAPPINGS = ("state_dict", "model_state_dict", "model", "weights")  # keys that may hold one
SHOWN = 3  # keys that a message names


def read_object(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    """Load tensors, on the CPU, and plain values of a file of torch or a `.safetensors`.

    No code in the file is run.

    Raises:
        UserError: the file does not exist, cannot be read, or holds anything else.
    """
    if not path.is_file():
        raise UserError(f"There is no file {path}; check the path.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file  # noqa: PLC0415 - rarely needed

            return load_file(path)
        with warnings.catch_warnings(action="ignore"):  # about formats that are then refused
            return torch.load(path, map_location="cpu", weights_only=True)
    except PermissionError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from error
    except MemoryError:
        raise
    except Exception as error:  # parsers raise anything on other formats
        raise UserError(
            f"{path} is no file of weights that can be read safely; it is damaged or of another "
            "kind."
        ) from error


def read_weights(path: Path) -> Weights:
    """Load a state dict, bare or under one of the usual keys.

    The prefix `module.` of parallel training is removed from the names.

    Raises:
        UserError: as `read_object`, there is no state dict in the file, or it cannot be used.
    """
    found = read_object(path)
    for wrapping in WRAPPINGS:
        if isinstance(found, Mapping) and isinstance(found.get(wrapping), Mapping):
            found = found[wrapping]
    if not (isinstance(found, Mapping) and found and _are_tensors(found.values())):
        raise UserError(f"{path} holds no state dict: a mapping of names to tensors is needed.")
    check_values(found, path)
    return {str(name).removeprefix("module."): tensor for name, tensor in found.items()}


def renamed(weights: Mapping[str, Tensor], rules: Rules) -> tuple[Weights, list[str]]:
    """Rename each key by the first rule that matches its start.

    Returns:
        Renamed tensors, and keys that no rule matches or that collide with another.
    """
    result: Weights = {}
    unmatched = []
    for key, tensor in weights.items():
        name = _renamed(key, rules)
        if name is None or name in result:
            unmatched.append(key)
        else:
            result[name] = tensor
    return result, unmatched


def check_values(weights: Mapping[str, Tensor], path: Path) -> None:
    """Raise a `UserError` if weights of a file cannot be computed with, or are not finite."""
    packed = [key for key, tensor in weights.items() if not _is_plain(tensor)]
    broken = [
        key
        for key, tensor in weights.items()
        if key not in packed and not torch.isfinite(tensor.float()).all()
    ]
    faults = [
        *_counted(packed, "tensor is sparse or packed", "tensors are sparse or packed"),
        *_counted(broken, "tensor is not finite", "tensors are not finite"),
    ]
    if faults:
        raise UserError(
            f"{path} cannot be used: {', and '.join(faults)}; train or export it again."
        )


def check_fit(
    weights: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    *,
    unmatched: Iterable[str] = (),
    what: str,
) -> None:
    """Raise an error if weights do not fit a network exactly.

    Args:
        weights: tensors by the network's names.
        expected: the network's own state dict.
        unmatched: keys already known to be unexpected.
        what: the file and the network, for the message: `a.pth does not fit fgstp`.

    Raises:
        UserError: keys are unexpected or missing, or shapes differ; the first few are named.
    """
    unknown = [*unmatched, *(key for key in weights if key not in expected)]
    missing = [key for key in expected if key not in weights]
    other = [
        f"{key} is {_shape(tensor)} instead of {_shape(expected[key])}"
        for key, tensor in weights.items()
        if key in expected and tensor.shape != expected[key].shape
    ]
    faults = [
        *_counted(unknown, "key belongs to nothing in it", "keys belong to nothing in it"),
        *_counted(missing, "tensor is missing", "tensors are missing"),
        *_counted(other, "tensor has another shape", "tensors have another shape"),
    ]
    if faults:
        raise UserError(f"{what}: {', and '.join(faults)}.")


def _are_tensors(values: Iterable[object]) -> bool:
    return all(isinstance(value, Tensor) for value in values)


def _is_plain(tensor: Tensor) -> bool:
    """Whether it holds real values one by one: it is not sparse, nested, quantised or `meta`."""
    return (
        tensor.layout is torch.strided
        and not (tensor.is_quantized or tensor.is_complex() or tensor.is_nested)
        and tensor.device.type != "meta"
    )


def _renamed(key: str, rules: Rules) -> str | None:
    for pattern, replacement in rules:
        found = re.match(pattern, key)
        if found:
            return found.expand(replacement) + key[found.end() :]
    return None


def _counted(names: Sequence[str], one: str, many: str) -> Iterator[str]:
    if names:
        more = ", ..." if len(names) > SHOWN else ""
        yield f"{len(names)} {one if len(names) == 1 else many} ({', '.join(names[:SHOWN])}{more})"


def _shape(tensor: Tensor) -> str:
    return " x ".join(str(side) for side in tensor.shape) or "a single number"


def weights_content(weights: Mapping[str, Tensor]) -> bytes:
    """Weights as the content of a file of safetensors."""
    return save({key: tensor.detach().cpu().contiguous() for key, tensor in weights.items()})
