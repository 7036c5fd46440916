"""The checkpoint that the authors of FGSTP published."""

from collections.abc import Mapping
from typing import Any

from fgstp.models.published import Published, fgstp_rules


def published(settings: Mapping[str, Any]) -> Published:
    """The published checkpoint.

    Its weights were trained for the variant `released`, the default, with both neighbours
    after the target frame; with `paper` they are centred.
    """
    variant = settings.get("variant", "released")
    neighbours = "forward" if variant == "released" else "centred"
    own = {"variant": variant, "encoder": {"name": "pvt_v2_b5"}, "neighbours": neighbours}
    return Published(fgstp_rules(), settings=own)
