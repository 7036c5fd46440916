"""The weights that the authors of Motion Grouping published."""

from fgstp.models.published import Published


def published() -> Published:
    """Names in their checkpoints: of networks for 128 x 224 and coloured pictures of flow."""
    attention = {
        "norm_input": "norm_tokens",
        "norm_slots": "norm_slots",
        "norm_pre_ff": "norm_mlp",
        "slots_embedding": "start",
        "project_q": "q",
        "project_k": "k",
        "project_v": "v",
        "gru": "gru",
        "mlp": "mlp",
    }
    return Published(
        rules=[
            (r"encoder_cnn\.", "encoder."),
            (r"decoder_cnn\.", "decoder."),
            (r"(en|de)coder_pos\.proj\.", r"\1coder_position.project."),
            (r"layer_norm\.", "norm."),
            (r"mlp\.", "mlp."),
            *(
                (rf"slot_attention\.{theirs}\.", f"slot_attention.{ours}.")
                for theirs, ours in attention.items()
            ),
        ],
        settings={"height_px": 128, "width_px": 224, "flow_picture": True},
    )
