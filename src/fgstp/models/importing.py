"""Published checkpoints as models of this project."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fgstp.core.errors import UserError
from fgstp.models.base import AnyModel, Model
from fgstp.models.registry import create_model, model_info, model_infos
from fgstp.models.state_dicts import read_weights

Values = Mapping[str, Any]


def import_published(path: Path, model: str, settings: Values | None = None) -> AnyModel:
    """Create a model from a published state dict.

    Args:
        path: the file, as the authors wrote it.
        model: name of the model.
        settings: settings that differ from those of the published network, such as
            `{"base": "deaotl"}` of RMem.

    Returns:
        The model with these weights.

    Raises:
        UserError: the model has no published weights, a setting is wrong, the file cannot be
            read, or its weights do not fit the network exactly.
    """
    values = settings or {}
    find = model_info(model).published
    if find is None:
        names = ", ".join(info.name for info in model_infos() if info.published)
        raise UserError(f"{model} has no published weights; choose one of {names}.")
    published = find(values)
    imported = create_model(model, _merged(published.settings, values))
    assert isinstance(imported, Model)  # what is published was trained
    theirs = read_weights(path)
    weights = published.weights_for(imported.network, theirs, f"{path} does not fit {model}")
    imported.network.load_state_dict(weights)
    return imported


def _merged(below: Values, above: Values) -> dict[str, Any]:
    """Settings updated by others, also within blocks."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def parsed_settings(pairs: Mapping[str, Any]) -> dict[str, Any]:
    """Nest settings that are given by dotted keys.

    Args:
        pairs: such as `{"encoder.name": "pvt_v2_b2"}`.

    Raises:
        UserError: a setting is given twice, or as a value and as a block.
    """
    nested: dict[str, Any] = {}
    for dotted, value in pairs.items():
        *blocks, key = dotted.split(".")
        place = nested
        for block in blocks:
            place = place.setdefault(block, {})
            if not isinstance(place, dict):
                raise UserError(f"{dotted} is below a setting that has a value; give only one.")
        if key in place:
            raise UserError(f"{dotted}, or a setting below it, is given twice; give only one.")
        place[key] = value
    return nested
