"""Initial weights of encoders."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from fgstp.core.errors import UserError
from fgstp.models.blocks.encoder import ResNetEncoder, ResNetSettings
from fgstp.models.published import pvt_rules
from fgstp.models.settings import BackboneSettings
from fgstp.models.state_dicts import Rules, Weights, check_fit, read_weights, renamed

TIMM_RULES = [(r"stages\.(\d)\.", r"stages_\1."), (r"(stages_\d|patch_embed)\.", r"\1.")]
RESNET_RULES = [(r"(conv1|bn1|layer\d)\.", r"\1.")]  # timm's names are the published ones
RESNET_STEM = "conv1.weight"
N_COLOURS = 3


def begin_encoder(backbone: nn.Module, settings: BackboneSettings) -> None:
    """Initialise a backbone as its settings say; its other weights stay as drawn.

    Args:
        backbone: as `fgstp.models.blocks.encoder.pvt` or `res2net` gives it.
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
    _load(pvt, path, ("pvtv2_en.", "encoder.pvt."), ("head.",), rules, kind="PVTv2")


def load_res2net_weights(res2net: nn.Module, path: Path) -> None:
    """Start a Res2Net of timm from a file; see `load_pvt_weights`."""
    whole_networks = "encoder.res2net.", "resnet."
    _load(res2net, path, whole_networks, ("fc.",), RESNET_RULES, kind="Res2Net")


def begin_resnet(encoder: ResNetEncoder, settings: ResNetSettings) -> None:
    """Initialise a residual encoder as its settings say.

    Raises:
        UserError: the file of weights cannot be used.
    """
    if settings.weights is not None:
        load_resnet_weights(encoder.body, settings.weights)


def load_resnet_weights(resnet: nn.Module, path: Path) -> None:
    """Start the first three stages of a ResNet from a file of a whole one.

    The names are torchvision's, which are timm's too. The last stage and the classifier are
    left out. Channels of the input beyond the file's three, such as masks, start at zero:
    nothing is known of them, and at first the features are those of the frame.

    Args:
        resnet: a `features_only` model of timm, without `layer4`.
        path: the file, `.pth` or `.safetensors`.

    Raises:
        UserError: the file cannot be read, or its weights do not fit the network.
    """
    left_out = "layer4.", "fc."
    _load(resnet, path, (), left_out, RESNET_RULES, kind="ResNet", complete=_completed)


def _load(
    backbone: nn.Module,
    path: Path,
    whole_networks: Sequence[str],
    left_out: tuple[str, ...],
    rules: Rules,
    *,
    kind: str,
    complete: Callable[[Weights, Weights], Weights] | None = None,
) -> None:
    """Load a file; what stands before the backbone's names in a whole network is known."""
    weights = read_weights(path)
    for whole in whole_networks:
        parts = {key: key.partition(whole) for key in weights}
        if any(marker for _, marker, _ in parts.values()):
            weights = {name: weights[key] for key, (_, marker, name) in parts.items() if marker}
            break
    weights = {key: tensor for key, tensor in weights.items() if not key.startswith(left_out)}
    if not weights:
        raise UserError(f"{path} holds no encoder; give a file of weights of a {kind}.")
    found, unmatched = renamed(weights, rules)
    expected = backbone.state_dict()
    if complete is not None:
        found = complete(found, expected)
    check_fit(found, expected, unmatched=unmatched, what=f"{path} does not fit the encoder")
    backbone.load_state_dict(found)


def _completed(found: Weights, expected: Weights) -> Weights:
    """Add the weights that may be missing in a file of a ResNet.

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


def _first_convolution(backbone: nn.Module) -> nn.Conv2d:
    return next(layer for layer in backbone.modules() if isinstance(layer, nn.Conv2d))
