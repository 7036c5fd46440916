"""The checkpoint that the authors of SINet-V2 published."""

from collections.abc import Mapping
from typing import Any

from fgstp.models.published import Published, decoder_rules, texture_rules


def published(settings: Mapping[str, Any]) -> Published:
    """The published model on a Res2Net, whose classifier of 1000 classes is not used."""
    rules = [
        (r"resnet\.", "encoder.res2net."),
        *texture_rules("", "encoder.reduce."),
        *decoder_rules("", "decoder."),
    ]
    return Published(rules, (r"resnet\.fc\..*",), {"encoder": {"name": "res2net50d"}})
