"""Motion Grouping as a model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from fgstp.core.config import Settings
from fgstp.core.errors import UserError
from fgstp.models.base import Model
from fgstp.models.blocks.steps import Step
from fgstp.models.mg.flow import DisFlow, DisPreset, VideoFlow
from fgstp.models.mg.network import STRIDE, MotionGrouping
from fgstp.models.mg.raft import Device, RaftFlow, flow_pictures
from fgstp.models.mg.session import FlowStep, MgSession, SlotChoice
from fgstp.models.published import Published, part_rules
from fgstp.models.registry import register
from fgstp.models.sampling import Batch, FlowPairs
from fgstp.models.session import PromptKind
from fgstp.models.settings import HALVED_AT, GradientClip, NetworkSettings, OptimisationSettings

EPS = 1e-5


class GroupingLoss(NamedTuple):
    """The unweighted terms: mean squared error of the pictures, `entropy` and `consistency`."""

    reconstruction: Tensor
    entropy: Tensor
    consistency: Tensor


def grouping_loss(pictures: Tensor, reconstruction: Tensor, alpha: Tensor) -> GroupingLoss:
    """Losses of B frames with two fields each, computed in float32.

    Args:
        pictures: (2 B, C, H, W), the two of a frame one after the other.
        reconstruction: of the same shape.
        alpha: (2 B, K, 1, H, W) in [0, 1].
    """
    alpha = alpha.float()
    error = functional.mse_loss(reconstruction.float(), pictures.float())
    return GroupingLoss(error, entropy(alpha), consistency(alpha[0::2], alpha[1::2]))


def entropy(alpha: Tensor) -> Tensor:
    """`-sum over layers of a log(a + 1e-5)`, the mean over pixels; alpha (N, K, 1, H, W)."""
    return -(alpha * torch.log(alpha + EPS)).sum(dim=1).mean()


def consistency(alpha: Tensor, other: Tensor) -> Tensor:
    """Smallest mean squared difference between a layer of one field and one of the other.

    This is the published form, without an assignment of layers: one pair of layers that agree
    is enough. Mean over the batch; `alpha` and `other` (B, K, 1, H, W) are of two fields of
    each frame.
    """
    differences = (alpha.unsqueeze(2) - other.unsqueeze(1)).square().mean(dim=(3, 4, 5))
    return differences.flatten(1).amin(dim=1).mean()


NonNegative = Annotated[float, Field(ge=0.0, le=1e6)]
Gap = Annotated[int, Field(ge=-30, le=30)]


class FlowSettings(Settings):
    """Estimator of optical flow.

    Attributes:
        method: `dis`, dense inverse search of OpenCV, which needs no weights; or `raft`, the
            large model of torchvision, which the published fields are from.
        preset: speed and accuracy of `dis`.
        weights: file of weights of `raft`, such as torchvision's `raft_large_C_T_V2`, trained
            on FlyingChairs and FlyingThings.
        device: device of `raft`.
    """

    method: Literal["dis", "raft"] = "dis"
    preset: DisPreset = "medium"
    weights: Path | None = None
    device: Device = "cpu"

    @model_validator(mode="after")
    def _weights_are_of_raft(self) -> Self:
        if (self.weights is None) == (self.method == "raft"):
            raise ValueError("weights are needed for raft, and for nothing else")
        return self


class MgLossSettings(Settings):
    """Weights of the losses.

    Attributes:
        reconstruction: of the reconstruction error.
        entropy: of the entropy of alpha.
        consistency: of the difference of the layers of two fields of a frame.
        growth: factor of the last two wherever the schedule `halving` halves the learning rate.
    """

    reconstruction: NonNegative = 100.0
    entropy: NonNegative = 0.01
    consistency: NonNegative = 0.01
    growth: float = Field(5.0, ge=1.0, le=1e6)


class MgSettings(NetworkSettings):
    """Settings of Motion Grouping. `normalisation` has no effect: its input is flow alone.

    Attributes:
        height_px: height of the fields, a multiple of 8.
        width_px: width of the fields, a multiple of 8.
        flow: estimator of the fields.
        gaps_frames: distances from a frame to the frames that it is compared with.
        flow_picture: colour-code the fields.
        n_slots: number of layers.
        width: channels of tokens and slots, a multiple of 4.
        loss: weights of the losses.
        slot_choice: which layer is gas: `border`, the one with the smallest alpha at the border,
            or `oracle`, the one with the highest IoU with the true mask, as published.
    """

    height_px: int = Field(128, ge=2 * STRIDE, le=8192, multiple_of=STRIDE)
    width_px: int = Field(224, ge=2 * STRIDE, le=8192, multiple_of=STRIDE)
    flow: FlowSettings = FlowSettings()
    gaps_frames: Annotated[tuple[Gap, ...], Field(min_length=2)] = (-2, -1, 1, 2)
    flow_picture: bool = True
    n_slots: int = Field(2, ge=2, le=255)
    width: int = Field(256, ge=8, le=8192, multiple_of=4)
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


PUBLISHED_PARTS = {
    "encoder_cnn": "encoder",
    "decoder_cnn": "decoder",
    r"(en|de)coder_pos\.proj": r"\1coder_position.project",
    "layer_norm": "norm",
    "mlp": "mlp",
}
ATTENTION_PARTS = {
    "norm_input": "norm_tokens",
    "norm_slots": "norm_slots",
    "norm_pre_ff": "norm_mlp",
    "slots_embedding": "start",
    "project_(q|k|v)": r"\1",
    "gru": "gru",
    "mlp": "mlp",
}


def published(settings: Mapping[str, Any]) -> Published:
    """Published checkpoints, of networks for 128 x 224 and coloured pictures of flow."""
    rules = [
        *part_rules("", "", PUBLISHED_PARTS),
        *part_rules(r"slot_attention\.", "slot_attention.", ATTENTION_PARTS),
    ]
    return Published(rules, settings={"height_px": 128, "width_px": 224, "flow_picture": True})


@register(
    "mg",
    "MG",
    paper="ICCV 2021, arXiv 2104.07658",
    order=20,
    may_diverge=True,  # the paper's row of it is a dash
    published=published,
)
class MgModel(Model[MgSettings]):
    """Motion Grouping (ICCV 2021, arXiv 2104.07658): trained without masks, on flow alone."""

    settings_class = MgSettings
    session_class = MgSession
    network: MotionGrouping

    @property
    def prompt_kind(self) -> PromptKind:
        """All masks if the layer is chosen by an oracle."""
        return "all_masks" if self.settings.slot_choice == "oracle" else "none"

    def context_s(self, fps_hz: float) -> float:
        """The largest gap: nearer to the beginning, negative gaps become positive ones."""
        return max(map(abs, self.settings.gaps_frames)) / fps_hz

    @property
    def offsets_frames(self) -> tuple[int, ...]:
        """The gaps."""
        return self.settings.gaps_frames

    @property
    def features(self) -> VideoFlow:
        """Flow from each frame to those at all gaps."""
        return self._flow

    @property
    def sampling(self) -> FlowPairs:
        """Two fields of a frame."""
        return FlowPairs(self.settings.gaps_frames, self._flow)

    def _build(self) -> None:
        settings, flow = self.settings, self.settings.flow
        size = settings.height_px, settings.width_px
        self.network = MotionGrouping(
            *size,
            n_in=3 if settings.flow_picture else 2,
            n_slots=settings.n_slots,
            width=settings.width,
        )
        estimator = RaftFlow(flow.weights, flow.device) if flow.weights else DisFlow(flow.preset)
        self._flow = VideoFlow(estimator, settings.gaps_frames, *size)

    def _load_initial_weights(self) -> None:
        if isinstance(self._flow.estimator, RaftFlow):
            _ = self._flow.estimator.network  # refuses a file that does not fit before any work

    def step(self) -> Step:
        """Fields, or pictures of them, (G, C, h, w) -> map (1, 1, h, w); flow stays outside."""
        if isinstance(self._flow.estimator, RaftFlow):
            raise UserError(
                "The flow of mg by raft cannot be exported, since it is a network of its own that "
                "needs torch; set flow.method to dis, and train with it."
            )
        n_gaps, n_components, *size = self._flow.shape
        n_shown = 3 if self.settings.flow_picture else n_components
        return Step("flow", FlowStep(self.network), (n_gaps, n_shown, *size))

    def training_step(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """One step forward on pairs of fields; see `Model.training_step`."""
        flows = batch.frames.flatten(0, 1)
        pictures = flow_pictures(flows) if self.settings.flow_picture else flows
        layers = self.network(pictures)
        terms = grouping_loss(pictures, layers.reconstruction, layers.alpha)
        weights = self.settings.loss
        growth = weights.growth ** sum(progress >= fraction for fraction in HALVED_AT)
        loss = weights.reconstruction * terms.reconstruction + growth * (
            weights.entropy * terms.entropy + weights.consistency * terms.consistency
        )
        return loss, {name: term.detach() for name, term in terms._asdict().items()}
