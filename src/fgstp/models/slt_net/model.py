"""SLT-Net as a model: short-term alone, or long-term after it."""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor

from fgstp.core.config import Settings
from fgstp.core.errors import UserError
from fgstp.models.blocks.correlation import Variant
from fgstp.models.blocks.frames import at_size, grey_levels, normalised, probabilities
from fgstp.models.blocks.losses import long_term_loss
from fgstp.models.blocks.steps import Step
from fgstp.models.blocks.triples import (
    NeighbourMode,
    TripleModel,
    TripleNetwork,
    TripleSession,
    TripleSettings,
)
from fgstp.models.blocks.windows import WindowSession
from fgstp.models.published import Published, fgstp_rules
from fgstp.models.registry import register
from fgstp.models.sampling import Batch, Windows
from fgstp.models.session import Prediction
from fgstp.models.settings import EncoderSettings, NormalisationSettings, OptimisationSettings
from fgstp.models.slt_net.network import SltNet, SltNetLong, SltNetShort, stretched


class LongTermSettings(Settings):
    """The long-term network and its training.

    Attributes:
        height_px: height at which it works.
        width_px: width at which it works.
        n_frames: frames of a clip that it processes together.
        normalisation: of the frames; none by default, as published.
        optimisation: how its weights are optimised.
    """

    height_px: int = Field(256, ge=1, le=8192)
    width_px: int = Field(448, ge=1, le=8192)
    n_frames: int = Field(10, ge=1, le=100_000)
    normalisation: NormalisationSettings = NormalisationSettings(mean=(0, 0, 0), std=(1, 1, 1))
    optimisation: OptimisationSettings = OptimisationSettings(
        optimiser="adamw",
        learning_rate=1e-5,
        weight_decay=1e-6,
        schedule="cosine_restarts",
        targets_per_step=20,
    )


class SltNetSettings(TripleSettings):
    """Settings of SLT-Net: of the short-term network, whose encoder the long-term one shares.

    Attributes:
        long_term: train the long-term network after the short-term one, and predict with it.
        long: the long-term network.
    """

    encoder: EncoderSettings = EncoderSettings(drop_path=0.3)
    variant: Variant = "released"
    neighbours: NeighbourMode = "forward"
    long_term: bool = False
    long: LongTermSettings = LongTermSettings()

    @model_validator(mode="after")
    def _long_term_sees_frames(self) -> Self:
        if self.long_term and self.input == "residuals":
            raise ValueError("the long-term network takes frames; leave out long_term or input")
        return self


