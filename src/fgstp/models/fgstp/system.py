"""FGSTP as a system, and its ablations."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from fgstp.footage.settings import Settings
from fgstp.models.correlation import Variant
from fgstp.models.encoder_weights import begin_encoder
from fgstp.models.fgstp.network import Fgstp
from fgstp.models.frames import network_input, normalised, probabilities
from fgstp.models.layers import Pyramid
from fgstp.models.losses import BceMode, hybrid_loss
from fgstp.models.neighbours import OFFSETS_FRAMES, NeighbourMode
from fgstp.models.sampling import Windows
from fgstp.models.settings import EncoderSettings, NetworkSettings
from fgstp.models.system import Given, System
from fgstp.models.triples import TripleBatch, Triples, encoded_triples, pick

N_OUTPUTS = 9
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class FgstpLossSettings(Settings):
    """The hybrid loss.

    Attributes:
        bce: `weighted` as the paper says, or `mean` as the released code computes.
        output_weights: weight of each of the nine outputs, in the network's order.
    """

    bce: BceMode = "weighted"
    output_weights: Annotated[
        tuple[NonNegative, ...], Field(min_length=N_OUTPUTS, max_length=N_OUTPUTS)
    ] = (1.0,) * N_OUTPUTS


class FgstpSettings(NetworkSettings):
    """Settings of FGSTP.

    Attributes:
        encoder: the encoder.
        variant: `paper` (Eqs 1 to 3) or `released` (what the authors' network computes).
        ctc: with the correlation of neighbouring frames.
        fsp: with the grouped units.
        neighbours: where the two neighbours of a target frame lie.
        loss: what is minimised.
    """

    encoder: EncoderSettings = EncoderSettings()
    variant: Variant = "paper"
    ctc: bool = True
    fsp: bool = True
    neighbours: NeighbourMode = "centred"
    loss: FgstpLossSettings = FgstpLossSettings()


class FgstpSystem(System[FgstpSettings]):
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

    @property
    def sampling(self) -> Windows:
        """Targets and their two neighbours."""
        return Windows(OFFSETS_FRAMES[self.settings.neighbours])

    def _build(self) -> None:
        settings = self.settings
        self.network = Fgstp(
            settings.encoder.name,
            settings.variant,
            use_ctc=settings.ctc,
            use_fsp=settings.fsp,
            drop_path=settings.encoder.drop_path,
        )

    def _load_initial_weights(self) -> None:
        begin_encoder(self.network.encoder.pvt, self.settings.encoder)

    def training_step(
        self, batch: TripleBatch, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """One step forward on a batch of windows; see `System.training_step`.

        Frames that several targets of a window share are encoded once.
        """
        masks, triples = batch.masks, batch.triples
        frames = normalised(batch.frames, self.settings.normalisation)
        n_windows, n_frames = frames.shape[:2]
        # Numbers of frames in the flattened batch: (B L, 3).
        starts = n_frames * torch.arange(n_windows, device=triples.device).view(-1, 1, 1)
        numbers = (triples + starts).flatten(0, 1)
        outputs = self.network.decode(
            *self._encoded(frames.flatten(0, 1), numbers), frames.shape[-2:]
        )
        settings = self.settings.loss
        terms = hybrid_loss(outputs, masks.flatten(0, 1), settings.output_weights, settings.bce)
        return terms.bce + terms.iou, {"bce": terms.bce.detach(), "iou": terms.iou.detach()}

    def _encoded(self, frames: Tensor, triples: Tensor) -> Triples:
        if self.settings.ctc:
            return pick(self.network.encode(frames), triples)
        features = self.network.encode(frames[triples[:, 0]])  # no neighbour is looked at
        return Triples(features, features, features)

    def _predict(self, frames: NDArray[np.uint8], given: Given) -> NDArray[np.float32]:
        maps = [clip.cpu().numpy() for clip in self._maps(frames)]
        return np.concatenate(maps)

    def _maps(self, frames: NDArray[np.uint8]) -> Iterator[Tensor]:
        """Maps (B, H, W) of the next targets, in their order."""
        settings = self.settings
        size = settings.height_px, settings.width_px

        def encode(start: int, stop: int) -> Pyramid:
            batch = torch.from_numpy(np.array(frames[start:stop])).to(self.device)
            return self.network.encode(network_input(batch, *size, settings.normalisation))

        triples = encoded_triples(encode, len(frames), settings.neighbours, settings.batch_frames)
        for target, first, second in triples:
            logits = self.network.decode_fused(target, first, second, size)
            yield probabilities(logits, *frames.shape[1:])
