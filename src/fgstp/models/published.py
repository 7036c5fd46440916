"""Checkpoints that the authors of models published: names of their parts, and their import."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from fgstp.core.errors import UserError
from fgstp.models.base import AnyModel, Model
from fgstp.models.registry import create_model, model_info, model_infos
from fgstp.models.state_dicts import Rules, Weights, check_fit, read_weights, renamed

Values = Mapping[str, Any]


class Published(NamedTuple):
    """How published checkpoints of a network become weights of ours.

    Attributes:
        rules: from their names to ours.
        unused: regular expressions of whole keys on which no output depends; such weights may
            be present and are left out.
        settings: settings with which a model of this project has the published network.
        prepare: changes their state dict before its keys are renamed.
    """

    rules: Rules
    unused: tuple[str, ...] = ()
    settings: Mapping[str, Any] = {}
    prepare: Callable[[Weights], Weights] = dict

    def weights_for(self, network: nn.Module, theirs: Mapping[str, Tensor], what: str) -> Weights:
        """Published weights under the names of a network of ours.

        Args:
            network: the network.
            theirs: the published state dict.
            what: the file and the network, for the message: `a.pth does not fit rmem`.

        Raises:
            UserError: they do not fit the network exactly.
        """
        used = {
            key: tensor
            for key, tensor in self.prepare(dict(theirs)).items()
            if not any(re.fullmatch(pattern, key) for pattern in self.unused)
        }
        weights, unmatched = renamed(used, self.rules)
        check_fit(weights, network.state_dict(), unmatched=unmatched, what=what)
        return weights


def part_rules(theirs: str, ours: str, names: Mapping[str, str]) -> Rules:
    """Rules for the parts of a module.

    Args:
        theirs: regular expression of the prefix in their names.
        ours: prefix in our names.
        names: regular expressions of the names of parts, without the last dot, and our names.
    """
    return [(rf"{theirs}{name}\.", rf"{ours}{our}.") for name, our in names.items()]


def pvt_rules(theirs: str, ours: str) -> Rules:
    """Rules from PVTv2's own names to those of timm's `features_only` models."""
    rules = part_rules(theirs, ours, {"patch_embed1": "patch_embed"})
    for stage in range(4):
        names = {
            f"patch_embed{stage + 1}": "downsample",
            rf"block{stage + 1}\.(\d+)\.mlp\.dwconv\.dwconv": r"blocks.\1.mlp.dwconv",
            rf"block{stage + 1}\.(\d+)": r"blocks.\1",
            f"norm{stage + 1}": "norm",
        }
        rules += part_rules(theirs, f"{ours}stages_{stage}.", names)
    return rules


def texture_rules(theirs: str, ours: str) -> Rules:
    """Rules for the three `TextureEnhancement` of an encoder."""
    names = {r"branch(\d)\.(\d)": r"paths.\1.\2", "conv_cat": "merge", "conv_res": "skip"}
    rules: Rules = []
    for level in range(3):
        rules += part_rules(rf"{theirs}rfb{level + 2}_1\.", f"{ours}{level}.", names)
    return rules


def decoder_rules(theirs: str, ours: str) -> Rules:
    """Rules for a `Decoder`."""
    coarse = {
        **{f"conv_upsample{n}": f"k.{n - 1}" for n in range(1, 6)},
        **{"conv_concat2": "k.5", "conv_concat3": "k.6", "conv4": "k.7", "conv5": "head"},
    }
    steps = {
        rf"RS([345])\.{name}_gra\.{part}": rf"stage_\1.steps.{step}.{our_part}"
        for step, name in enumerate(("weak", "medium", "strong"))
        for part, our_part in ((r"conv\.0", "conv"), ("score", "score"))
    }
    return [
        *part_rules(rf"{theirs}NCD\.", f"{ours}coarse.", coarse),
        *part_rules(theirs, ours, steps),
    ]


def grouped_unit_rules(theirs: str, ours: str) -> Rules:
    """Rules for a `GroupedUnit`."""
    names = {
        "expand_conv": "expand",
        r"interact\.(\d+)": r"interact.\1",
        r"gate_genator\.([13])": r"gate.\1",
        "BNReLU": "fuse",
    }
    return part_rules(theirs, ours, names)


def fgstp_rules() -> Rules:
    """Rules for the network `Fgstp`, by all the names that its parts were published under."""
    encoder = r"backbone\.(?:encoder|feat_net)\."
    rules = [
        *pvt_rules(rf"{encoder}pvtv2_en\.", "encoder.pvt."),
        *texture_rules(encoder, "encoder.reduce."),
        *decoder_rules(r"backbone\.decoder\.", "decoder."),
        (r"fusion_conv\.([012])\.", r"fusion.\1."),
    ]
    for level in range(3):
        correlation = {
            rf"nl_layer{level + 1}\.nonlocals\.0\.g\.0": "value",
            rf"nl_layer{level + 1}\.nonlocals\.0\.W": "project",
            rf"nl_layer{level + 1}\.out_conv": "merge",
            rf"conv{level + 1}": "reduce",
        }
        rules += part_rules(r"(?:ctc|nlnet)\.", f"ctc.levels.{level}.", correlation)
        rules += grouped_unit_rules(rf"(?:fsp|rgpu){level + 1}\.", f"fsp.{level}.")
    return rules


def import_published(path: Path, model: str, settings: Values | None = None) -> AnyModel:
    """Create a model from a published state dict.

    Args:
        path: the file, as the authors wrote it.
        model: name of the model.
        settings: settings that differ from those of the published network, such as
            `{"base": "deaotl"}` of RMem.

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
