"""Weights that the authors of Motion Grouping published."""

from collections.abc import Mapping
from typing import Any

from fgstp.models.published import Published, part_rules

PARTS = {
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
        *part_rules("", "", PARTS),
        *part_rules(r"slot_attention\.", "slot_attention.", ATTENTION_PARTS),
    ]
    return Published(rules, settings={"height_px": 128, "width_px": 224, "flow_picture": True})
