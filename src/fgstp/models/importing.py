"""Published checkpoints as models of this project."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fgstp.core.errors import UserError
from fgstp.models.fgstp.published import published as fgstp
from fgstp.models.mg.weights import published as mg
from fgstp.models.published import Published
from fgstp.models.registry import AnyModel, create_model
from fgstp.models.rmem.weights import published as rmem
from fgstp.models.sinet_v2.published import published as sinet_v2
from fgstp.models.slt_net.published import published as slt_net
from fgstp.models.state_dicts import read_weights
from fgstp.models.xmem_pp.weights import published as xmem_pp
from fgstp.models.zoomnext.weights import published as zoomnext

Values = Mapping[str, Any]

IMPORTABLE: Mapping[str, Callable[[Values], Published]] = {
    "fgstp": fgstp,
    "mg": mg,
    "rmem": rmem,
    "sinet_v2": sinet_v2,
    "slt_net": slt_net,
    "xmem_pp": xmem_pp,
    "zoomnext": zoomnext,
}


def import_published(path: Path, model: str, settings: Values | None = None) -> AnyModel:
    """Make a model of a published state dict.

    Args:
        path: the file, as the authors wrote it.
        model: name of the model, one of `IMPORTABLE`.
        settings: of the model, where they are to differ from those of the published network,
            such as `{"base": "deaotl"}` of RMem.

    Returns:
        The model with these weights.

    Raises:
        UserError: a setting is wrong, the file cannot be read, or its weights do not fit the
            network exactly.
    """
    values = settings or {}
    published = IMPORTABLE[model](values)
    imported = create_model(model, _merged(published.settings, values))
    theirs = read_weights(path)
    weights = published.weights_for(imported.network, theirs, f"{path} does not fit {model}")
    imported.network.load_state_dict(weights)
    return imported


def _merged(below: Values, above: Values) -> dict[str, Any]:
    """Settings of one kind with others laid over them, inside of blocks too."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def parsed_settings(pairs: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted keys as nested ones.

    Args:
        pairs: such as `{"encoder.name": "pvt_v2_b2"}`.

    Raises:
        UserError: a key stands for a value and for a block, in whichever order they come, or
            the same setting is given twice.
    """
    nested: dict[str, Any] = {}
    for dotted, value in pairs.items():
        *blocks, key = dotted.split(".")
        place = nested
        for block in blocks:
            place = place.setdefault(block, {})
            if not isinstance(place, dict):
                raise UserError(f"The setting {dotted} stands below another value; give one.")
        if key in place:  # what came first would be lost
            raise UserError(f"The setting {dotted} is given already, or one below it; give one.")
        place[key] = value
    return nested
