"""Weights that the authors of XMem and XMem++ published."""

from collections.abc import Mapping
from typing import Any

from fgstp.models.published import Published, part_rules
from fgstp.models.state_dicts import Rules

PARTS = {
    r"key_encoder\.res2": "key_encoder.body.layer1",
    r"(key|value)_encoder\.(conv1|bn1|layer[123])": r"\1_encoder.body.\2",
    r"key_proj\.key_proj": "key_head.key",
    r"key_proj\.d_proj": "key_head.shrinkage",
    r"key_proj\.e_proj": "key_head.selection",
    r"value_encoder\.hidden_reinforce": "deep_update",
    r"decoder\.hidden_update\.(g\d+)_conv": r"decoder.sensory.\1",
    r"decoder\.hidden_update": "decoder.sensory.update",
    r"decoder\.up_\d+_(\d)\.skip_conv": r"decoder.up_\1.skip",
    r"decoder\.up_\d+_(\d)\.out_conv\.downsample": r"decoder.up_\1.refine.skip",
    r"decoder\.up_\d+_(\d)\.out_conv": r"decoder.up_\1.refine",
    r"decoder\.pred": "decoder.score",
}
FUSE_PARTS = {
    r"block1\.downsample": "join.skip",
    "block1": "join",
    r"attention\.ChannelGate\.mlp\.1": "attention.channels.0",
    r"attention\.ChannelGate\.mlp\.3": "attention.channels.2",
    r"attention\.SpatialGate\.spatial\.conv": "attention.positions",
    r"block2\.downsample": "refine.skip",
    "block2": "refine",
}


def published(settings: Mapping[str, Any]) -> Published:
    """Published checkpoints of XMem, which XMem++ uses too. All of their weights are used."""
    rules: Rules = [
        *part_rules("", "", PARTS),
        *part_rules(r"value_encoder\.fuser\.", "value_fuse.", FUSE_PARTS),
        *part_rules(r"decoder\.fuser\.", "decoder.fuse.", FUSE_PARTS),
    ]
    return Published(rules)
