"""The checkpoint of the short-term network that the authors of SLT-Net published."""

from collections.abc import Mapping
from typing import Any

from fgstp.models.published import Published, fgstp_rules


def published(settings: Mapping[str, Any]) -> Published:
    """The published short-term network, from which FGSTP has its names of parts."""
    own = {"encoder": {"name": "pvt_v2_b5"}, "variant": "released", "neighbours": "forward"}
    return Published(fgstp_rules(), settings=own)
