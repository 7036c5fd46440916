"""The checkpoint of the short-term network that the authors of SLT-Net published."""

from fgstp.models.published import Published, fgstp_rules


def published() -> Published:
    """The published short-term model, whose parts FGSTP's took over under the same names."""
    return Published(
        rules=fgstp_rules(),
        settings={"encoder": {"name": "pvt_v2_b5"}, "variant": "released", "neighbours": "forward"},
    )
