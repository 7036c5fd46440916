"""The network of FGSTP (arXiv 2505.00295)."""

from torch import nn

from fgstp.models.correlation import Correlation, Variant
from fgstp.models.encoder import PvtName
from fgstp.models.grouped_unit import GroupedUnit
from fgstp.models.layers import Pyramid
from fgstp.models.triple_network import TripleNetwork


class Fgstp(TripleNetwork):
    """Relates a frame to its neighbours by a correlation and by grouped units.

    With E the encoded features, at each level and for each neighbour n:

        R_n = FSP(CTC(E_target, E_n) + E_target)

    Ablations: without CTC, R = FSP(E_target), and the neighbours are not looked at; without
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
