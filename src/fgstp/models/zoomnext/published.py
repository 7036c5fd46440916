"""Names in the published checkpoints of ZoomNeXt."""

from fgstp.models.published import Published, grouped_unit_rules, pvt_rules
from fgstp.models.state_dicts import Rules

LEVELS = (2, 3, 4, 5)


def published(n_frames: int = 5) -> Published:
    """What is known of them.

    Args:
        n_frames: frames of a clip that the checkpoint is for; 1: of single frames, whose
            temporal weights are there, but nothing depends on them.
    """
    temporal = r"hmu_[2-5]\.fuse\.0\..+"
    return Published(
        rules=_rules(),
        unused=(r"normalizer\.(mean|std)", *([temporal] if n_frames == 1 else [])),
        settings={"n_frames": n_frames},
    )


def _rules() -> Rules:
    return [
        *pvt_rules(r"encoder\.", "encoder."),
        *_aspp_rules(r"tra_5\.", "reduce.3."),
        *(
            rule
            for number, level in enumerate(LEVELS)
            for rule in (
                (rf"tra_{level}\.", rf"reduce.{number}."),
                *_scale_integration_rules(rf"siu_{level}\.", rf"siu.{number}."),
                *_perception_rules(rf"hmu_{level}\.", rf"rgpu.{number}."),
            )
        ),
        (r"tra_1\.1\.", "smooth."),
        (r"predictor\.1\.", "predictor.0."),
        (r"predictor\.2\.", "predictor.1."),
    ]


def _aspp_rules(theirs: str, ours: str) -> Rules:
    near = [(rf"{theirs}conv3x3_{n + 1}\.", f"{ours}near.{n}.") for n in range(3)]
    return [
        (rf"{theirs}conv1x1_1\.", f"{ours}split."),
        (rf"{theirs}conv1x1_2\.", f"{ours}whole."),
        *near,
        (rf"{theirs}fuse\.([01])\.", rf"{ours}merge.\1."),
    ]


def _scale_integration_rules(theirs: str, ours: str) -> Rules:
    names = {
        "conv_l_pre": "before_pooling",
        "conv_s_pre": "before_resizing",
        "conv_l": "large",
        "conv_m": "middle",
        "conv_s": "small",
        "conv_lms": "compare",
        "initial_merge": "content",
        "trans": "weigh",
    }
    return [(rf"{theirs}{name}\.", f"{ours}{our_name}.") for name, our_name in names.items()]


def _perception_rules(theirs: str, ours: str) -> Rules:
    return [
        *grouped_unit_rules(theirs, ours),
        (rf"{theirs}fuse\.0\.temperal_proj_kv\.", f"{ours}operator.to_key_value."),
        (rf"{theirs}fuse\.0\.temperal_proj\.([02])\.", rf"{ours}operator.mix.\1."),
        (rf"{theirs}fuse\.1\.", f"{ours}fuse."),
    ]
