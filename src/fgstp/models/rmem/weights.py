"""Weights that the authors of RMem published."""

from collections.abc import Mapping
from typing import Any

import torch

from fgstp.models.published import Published, part_rules
from fgstp.models.state_dicts import Rules, Weights

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
