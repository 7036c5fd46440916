"""Initial weights of encoders."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgstp.core.errors import UserError
from fgstp.models.blocks.encoder import ResNetSettings
from fgstp.models.published import pvt_rules
from fgstp.models.settings import BackboneSettings
from fgstp.models.state_dicts import Rules, Weights, check_fit, read_weights, renamed

TIMM_RULES = [(r"stages\.(\d)\.", r"stages_\1."), (r"(stages_\d|patch_embed)\.", r"\1.")]
RESNET_RULES = [(r"(conv1|bn1|layer\d)\.", r"\1.")]  # timm's names are the published ones
RESNET_STEM = "conv1.weight"
N_COLOURS = 3


class Source(NamedTuple):
    """What files of weights of a kind of encoder hold.

    Attributes:
        kind: its name in messages.
        prefixes: what stands before the encoder's names in a whole network.
        left_out: beginnings of names of weights that are not loaded.
        rules: from the names in the file to those of timm.
    """

    kind: str
    prefixes: tuple[str, ...]
    left_out: tuple[str, ...]
    rules: Rules


PVT = Source("PVTv2", ("pvtv2_en.", "encoder.pvt."), ("head.",), [*pvt_rules("", ""), *TIMM_RULES])
RES2NET = Source("Res2Net", ("encoder.res2net.", "resnet."), ("fc.",), RESNET_RULES)
RESNET = Source("ResNet", (), ("layer4.", "fc."), RESNET_RULES)


def begin_encoder(backbone: nn.Module, settings: BackboneSettings | ResNetSettings) -> None:
    """Initialise a backbone as its settings say; its other weights stay as drawn.

    The names in a file of weights may be timm's or torchvision's, PVTv2's own, or those of a
    network that holds the encoder, published or of this project. A classifier, stages that the
    backbone lacks, and the rest of such a network are left out. Channels of the input beyond the
    file's three, such as masks, start at zero: nothing is known of them, and at first the
    features are those of the frame.

    Args:
        backbone: a `features_only` model of timm.
        settings: its settings.

    Raises:
        UserError: the file of weights cannot be read, or does not fit the backbone exactly.
    """
    if settings.weights is not None:
        is_pvt, is_res2net = settings.name.startswith("pvt"), settings.name == "res2net50d"
        _load(backbone, settings.weights, PVT if is_pvt else RES2NET if is_res2net else RESNET)
    if isinstance(settings, BackboneSettings) and settings.stem_contrast_gain is not None:
        first = next(layer for layer in backbone.modules() if isinstance(layer, nn.Conv2d))
        with torch.no_grad():
            first.weight -= first.weight.mean((1, 2, 3), keepdim=True)
            first.weight *= settings.stem_contrast_gain


def _load(backbone: nn.Module, path: Path, source: Source) -> None:
    weights = read_weights(path)
    for prefix in source.prefixes:
        parts = {key: key.partition(prefix) for key in weights}
        if any(marker for _, marker, _ in parts.values()):
            weights = {name: weights[key] for key, (_, marker, name) in parts.items() if marker}
            break
    weights = {key: each for key, each in weights.items() if not key.startswith(source.left_out)}
    if not weights:
        raise UserError(f"{path} holds no encoder; give a file of weights of a {source.kind}.")
    found, unmatched = renamed(weights, source.rules)
    expected = backbone.state_dict()
    if source is RESNET:
        found = _completed(found, expected)
    check_fit(found, expected, unmatched=unmatched, what=f"{path} does not fit the encoder")
    backbone.load_state_dict(found)


def _completed(found: Weights, expected: Weights) -> Weights:
    """Add what files of a ResNet may lack.

    These are counts of batches, which old files of torchvision lack and no output depends on,
    and kernels for channels of the input besides the colours.
    """
    counts = {key: each for key, each in expected.items() if key.endswith("num_batches_tracked")}
    stem = {key: _widened(found[key], expected[key]) for key in found if key == RESNET_STEM}
    return counts | found | stem


def _widened(kernels: Tensor, like: Tensor) -> Tensor:
    """Kernels (channels, 3, height, width) with zeros for more channels of the input."""
    n_more = like.shape[1] - N_COLOURS
    if n_more <= 0 or kernels.ndim != like.ndim or kernels.shape[1] != N_COLOURS:
        return kernels
    return functional.pad(kernels, (0, 0, 0, 0, 0, n_more))
