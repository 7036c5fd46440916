"""Settings of every model: defaults of the papers, and what is refused."""

import pytest

from fgstp.core.errors import UserError
from fgstp.models.registry import model_settings

PAPERS = {
    "fgstp": {
        **{"height_px": 352, "width_px": 352, "encoder.name": "pvt_v2_b5"},
        **{"encoder.weights": None, "variant": "paper", "neighbours": "centred"},
        **{"loss.bce": "weighted", "loss.output_weights": (1.0,) * 9},
    },
    "mg": {"height_px": 128, "width_px": 224, "flow_picture": True},
    "rmem": {
        **{"base": "aotl", "height_px": 352, "width_px": 352, "training.first_gas_px": 200},
        **{"optimisation.optimiser": "adamw", "optimisation.schedule": "polynomial"},
        **{"optimisation.weight_decay": 0.07, "optimisation.warm_up_fraction": 0.05},
        "optimisation.gradient_clip": {"by": "norm", "at": 5.0},
    },
    "sinet_v2": {"encoder.name": "res2net50d", "loss.bce": "weighted"},
    "slt_net": {
        **{"height_px": 352, "width_px": 352, "variant": "released", "neighbours": "forward"},
        **{"encoder.name": "pvt_v2_b5", "encoder.drop_path": 0.3, "long_term": False},
        **{"long.height_px": 256, "long.width_px": 448, "long.n_frames": 10},
        "long.normalisation": {"mean": (0, 0, 0), "std": (1, 1, 1)},
        **{"long.optimisation.optimiser": "adamw", "long.optimisation.learning_rate": 1e-5},
        **{"long.optimisation.weight_decay": 1e-6, "long.optimisation.targets_per_step": 20},
        "long.optimisation.schedule": "cosine_restarts",
    },
    "zoomnext": {
        **{"n_frames": 5, "width": 64, "height_px": 352, "encoder.name": "pvt_v2_b5"},
        **{"optimisation.schedule": "constant", "optimisation.targets_per_step": 10},
        "optimisation.gradient_clip": {"by": "none", "at": 0.5},
    },
}


@pytest.mark.parametrize("name", PAPERS)
def test_the_settings_of_the_paper_are_the_default(name):
    settings = model_settings(name, {}).model_dump()
    for dotted, expected in PAPERS[name].items():
        value = settings
        for key in dotted.split("."):
            value = value[key]
        assert value == expected, dotted


def test_of_a_block_in_part_the_rest_is_the_models_own():
    settings = model_settings("slt_net", {"encoder": {"name": "pvt_v2_b0"}})
    assert (settings.encoder.name, settings.encoder.drop_path) == ("pvt_v2_b0", 0.3)
    settings = model_settings("slt_net", {"long": {"optimisation": {"learning_rate": 0.5}}})
    assert (settings.long.optimisation.learning_rate, settings.long.height_px) == (0.5, 256)
    optimisation = model_settings("rmem", {"optimisation": {"learning_rate": 0.5}}).optimisation
    assert (optimisation.learning_rate, optimisation.optimiser) == (0.5, "adamw")
    assert optimisation.weight_decay == 0.07


SHORT_GAPS = ((0.0, 5), (0.5, 9), (0.3, 4))
WRONG = {
    "fgstp": [
        *({"variant": "other"}, {"neighbours": "backward"}, {"batch_frames": 0}),
        *({"height_px": 0}, {"encoder": {"name": "resnet50"}}, {"loss": {"bce": "median"}}),
        *({"encoder": {"name": "res2net50d"}}, {"unknown": 1}),
        *({"loss": {"output_weights": [1.0] * 8}}, {"loss": {"output_weights": [-1.0] * 9}}),
        {"normalisation": {"std": (0.0, 0.1, 0.1)}},
        {"encoder": {"weights": "a.pth", "stem_contrast_gain": 4.0}},
        {"optimisation": {"weight_decay": 0.1}},
    ],
    "mg": [
        *({"height_px": 100}, {"width_px": 8}, {"width": 30}, {"n_slots": 1}),
        *({"gaps_frames": (1,)}, {"gaps_frames": (1, 1)}, {"gaps_frames": (0, 1)}),
        *({"slot_choice": "best"}, {"loss": {"growth": 0.5}}),
        *({"flow": {"method": "raft"}}, {"flow": {"weights": "a.pth"}}),
    ],
    "rmem": [
        *({"training": {"n_frames": 7}}, {"training": {"n_frames": 8, "write_every_frames": 3}}),
        *({"training": {"drop_path": 1.0}}, {"training": {"reverse_fraction": 1.5}}),
        *({"width": 100}, {"n_layers": 0}, {"n_identities": 0}),
    ],
    "sinet_v2": [{"encoder": {"name": "resnet50"}}, {"encoder": {"drop_path": 0.1}}],
    "slt_net": [
        *({"long": {"n_frames": 0}}, {"long_term": "perhaps"}, {"fsp": True}),
        {"encoder": {"name": "res2net50d"}},
    ],
    "xmem_pp": [
        {"memory": {"t_min_frames": 10, "t_max_frames": 10}},
        {"memory": {"n_prototypes": 200, "long_term_limit_elements": 100}},
        *({"training": {"n_frames": 1}}, {"training": {"max_frame_gap": ((0.1, 5),)}}),
        *({"training": {"max_frame_gap": SHORT_GAPS}}, {"training": {"max_frame_gap": ()}}),
        *({"widths": {"value": 8}}, {"output": "hard"}),
        {"value_encoder": {"weights": "a.pth", "frozen_stages": 1}},  # blind to masks
    ],
    "zoomnext": [{"n_frames": 0}, {"width": 30}, {"height_px": 63}, {"width_px": 32}],
}


@pytest.mark.parametrize(
    ("name", "wrong"), [(name, wrong) for name, cases in WRONG.items() for wrong in cases]
)
def test_settings_that_make_no_sense_are_refused(name, wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        model_settings(name, wrong)


def test_longer_samples_may_be_written_less_often():
    model_settings("rmem", {"training": {"n_frames": 11, "write_every_frames": 3}})
