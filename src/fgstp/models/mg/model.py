"""Motion Grouping as a model."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from fgstp.core.config import Settings
from fgstp.models.base import Given, Model, Needs
from fgstp.models.mg.flow import Device, DisFlow, DisPreset, RaftFlow, SizedClipFlow
from fgstp.models.mg.flow_cache import FlowCache
from fgstp.models.mg.flow_picture import flow_pictures
from fgstp.models.mg.losses import grouping_loss
from fgstp.models.mg.network import STRIDE, MotionGrouping
from fgstp.models.mg.slot_choice import SlotChoice, border_slots, chosen, oracle_slots
from fgstp.models.sampling import FlowPairs
from fgstp.models.settings import HALVED_AT, GradientClip, NetworkSettings, OptimisationSettings
from fgstp.models.triples import TripleBatch

NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Gap = Annotated[int, Field(ge=-30, le=30)]


class FlowSettings(Settings):
    """Where optical flow comes from.

    Attributes:
        method: `dis`, dense inverse search by OpenCV, which needs no weights; or `raft`, the
            large one of torchvision, which the published fields are of.
        preset: how thorough `dis` is.
        weights: file of weights of `raft`, such as torchvision's `raft_large_C_T_V2`, trained
            on FlyingChairs and FlyingThings.
        device: where `raft` works. On `cuda` the fields have to be computed with
            `train.workers: 0` at first.
        cache: folder in which fields are kept, 4 bytes a pixel of the network, a frame and a
            gap. None: fields are computed anew each time they are needed, a whole clip for a
            sample of training.
    """

    method: Literal["dis", "raft"] = "dis"
    preset: DisPreset = "medium"
    weights: Path | None = None
    device: Device = "cpu"
    cache: Path | None = None

    @model_validator(mode="after")
    def _weights_are_of_raft(self) -> Self:
        if (self.weights is None) == (self.method == "raft"):
            raise ValueError("weights are needed for raft, and for nothing else")
        return self


class MgLossSettings(Settings):
    """What is minimised.

    Attributes:
        reconstruction: weight of the difference of a picture and its layers blended again.
        entropy: weight of the entropy of the layers' shares.
        consistency: weight of the difference of the layers of two fields of a frame.
        growth: the weights of entropy and consistency are multiplied by this where the
            schedule `halving` halves the learning rate.
    """

    reconstruction: NonNegative = 100.0
    entropy: NonNegative = 0.01
    consistency: NonNegative = 0.01
    growth: float = Field(5.0, ge=1.0, allow_inf_nan=False)


class MgSettings(NetworkSettings):
    """Settings of Motion Grouping. It looks at flow alone, so that `normalisation` says nothing.

    Attributes:
        height_px: height of the fields, a multiple of 8.
        width_px: width of the fields, a multiple of 8.
        flow: where they come from.
        gaps_frames: frames from each to those in which its pixels are looked for.
        flow_picture: colour-code the fields; else they are taken as they are.
        n_slots: layers that a field is taken apart into.
        width: channels of tokens and slots, a multiple of 4.
        n_iterations: of slot attention.
        loss: what is minimised.
        slot_choice: which layer is gas: `border`, that with the smallest share of the border;
            or `oracle`, that with the highest IoU with the true mask, as published.
    """

    height_px: int = Field(128, ge=2 * STRIDE, multiple_of=STRIDE)
    width_px: int = Field(224, ge=2 * STRIDE, multiple_of=STRIDE)
    flow: FlowSettings = FlowSettings()
    gaps_frames: Annotated[tuple[Gap, ...], Field(min_length=2)] = (-2, -1, 1, 2)
    flow_picture: bool = True
    n_slots: int = Field(2, ge=2)
    width: int = Field(256, ge=8, multiple_of=4)
    n_iterations: int = Field(5, ge=1)
    loss: MgLossSettings = MgLossSettings()
    slot_choice: SlotChoice = "border"
    optimisation: OptimisationSettings = OptimisationSettings(
        schedule="halving",
        warm_up_fraction=0.007,
        targets_per_step=32,
        gradient_clip=GradientClip(by="none"),
    )

    @model_validator(mode="after")
    def _gaps_differ(self) -> Self:
        if 0 in self.gaps_frames or len(set(self.gaps_frames)) < len(self.gaps_frames):
            raise ValueError("gaps_frames must differ from each other and from 0")
        return self


class MgModel(Model[MgSettings]):
    """Motion Grouping (ICCV 2021, arXiv 2104.07658): trained without masks, on flow alone."""

    settings_class: ClassVar[type[Settings]] = MgSettings
    may_diverge: ClassVar[bool] = True  # the rule by which the paper's row of it is a dash
    network: MotionGrouping

    @property
    def name(self) -> str:
        """`mg`."""
        return "mg"

    @property
    def needs(self) -> Needs:
        """All masks if the layer is chosen by an oracle."""
        return "all_masks" if self.settings.slot_choice == "oracle" else "frames"

    @property
    def sampling(self) -> FlowPairs:
        """Two fields of a frame."""
        return FlowPairs(self.settings.gaps_frames, self._clip_flow)

    def _build(self) -> None:
        settings, flow = self.settings, self.settings.flow
        self.network = MotionGrouping(
            settings.height_px,
            settings.width_px,
            n_in=3 if settings.flow_picture else 2,
            n_slots=settings.n_slots,
            width=settings.width,
            n_iterations=settings.n_iterations,
        )
        self._clip_flow = SizedClipFlow(
            DisFlow(flow.preset) if flow.weights is None else RaftFlow(flow.weights, flow.device),
            settings.height_px,
            settings.width_px,
            None if flow.cache is None else FlowCache(flow.cache),
        )

    def _load_initial_weights(self) -> None:
        flow = self._clip_flow.flow
        if isinstance(flow, RaftFlow):
            flow.network()

    def training_step(
        self, batch: TripleBatch, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """One step forward on pairs of fields; see `Model.training_step`."""
        pictures = self._pictures(batch.frames.flatten(0, 1))
        layers = self.network(pictures)
        terms = grouping_loss(pictures, layers.reconstruction, layers.alpha)
        weights = self.settings.loss
        growth = weights.growth ** sum(progress >= share for share in HALVED_AT)
        loss = weights.reconstruction * terms.reconstruction + growth * (
            weights.entropy * terms.entropy + weights.consistency * terms.consistency
        )
        return loss, {name: term.detach() for name, term in terms._asdict().items()}

    def _predict(self, frames: NDArray[np.uint8], given: Given) -> NDArray[np.float32]:
        maps = np.empty(frames.shape, np.float32)
        start = 0
        for fields in self._fields(frames):
            stop = start + fields.shape[1]
            masks = None if given.masks is None else np.array(given.masks[start:stop])
            maps[start:stop] = self._foreground(fields, masks, frames.shape[1:])
            start = stop
        return maps

    def _fields(self, frames: NDArray[np.uint8]) -> Iterator[Tensor]:
        """The fields (gaps, N, 2, h, w) of the next frames."""
        gaps, flow = self.settings.gaps_frames, self._clip_flow
        # Only training makes the folder: elsewhere a loaded model would leave one behind.
        if flow.cache is not None and not flow.cache.folder.is_dir():
            flow = replace(flow, cache=None)
        by_frame = zip(*(flow.along(frames, gap) for gap in gaps), strict=True)
        while batch := list(islice(by_frame, self.settings.batch_frames)):
            fields = np.array(batch, np.float32).swapaxes(0, 1)
            yield torch.from_numpy(fields)

    def _foreground(
        self, fields: Tensor, masks: NDArray[np.uint8] | None, size: tuple[int, ...]
    ) -> NDArray[np.float32]:
        """Mean over the gaps of the share of the chosen layer, (N, *size)."""
        foreground = torch.stack([self._share(each.to(self.device), masks) for each in fields])
        maps = functional.interpolate(foreground.mean(dim=0), size=size, mode="bilinear")
        return maps.squeeze(1).cpu().numpy()

    def _share(self, fields: Tensor, masks: NDArray[np.uint8] | None) -> Tensor:
        """Fraction (N, 1, h, w) of the chosen layer of fields (N, 2, h, w)."""
        alpha = self.network(self._pictures(fields)).alpha.float()
        if self.settings.slot_choice == "border":
            return chosen(alpha, border_slots(alpha))
        return chosen(alpha, oracle_slots(alpha, torch.as_tensor(masks, device=self.device)))

    def _pictures(self, flows: Tensor) -> Tensor:
        """What the network takes for fields (N, 2, h, w)."""
        return flow_pictures(flows) if self.settings.flow_picture else flows
