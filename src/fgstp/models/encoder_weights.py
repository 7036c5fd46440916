"""What encoders start from."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from fgstp.errors import UserError
from fgstp.models.published import pvt_rules
from fgstp.models.settings import BackboneSettings
from fgstp.models.state_dicts import Rules, check_fit, read_weights, renamed

TIMM_RULES = [
    (r"stages\.(\d)\.", r"stages_\1."),
    (r"(stages_\d|patch_embed)\.", r"\1."),
]
RES2NET_RULES = [(r"(conv1|bn1|layer\d)\.", r"\1.")]  # timm's names are the published ones


def begin_encoder(backbone: nn.Module, settings: BackboneSettings) -> None:
    """Give a backbone, its weights just drawn, what its settings say it starts from.

    Args:
        backbone: as `fgstp.models.encoder.pvt` or `res2net` gives it.
        settings: its settings.

    Raises:
        UserError: the file of weights cannot be used.
    """
    if settings.weights is not None:
        is_res2net = settings.name == "res2net50d"
        (load_res2net_weights if is_res2net else load_pvt_weights)(backbone, settings.weights)
    if settings.stem_contrast_gain is not None:
        with torch.no_grad():
            kernels = _first_convolution(backbone).weight  # (channels, 3, height, width)
            kernels -= kernels.mean((1, 2, 3), keepdim=True)
            kernels *= settings.stem_contrast_gain


def load_pvt_weights(pvt: nn.Module, path: Path) -> None:
    """Start a transformer of timm from a file.

    The names may be timm's, PVTv2's own, or those of a network that holds one, published or
    of this project. A classifier, and the rest of such a network, is left out.

    Args:
        pvt: a `features_only` model of timm.
        path: the file, `.pth` or `.safetensors`.

    Raises:
        UserError: the file cannot be read, or its weights do not fit the transformer exactly.
    """
    rules = [*pvt_rules("", ""), *TIMM_RULES]
    _load(pvt, path, ("pvtv2_en.", "encoder.pvt."), "head.", rules, kind="PVTv2")


def load_res2net_weights(res2net: nn.Module, path: Path) -> None:
    """Start a Res2Net of timm from a file; see `load_pvt_weights`."""
    _load(res2net, path, ("encoder.res2net.", "resnet."), "fc.", RES2NET_RULES, kind="Res2Net")


def _load(
    backbone: nn.Module,
    path: Path,
    whole_networks: Sequence[str],
    classifier: str,
    rules: Rules,
    *,
    kind: str,
) -> None:
    """Load a file; what stands before the backbone's names in a whole network is known."""
    weights = read_weights(path)
    for whole in whole_networks:
        parts = {key: key.partition(whole) for key in weights}
        if any(marker for _, marker, _ in parts.values()):
            weights = {name: weights[key] for key, (_, marker, name) in parts.items() if marker}
            break
    weights = {key: tensor for key, tensor in weights.items() if not key.startswith(classifier)}
    if not weights:
        raise UserError(f"{path} holds no encoder; give a file of weights of a {kind}.")
    found, unmatched = renamed(weights, rules)
    expected = backbone.state_dict()
    check_fit(found, expected, unmatched=unmatched, what=f"{path} does not fit the encoder")
    backbone.load_state_dict(found)


def _first_convolution(backbone: nn.Module) -> nn.Conv2d:
    return next(layer for layer in backbone.modules() if isinstance(layer, nn.Conv2d))
