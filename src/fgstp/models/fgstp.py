"""FGSTP (arXiv 2505.00295): its network, and it and its ablations as models."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from fgstp.models.blocks.correlation import Correlation, Variant
from fgstp.models.blocks.encoder import PvtName
from fgstp.models.blocks.layers import GroupedUnit, Pyramid
from fgstp.models.blocks.triples import TripleModel, TripleNetwork, TripleSettings
from fgstp.models.published import Published, fgstp_rules
from fgstp.models.registry import register


class Fgstp(TripleNetwork):
    """Relates a frame to its neighbours by a correlation (CTC) and by grouped units (FSP).

    With E the encoded features, at each level and for each neighbour n:

        R_n = FSP(CTC(E_target, E_n) + E_target)

    Ablations: without CTC, R = FSP(E_target), and the neighbours are not used; without
    FSP, R = CTC(E_target, E_n) + E_target; without both, R = E_target.

    Args:
        encoder: size of the encoder, a name of timm.
        variant: what CTC computes, `paper` or `released`.
        use_ctc: with the correlation.
        use_fsp: with the grouped units.
        drop_path: rate of stochastic depth of the encoder.
    """

    def __init__(
        self,
        encoder: PvtName = "pvt_v2_b5",
        variant: Variant = "paper",
        *,
        use_ctc: bool = True,
        use_fsp: bool = True,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(encoder, drop_path)
        width = self.n_channels
        self.uses_neighbours = use_ctc
        self.ctc = Correlation(width, variant) if use_ctc else None
        self.fsp = nn.ModuleList([GroupedUnit(width) for _ in range(3)]) if use_fsp else None
        self._add_decoder()

    def relate(self, target: Pyramid, neighbour: Pyramid) -> Pyramid:
        """R of the class's equation."""
        related = target
        if self.ctc is not None:
            correlated = self.ctc(target, neighbour)
            related = Pyramid(*(c + e for c, e in zip(correlated, target, strict=True)))
        if self.fsp is not None:
            related = Pyramid(*(unit(r) for unit, r in zip(self.fsp, related, strict=True)))
        return related


class FgstpSettings(TripleSettings):
    """Settings of FGSTP.

    Attributes:
        ctc: with the correlation of neighbouring frames.
        fsp: with the grouped units.
    """

    ctc: bool = True
    fsp: bool = True


def published(settings: Mapping[str, Any]) -> Published:
    """The published checkpoint.

    Its weights were trained for the variant `released`, the default, with both neighbours
    after the target frame; with `paper` they are centred.
    """
    variant = settings.get("variant", "released")
    neighbours = "forward" if variant == "released" else "centred"
    own = {"variant": variant, "encoder": {"name": "pvt_v2_b5"}, "neighbours": neighbours}
    return Published(fgstp_rules(), settings=own)


@register(
    "fgstp",
    "FGSTP",
    paper="ICIP 2025, arXiv 2505.00295",
    order=110,
    ablation="+ CTC + FSP (FGSTP)",
    published=published,
    fixed={"ctc": True, "fsp": True},
)
class FgstpModel(TripleModel[FgstpSettings]):
    """Fine-grained spatial-temporal perception (arXiv 2505.00295)."""

    settings_class = FgstpSettings
    network: Fgstp

    def _build(self) -> None:
        settings = self.settings
        self.network = Fgstp(
            settings.encoder.name,
            settings.variant,
            use_ctc=settings.ctc,
            use_fsp=settings.fsp,
            drop_path=settings.encoder.drop_path,
        )


for _name, _title, _order, _ablation, _ctc, _fsp in (
    ("fgstp_no_ctc_no_fsp", "FGSTP, backbone only", 80, "Backbone only", False, False),
    ("fgstp_no_fsp", "FGSTP without FSP", 90, "+ CTC", True, False),
    ("fgstp_no_ctc", "FGSTP without CTC", 100, "+ FSP", False, True),
):
    _fixed = {"ctc": _ctc, "fsp": _fsp}
    register(_name, _title, order=_order, ablation=_ablation, is_compared=False, fixed=_fixed)(
        FgstpModel
    )
