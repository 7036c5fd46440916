"""The checkpoint that the authors of FGSTP published."""

from fgstp.models.correlation import Variant
from fgstp.models.published import Published, fgstp_rules


def published(variant: Variant = "released") -> Published:
    """What is known of it.

    Args:
        variant: what the correlation shall compute; the weights were trained for `released`,
            with both neighbours after the target frame.
    """
    neighbours = "forward" if variant == "released" else "centred"
    return Published(
        rules=fgstp_rules(),
        settings={
            "variant": variant,
            "encoder": {"name": "pvt_v2_b5"},
            "neighbours": neighbours,
        },
    )
