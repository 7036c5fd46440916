"""Names of the weights that the authors of XMem and XMem++ published."""

from fgstp.models.published import Published
from fgstp.models.state_dicts import Rules


def published() -> Published:
    """What is known of their checkpoints; XMem++ uses those of XMem. All weights are used."""
    return Published(
        rules=[
            (r"key_encoder\.res2\.", "key_encoder.body.layer1."),
            (r"(key|value)_encoder\.(conv1|bn1|layer[123])\.", r"\1_encoder.body.\2."),
            (r"key_proj\.key_proj\.", "key_head.key."),
            (r"key_proj\.d_proj\.", "key_head.shrinkage."),
            (r"key_proj\.e_proj\.", "key_head.selection."),
            *_fuse_rules(r"value_encoder\.fuser\.", "value_fuse."),
            (r"value_encoder\.hidden_reinforce\.", "deep_update."),
            *_fuse_rules(r"decoder\.fuser\.", "decoder.fuse."),
            (r"decoder\.hidden_update\.(g\d+)_conv\.", r"decoder.sensory.\1."),
            (r"decoder\.hidden_update\.", "decoder.sensory.update."),
            (r"decoder\.up_\d+_(\d)\.skip_conv\.", r"decoder.up_\1.skip."),
            *_block_rules(r"decoder\.up_\d+_(\d)\.out_conv\.", r"decoder.up_\1.refine."),
            (r"decoder\.pred\.", "decoder.score."),
        ]
    )


def _fuse_rules(theirs: str, ours: str) -> Rules:
    """Rules for a `Fuse`."""
    return [
        *_block_rules(rf"{theirs}block1\.", f"{ours}join."),
        (rf"{theirs}attention\.ChannelGate\.mlp\.1\.", f"{ours}attention.channels.0."),
        (rf"{theirs}attention\.ChannelGate\.mlp\.3\.", f"{ours}attention.channels.2."),
        (rf"{theirs}attention\.SpatialGate\.spatial\.conv\.", f"{ours}attention.positions."),
        *_block_rules(rf"{theirs}block2\.", f"{ours}refine."),
    ]


def _block_rules(theirs: str, ours: str) -> Rules:
    """Rules for a `ResBlock`."""
    return [(rf"{theirs}downsample\.", f"{ours}skip."), (theirs, ours)]
