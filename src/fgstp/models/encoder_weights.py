"""What encoders start from."""

from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from fgstp.errors import UserError
from fgstp.models.published import pvt_rules
from fgstp.models.settings import EncoderSettings
from fgstp.models.state_dicts import check_fit, read_weights, renamed

# What stands before the encoder's names in a checkpoint of a whole network.
WHOLE_NETWORKS = ("pvtv2_en.", "encoder.pvt.")
TIMM_RULES = [
    (r"stages\.(\d)\.", r"stages_\1."),
    (r"(stages_\d|patch_embed)\.", r"\1."),
]


def begin_encoder(transformer: nn.Module, settings: EncoderSettings) -> None:
    """Give a transformer, its weights just drawn, what its settings say it starts from.

    Args:
        transformer: as `fgstp.models.encoder.pvt` gives it.
        settings: its settings.

    Raises:
        UserError: the file of weights cannot be used.
    """
    if settings.weights is not None:
        load_pvt_weights(transformer, settings.weights)
    if settings.stem_contrast_gain is not None:
        with torch.no_grad():
            kernels = cast(Any, transformer).patch_embed.proj.weight  # (channels, 3, 7, 7)
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
    weights = read_weights(path)
    for whole in WHOLE_NETWORKS:
        parts = {key: key.partition(whole) for key in weights}
        if any(marker for _, marker, _ in parts.values()):
            weights = {name: weights[key] for key, (_, marker, name) in parts.items() if marker}
            break
    weights = {key: tensor for key, tensor in weights.items() if not key.startswith("head.")}
    if not weights:
        raise UserError(f"{path} holds no encoder; give a file of weights of a PVTv2.")
    found, unmatched = renamed(weights, [*pvt_rules("", ""), *TIMM_RULES])
    check_fit(found, pvt.state_dict(), unmatched=unmatched, what=f"{path} does not fit the encoder")
    pvt.load_state_dict(found)
