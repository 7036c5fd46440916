"""Names of the weights in published checkpoints, and what they are called here."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from fgstp.models.state_dicts import Rules, Weights, check_fit, matches_any, renamed


class Published(NamedTuple):
    """What is known of the checkpoints that the authors of a model published.

    Attributes:
        rules: from their names to ours.
        unused: regular expressions of the keys, whole, on which no output depends; such
            weights may be there and are left out.
        settings: settings with which a model of this project is the network that they are of.
    """

    rules: Rules
    unused: tuple[str, ...] = ()
    settings: Mapping[str, Any] = {}

    def weights_for(self, network: nn.Module, theirs: Mapping[str, Tensor], what: str) -> Weights:
        """Published weights by the names of a network.

        Args:
            network: the network of ours.
            theirs: the published state dict.
            what: the file and the network, for the message: `a.pth does not fit rmem`.

        Raises:
            UserError: they do not fit the network exactly.
        """
        used = {key: each for key, each in theirs.items() if not matches_any(key, self.unused)}
        weights, unmatched = renamed(used, self.rules)
        check_fit(weights, network.state_dict(), unmatched=unmatched, what=what)
        return weights


def pvt_rules(theirs: str, ours: str) -> Rules:
    """Rules from PVTv2's own names to those of timm's `features_only` models.

    Args:
        theirs: regular expression of what stands before PVTv2's names.
        ours: what stands before timm's.
    """
    rules = [(rf"{theirs}patch_embed1\.", rf"{ours}patch_embed.")]
    for stage in range(4):
        timm = rf"{ours}stages_{stage}"
        rules += [
            (rf"{theirs}patch_embed{stage + 1}\.", rf"{timm}.downsample."),
            (
                rf"{theirs}block{stage + 1}\.(\d+)\.mlp\.dwconv\.dwconv\.",
                rf"{timm}.blocks.\1.mlp.dwconv.",
            ),
            (rf"{theirs}block{stage + 1}\.(\d+)\.", rf"{timm}.blocks.\1."),
            (rf"{theirs}norm{stage + 1}\.", rf"{timm}.norm."),
        ]
    return rules


def texture_rules(theirs: str, ours: str) -> Rules:
    """Rules for a `TextureEnhancement`."""
    return [
        (rf"{theirs}branch(\d)\.(\d)\.", rf"{ours}paths.\1.\2."),
        (rf"{theirs}conv_cat\.", rf"{ours}merge."),
        (rf"{theirs}conv_res\.", rf"{ours}skip."),
    ]


def decoder_rules(theirs: str, ours: str) -> Rules:
    """Rules for a `Decoder`."""
    k = {
        **{f"conv_upsample{n}": n - 1 for n in range(1, 6)},
        **{"conv_concat2": 5, "conv_concat3": 6, "conv4": 7},
    }
    return [
        *((rf"{theirs}NCD\.{name}\.", rf"{ours}coarse.k.{n}.") for name, n in k.items()),
        (rf"{theirs}NCD\.conv5\.", rf"{ours}coarse.head."),
        *(
            rule
            for step, name in enumerate(("weak", "medium", "strong"))
            for rule in (
                (
                    rf"{theirs}RS([345])\.{name}_gra\.conv\.0\.",
                    rf"{ours}stage_\1.steps.{step}.conv.",
                ),
                (
                    rf"{theirs}RS([345])\.{name}_gra\.score\.",
                    rf"{ours}stage_\1.steps.{step}.score.",
                ),
            )
        ),
    ]


def correlation_rules(theirs: str, ours: str) -> Rules:
    """Rules for a `Correlation`."""
    return [
        rule
        for level in range(3)
        for rule in (
            (
                rf"{theirs}nl_layer{level + 1}\.nonlocals\.0\.g\.0\.",
                rf"{ours}levels.{level}.value.",
            ),
            (
                rf"{theirs}nl_layer{level + 1}\.nonlocals\.0\.W\.",
                rf"{ours}levels.{level}.project.",
            ),
            (rf"{theirs}nl_layer{level + 1}\.out_conv\.", rf"{ours}levels.{level}.merge."),
            (rf"{theirs}conv{level + 1}\.", rf"{ours}levels.{level}.reduce."),
        )
    ]


def grouped_unit_rules(theirs: str, ours: str) -> Rules:
    """Rules for a `GroupedUnit`."""
    return [
        (rf"{theirs}expand_conv\.", rf"{ours}expand."),
        (rf"{theirs}interact\.(\d+)\.", rf"{ours}interact.\1."),
        (rf"{theirs}gate_genator\.([13])\.", rf"{ours}gate.\1."),
        (rf"{theirs}BNReLU\.", rf"{ours}fuse."),
    ]


def fgstp_rules() -> Rules:
    """Rules for the network `Fgstp`, by all the names that its parts were published under."""
    encoder = r"backbone\.(?:encoder|feat_net)\."
    return [
        *pvt_rules(rf"{encoder}pvtv2_en\.", "encoder.pvt."),
        *(
            rule
            for level in range(3)
            for rule in (
                *texture_rules(rf"{encoder}rfb{level + 2}_1\.", f"encoder.reduce.{level}."),
                *grouped_unit_rules(rf"(?:fsp|rgpu){level + 1}\.", f"fsp.{level}."),
            )
        ),
        *decoder_rules(r"backbone\.decoder\.", "decoder."),
        *correlation_rules(r"(?:ctc|nlnet)\.", "ctc."),
        (r"fusion_conv\.([012])\.", r"fusion.\1."),
    ]
