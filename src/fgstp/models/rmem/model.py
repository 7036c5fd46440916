"""RMem as a model."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from fgstp.models.base import Model
from fgstp.models.blocks.encoder import ResNetSettings
from fgstp.models.blocks.encoder_weights import begin_encoder
from fgstp.models.blocks.frames import normalised
from fgstp.models.published import Published, part_rules
from fgstp.models.registry import register
from fgstp.models.rmem.network import Base, Rmem
from fgstp.models.rmem.session import RmemMemorySettings, RmemSession
from fgstp.models.rmem.training import RmemTrainingSettings, clip_loss
from fgstp.models.sampling import Batch, SpreadFrames
from fgstp.models.settings import GradientClip, NetworkSettings, OptimisationSettings
from fgstp.models.state_dicts import Rules, Weights


class RmemSettings(NetworkSettings):
    """Settings of RMem.

    Attributes:
        base: `aotl`, which the paper builds on, or `deaotl`, which the published scripts do.
        encoder: the encoder.
        width: channels of tokens; the other widths follow from it.
        n_layers: blocks.
        n_identities: maximum number of objects; one of them is used.
        memory: limits of the memory.
        training: samples of the training, and regularisation.
        output: `label`: maps are 0 or 1, as in the published evaluation, or `soft`: the
            probability of not being background.
    """

    base: Base = "aotl"
    encoder: ResNetSettings = ResNetSettings()
    width: int = Field(256, ge=16, le=8192, multiple_of=16)
    n_layers: int = Field(3, ge=1, le=64)
    n_identities: int = Field(10, ge=1, le=255)
    memory: RmemMemorySettings = RmemMemorySettings()
    training: RmemTrainingSettings = RmemTrainingSettings()
    output: Literal["label", "soft"] = "label"
    optimisation: OptimisationSettings = OptimisationSettings(
        optimiser="adamw",
        weight_decay=0.07,
        schedule="polynomial",
        warm_up_fraction=0.05,
        targets_per_step=32,
        gradient_clip=GradientClip(by="norm", at=5.0),
        ema_decay=0.999,
    )


PARTS = {
    "encoder": "encoder.body",
    "encoder_projector": "project",
    "patch_wise_id_bank": "identities.embed",
    "id_norm": "identities.norm",
    "LSTT.decoder_norms.0.gn": "propagation.norm",
    "LSTT.decoder_norms": "propagation.norms",
}
BLOCK = r"LSTT\.layers\.(\d+)\."
AOT_PARTS = {
    "norm1": "norm_self",
    "self_attn.linear_Q": "self_attention.query",
    "self_attn.linear_K": "self_attention.key",
    "self_attn.linear_V": "self_attention.value",
    "self_attn.projection": "self_attention.out",
    "norm2": "norm_memory",
    "linear_Q": "query",
    "linear_V": "value",
    "linear_QMem": "short_key",
    "linear_VMem": "short_value",
    "norm4": "norm_short",
    "long_term_attn.projection": "long_out",
    "short_term_attn.projection": "short_out",
    "norm3": "norm_feed_forward",
    "linear1": "feed_forward.widen",
    "activation.gn": "feed_forward.norm",
    "activation.conv": "feed_forward.mix.conv",
    "linear2": "feed_forward.narrow",
}
DEAOT_PARTS = {
    "norm1": "norm_memory",
    "linear_QV": "key_value",
    "linear_U": "gate",
    "id_norm1": "norm_identity",
    "linear_ID_U": "identity_gate",
    "linear_ID_V": "identity_value",
    "long_term_attn.dw_conv.conv": "long_gated.mix.conv",
    "long_term_attn.projection": "long_gated.out",
    "short_term_attn.relative_emb_k": "short_attention.bias",
    "short_term_attn.dw_conv.conv": "short_gated.mix.conv",
    "short_term_attn.projection": "short_gated.out",
    "norm2": "norm_self.0",
    "id_norm2": "norm_self.1",
    "self_attn.linear_QK": "self_attention.key",
    "self_attn.linear_V1": "self_attention.values.0",
    "self_attn.linear_V2": "self_attention.values.1",
    "self_attn.linear_U1": "self_attention.gates.0",
    "self_attn.linear_U2": "self_attention.gates.1",
    "self_attn.dw_conv.conv": "self_attention.gated.mix.conv",
    "self_attn.projection": "self_attention.gated.out",
}
HEAD_PARTS = {
    "conv_in.conv": "enter.0",
    "conv_in.gn": "enter.1",
    "conv_out": "out",
    **{f"adapter_{stride}x": f"skip_{stride}" for stride in (16, 8, 4)},
    **{f"conv_{stride}x.conv": f"mix_{stride}.0" for stride in (16, 8, 4)},
    **{f"conv_{stride}x.gn": f"mix_{stride}.1" for stride in (16, 8, 4)},
}


def published(settings: Mapping[str, Any]) -> Published:
    """Published checkpoints of the base in the settings; AOT-L is the default."""
    base = settings.get("base", "aotl")
    rules: Rules = [
        (r"cur_pos_emb$", "propagation.temporal.query"),
        (r"mem_pos_emb$", "propagation.temporal.slots"),
        *part_rules(BLOCK, r"propagation.blocks.\1.", AOT_PARTS if base == "aotl" else DEAOT_PARTS),
        *part_rules(r"decoder\.", "head.", HEAD_PARTS),
        *part_rules("", "", PARTS),
    ]
    unused = (BLOCK + r"linear_KMem\..*",)
    return Published(rules, unused, {"base": base}, _prepared)


def _prepared(theirs: Weights) -> Weights:
    """Add counts of batches, which frozen normalisation lacks and no output depends on.

    A 1 x 1 convolution on tokens is a linear layer here; its kernel loses two axes of length 1.
    """
    counts = {
        key.replace("running_var", "num_batches_tracked"): torch.tensor(0)
        for key in theirs
        if key.endswith(".running_var")
    }
    linear = {
        key: tensor.flatten(1) if key.endswith("relative_emb_k.weight") else tensor
        for key, tensor in theirs.items()
    }
    return counts | linear


@register(
    "rmem",
    "RMem",
    paper="CVPR 2024, arXiv 2406.08476",
    order=50,
    prompt="first_mask",
    published=published,
)
class RmemModel(Model[RmemSettings]):
    """Restricted memory (RMem, arXiv 2406.08476): propagates the gas of one prompted frame."""

    settings_class = RmemSettings
    session_class = RmemSession
    undecayed = (
        *("head.out.weight", "short_attention.bias.weight"),
        *("temporal.query", "temporal.slots"),
    )
    encoders = ("encoder",)
    network: Rmem

    @property
    def sampling(self) -> SpreadFrames:
        """Frames of a clip in their order or backwards, the first with enough gas."""
        training = self.settings.training
        return SpreadFrames(
            training.n_frames,
            largest_step=((0.0, training.max_frame_gap),),
            reverse_fraction=training.reverse_fraction,
            first_gas_px=training.first_gas_px,
            attempts=training.attempts,
        )

    @property
    def label(self) -> str:
        """`AOT-L` or `DeAOT-L`."""
        return {"aotl": "AOT-L", "deaotl": "DeAOT-L"}[self.settings.base]

    def _build(self) -> None:
        settings = self.settings
        self.network = Rmem(
            settings.encoder,
            settings.base,
            settings.width,
            n_layers=settings.n_layers,
            n_identities=settings.n_identities,
            drop_path=settings.training.drop_path,
            dropout=settings.training.dropout,
        )

    def _load_initial_weights(self) -> None:
        begin_encoder(self.network.encoder.body, self.settings.encoder)

    def training_step(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """One step forward on a batch of clips; see `Model.training_step`."""
        return clip_loss(
            self.network,
            normalised(batch.frames, self.settings.normalisation),
            (batch.masks > 0.5).long().masked_fill(batch.masks < 0, -1).squeeze(2),
            write_every_frames=self.settings.training.write_every_frames,
            progress=progress,
        )
