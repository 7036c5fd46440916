"""Weights that the authors of ZoomNeXt published."""

from collections.abc import Mapping
from typing import Any

from fgstp.models.published import Published, grouped_unit_rules, part_rules, pvt_rules

CONTEXT_PARTS = {
    **{f"conv3x3_{n + 1}": f"near.{n}" for n in range(3)},
    "conv1x1_1": "split",
    "conv1x1_2": "whole",
    r"fuse\.([01])": r"merge.\1",
}
SCALE_PARTS = {
    "conv_l_pre": "before_pooling",
    "conv_s_pre": "before_resizing",
    "conv_l": "large",
    "conv_m": "middle",
    "conv_s": "small",
    "conv_lms": "compare",
    "initial_merge": "content",
    "trans": "weigh",
}
PERCEPTION_PARTS = {
    r"fuse\.0\.temperal_proj_kv": "operator.to_key_value",
    r"fuse\.0\.temperal_proj\.([02])": r"operator.mix.\1",
    r"fuse\.1": "fuse",
}


def published(settings: Mapping[str, Any]) -> Published:
    """Published checkpoints for clips of `n_frames`; with `n_frames: 1` those for images.

    The latter hold temporal weights too, on which no output depends.
    """
    n_frames = settings.get("n_frames", 5)
    rules = [
        *pvt_rules(r"encoder\.", "encoder."),
        *part_rules(r"tra_5\.", "reduce.3.", CONTEXT_PARTS),
        (r"tra_1\.1\.", "smooth."),
        (r"predictor\.1\.", "predictor.0."),
        (r"predictor\.2\.", "predictor.1."),
    ]
    for number, level in enumerate((2, 3, 4, 5)):
        rules += [(rf"tra_{level}\.", f"reduce.{number}.")]
        rules += part_rules(rf"siu_{level}\.", f"siu.{number}.", SCALE_PARTS)
        unit = rf"hmu_{level}\.", f"rgpu.{number}."
        rules += [*grouped_unit_rules(*unit), *part_rules(*unit, PERCEPTION_PARTS)]
    temporal = (r"hmu_[2-5]\.fuse\.0\..+",) if n_frames == 1 else ()
    return Published(rules, (r"normalizer\.(mean|std)", *temporal), {"n_frames": n_frames})
