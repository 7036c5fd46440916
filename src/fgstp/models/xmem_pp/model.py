"""XMem++ as a model."""

from collections.abc import Iterator
from itertools import islice
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fgstp.core.config import Settings
from fgstp.models.base import Given, Model, Needs
from fgstp.models.encoder_weights import begin_resnet
from fgstp.models.frames import network_batches, normalised
from fgstp.models.given_masks import followed, resized_mask
from fgstp.models.losses import hardest_fraction
from fgstp.models.resnet import NORM_MOMENTUM
from fgstp.models.sampling import SpreadFrames
from fgstp.models.triples import TripleBatch
from fgstp.models.xmem_pp.inference import Tracker
from fgstp.models.xmem_pp.losses import FrameLoss, frame_loss
from fgstp.models.xmem_pp.memory import Memory
from fgstp.models.xmem_pp.network import Xmem
from fgstp.models.xmem_pp.settings import XmemSettings
from fgstp.models.xmem_pp.training import segment_clips


class XmemModel(Model[XmemSettings]):
    """XMem++ (arXiv 2307.15958), which is told the gas of one frame and follows it.

    With one frame told, as here, it is XMem (arXiv 2207.07115) whose limits of the working
    memory are larger by one.
    """

    settings_class: ClassVar[type[Settings]] = XmemSettings
    encoders: ClassVar[tuple[str, ...]] = ("key_encoder", "value_encoder")
    network: Xmem

    @property
    def name(self) -> str:
        """`xmem_pp`."""
        return "xmem_pp"

    @property
    def needs(self) -> Needs:
        """The mask of one frame."""
        return "first_mask"

    @property
    def sampling(self) -> SpreadFrames:
        """Frames of a clip, further and further apart, half of the samples backwards."""
        settings = self.settings.training
        return SpreadFrames(
            settings.n_frames,
            settings.max_frame_gap,
            reverse_fraction=0.5,
            first_gas_px=1,
            attempts=5,
        )

    def _build(self) -> None:
        settings, widths = self.settings, self.settings.widths
        self.network = Xmem(
            settings.key_encoder,
            settings.value_encoder,
            n_key=widths.key,
            n_value=widths.value,
            n_sensory=widths.sensory,
            n_coarse=widths.coarse,
            n_fine=widths.fine,
            # It encodes each frame of a sample but the last, one after the other: together they
            # move its statistics as far as a single batch moves those of the key encoder.
            value_norm_momentum=NORM_MOMENTUM / (settings.training.n_frames - 1),
        )

    def _load_initial_weights(self) -> None:
        begin_resnet(self.network.key_encoder, self.settings.key_encoder)
        begin_resnet(self.network.value_encoder, self.settings.value_encoder)

    def training_step(
        self, batch: TripleBatch, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """One step forward on a batch of spread frames; see `Model.training_step`.

        The loss is the sum over the frames but the first, and the mean over clips. Clips
        whose first frame has no gas are learned from too: nothing is to be found in them.
        """
        settings = self.settings.training
        frames = normalised(batch.frames, self.settings.normalisation)
        masks = (batch.masks > 0.5).float()
        fraction = hardest_fraction(
            progress,
            settings.bootstrap_start,
            settings.bootstrap_end,
            settings.bootstrap_fraction,
        )
        found = segment_clips(
            self.network, frames, masks[:, 0], settings.n_reference, settings.deep_update_fraction
        )
        terms = [
            frame_loss(frame.logits, frame.prob, masks[:, t], fraction)
            for t, frame in enumerate(found, start=1)
        ]
        ce, dice = (torch.stack(each).sum() for each in zip(*terms, strict=True))
        return ce + dice, FrameLoss(ce.detach(), dice.detach())._asdict()

    def _predict(self, frames: NDArray[np.uint8], given: Given) -> NDArray[np.float32]:
        return followed(frames, given, self._later_maps)

    def _later_maps(
        self, frames: NDArray[np.uint8], first_mask: NDArray[np.bool_]
    ) -> Iterator[Tensor]:
        """Maps (H, W) of the frames but the first, whose mask is given."""
        settings, memory = self.settings, self.settings.memory
        size = settings.height_px, settings.width_px
        tracker = Tracker(
            self.network,
            Memory(
                t_max_frames=memory.t_max_frames,
                t_min_frames=memory.t_min_frames,
                n_prototypes=memory.n_prototypes,
                long_term_limit_elements=memory.long_term_limit_elements,
                top_k=memory.top_k,
            ),
            memory.memory_every_frames,
        )
        mask = resized_mask(torch.from_numpy(first_mask).to(self.device), size)
        probs = tracker.follow(
            network_batches(frames, settings, self.device), mask[None, None].float(), len(frames)
        )
        for prob in islice(probs, 1, None):
            found = functional.interpolate(prob[None, None], frames.shape[1:], mode="bilinear")
            yield found[0, 0] > 0.5 if settings.output == "label" else found[0, 0]
