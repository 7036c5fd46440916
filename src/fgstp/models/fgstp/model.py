"""FGSTP as a model, and its ablations."""

from collections.abc import Mapping
from typing import Any, ClassVar

from fgstp.core.config import Settings
from fgstp.models.fgstp.network import Fgstp
from fgstp.models.published import Published, fgstp_rules
from fgstp.models.triple_model import TripleModel, TripleSettings


class FgstpSettings(TripleSettings):
    """Settings of FGSTP.

    Attributes:
        ctc: with the correlation of neighbouring frames.
        fsp: with the grouped units.
    """

    ctc: bool = True
    fsp: bool = True


class FgstpModel(TripleModel[FgstpSettings]):
    """Fine-grained spatial-temporal perception (arXiv 2505.00295)."""

    settings_class: ClassVar[type[Settings]] = FgstpSettings
    network: Fgstp

    @property
    def name(self) -> str:
        """`fgstp`, or the name of the ablation."""
        ablated = "".join(
            f"_no_{part}" for part in ("ctc", "fsp") if not getattr(self.settings, part)
        )
        return f"fgstp{ablated}"

    def _build(self) -> None:
        settings = self.settings
        self.network = Fgstp(
            settings.encoder.name,
            settings.variant,
            use_ctc=settings.ctc,
            use_fsp=settings.fsp,
            drop_path=settings.encoder.drop_path,
        )


def published(settings: Mapping[str, Any]) -> Published:
    """The published checkpoint.

    Its weights were trained for the variant `released`, the default, with both neighbours
    after the target frame; with `paper` they are centred.
    """
    variant = settings.get("variant", "released")
    neighbours = "forward" if variant == "released" else "centred"
    own = {"variant": variant, "encoder": {"name": "pvt_v2_b5"}, "neighbours": neighbours}
    return Published(fgstp_rules(), settings=own)