class LongTermSession(WindowSession):
    """Refines windows of short-term maps, which a session of the short-term network makes."""

    model: "SltNetModel"

    def _begin(self) -> None:
        super()._begin()
        self.n_frames = self.model.settings.long.n_frames
        self._short = TripleSession(
            self.model, self.size, self.fps_hz, self.prompt, self.batch_frames
        )
        self._unseen: deque[NDArray[np.uint8]] = deque()  # frames without a short-term map

    def windows(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Maps of windows of frames and short-term maps, one beside the other."""
        maps = [self.model.refined(*np.split(each, 2, axis=2)) for each in frames]
        return torch.stack(maps).float().cpu().numpy()

    def _push(self, frame: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
        self._unseen.append(frame.copy())
        yield from self._take(self._short.push(frame))

    def _flush(self) -> Iterator[NDArray[np.float32]]:
        yield from self._take(self._short.flush())
        yield from super()._flush()

    def _take(self, short: list[Prediction]) -> Iterator[NDArray[np.float32]]:
        for prediction in short:
            kept = stretched(torch.from_numpy(prediction.map)[None])[0].numpy()
            yield from super()._push(np.concatenate([self._unseen.popleft(), kept], axis=1))


def published(settings: Mapping[str, Any]) -> Published:
    """The published short-term network; its parts have the same names as FGSTP's."""
    own = {"encoder": {"name": "pvt_v2_b5"}, "variant": "released", "neighbours": "forward"}
    return Published(fgstp_rules(), settings=own)


@register("slt_net", "SLT-Net", paper="CVPR 2022, arXiv 2203.07363", order=70, published=published)
class SltNetModel(TripleModel[SltNetSettings]):
    """Implicit motion handling, short-term and long-term (CVPR 2022).

    The long-term network is trained in a stage of its own. The maps that it takes are then
    predicted by the short-term network, which does not change any more.
    """

    settings_class = SltNetSettings
    encoders = ("encoder", "short.encoder", "long.encoder")
    network: SltNetShort | SltNet

    @property
    def label(self) -> str:
        """`short-term` or `long-term`, and what it is shown, if that is residuals."""
        term = "long-term" if self.stage else "short-term"
        return f"{term}, {super().label}" if self.shows_residuals else term

    def _build(self) -> None:
        settings = self.settings
        encoder, size = settings.encoder, (settings.long.height_px, settings.long.width_px)
        self.network = SltNetShort(encoder.name, settings.variant, encoder.drop_path)
        if settings.long_term:
            long = SltNetLong(*size, encoder.name, encoder.drop_path)
            self.network = SltNet(self.network, long)

    @property
    def triple_network(self) -> TripleNetwork:
        """The short-term network."""
        return self.network.short if isinstance(self.network, SltNet) else self.network

    @property
    def delay_frames(self) -> int:
        """That of the short-term network, and in the long-term stage the rest of a window."""
        return super().delay_frames + (self.settings.long.n_frames - 1 if self.stage else 0)

    @property
    def n_stages(self) -> int:
        """Two, if there is a long-term network."""
        return 2 if self.settings.long_term else 1

    def begin_stage(self, stage: int) -> None:
        """Train the short-term network first, then the long-term one on its maps."""
        super().begin_stage(stage)
        self.session_class = LongTermSession if stage else TripleSession
        if isinstance(self.network, SltNet):
            (self.network.train_long if stage else self.network.train_short)()

    @property
    def optimisation(self) -> OptimisationSettings:
        """Optimisation of the stage's network."""
        return self.settings.long.optimisation if self.stage else self.settings.optimisation

    @property
    def sampling(self) -> Windows:
        """Targets and their two neighbours; in the long-term stage, so many targets in a row."""
        if not self.stage:
            return super().sampling
        return Windows(self.offsets_frames, self.settings.long.n_frames)

    @property
    def augmented(self) -> bool:
        """The long-term network is trained on samples as they are."""
        return self.stage == 0

    @property
    def sample_size(self) -> tuple[int, int]:
        """Size at which the stage's network works."""
        settings = self.settings.long if self.stage else self.settings
        return settings.height_px, settings.width_px

    def step(self) -> Step:
        """That of the short-term network."""
        if self.stage:
            raise UserError(
                "The long-term stage of slt_net cannot be exported, since it is a second network "
                "on windows of the first one's maps, and a file holds one network; choose a "
                "checkpoint of the short-term stage, with long_term: false."
            )
        return super().step()

    def training_step(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """One step forward of the stage's network; see `Model.training_step`."""
        if not self.stage:
            return super().training_step(batch, progress)
        frames, masks, triples = batch.flat()
        maps = self._kept_maps(frames, triples)
        targets = normalised(frames[triples[:, 0]], self.settings.long.normalisation)
        clips = torch.cat([targets, maps], dim=1)
        clips = clips.reshape(*batch.masks.shape[:2], *clips.shape[1:])
        outputs = cast(SltNet, self.network).long(clips)
        terms = long_term_loss(outputs, masks, self.settings.loss.bce)
        loss = terms.bce + terms.iou + terms.alignment
        return loss, {name: term.detach() for name, term in terms._asdict().items()}

    def _kept_maps(self, frames: Tensor, triples: Tensor) -> Tensor:
        """Maps of the targets by the short-term network, (N, 1, H, W) in [0, 1].

        Frames are resized to its own size, in whose shape it learned what gas looks like.
        """
        own_size = self.settings.height_px, self.settings.width_px
        with torch.no_grad():
            features = self._encoded(at_size(frames, *own_size), triples)
            logits = self.triple_network.decode_fused(features, own_size)
            return grey_levels(stretched(probabilities(logits, *frames.shape[-2:])))

    def refined(self, frames: NDArray[np.uint8], maps: NDArray[np.uint8]) -> Tensor:
        """Maps (T, H, W) of the frames of one clip by the long-term network."""
        settings = self.settings.long
        size = settings.height_px, settings.width_px
        grey, kept = (
            at_size(grey_levels(torch.from_numpy(each).to(self.device)), *size)
            for each in (frames, maps)
        )
        clip = torch.cat([normalised(grey, settings.normalisation), kept], dim=1)
        logits = cast(SltNet, self.network).long(clip.unsqueeze(0)).s_3
        return probabilities(logits, *frames.shape[1:])
