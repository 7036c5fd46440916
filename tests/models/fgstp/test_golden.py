import pytest
import torch

from fgstp.models.fgstp import Fgstp
from fgstp.models.importing import import_published


@pytest.mark.slow
def test_the_filling_rule_draws_what_it_should(golden):
    fgstp_golden = golden("fgstp")
    # Figures given beside the rule; if they differ, no other value can agree.
    weights = fgstp_golden.weights()
    for key, first in {
        "fusion_conv.2.bias": [-0.0156146],
        "fusion_conv.0.weight": [0.1893541, -0.1945005, 0.1577386, -0.1400296],
        "backbone.encoder.rfb2_1.branch0.0.bn.weight": [0.9771182, 1.0808141, 0.9357268],
        "backbone.encoder.rfb2_1.branch0.0.bn.running_var": [0.8906263, 1.3616724, 0.8231978],
    }.items():
        drawn = weights[key].flatten()[: len(first)]
        torch.testing.assert_close(drawn, torch.tensor(first), atol=1e-6, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["fgstp", "fgstp_scaled"])
def test_the_released_variant_computes_what_the_published_network_computes(golden, tmp_path, model):
    fgstp_golden = golden("fgstp")
    recorded = fgstp_golden.models[model]
    torch.save(fgstp_golden.weights(recorded.get("scale")), tmp_path / "published.pth")
    network = import_published(tmp_path / "published.pth", "fgstp").network.eval()

    frames = fgstp_golden.normalised_frames(recorded["seed"])
    outputs = {}
    with torch.inference_mode():
        features = [network.encode(frame) for frame in frames]
        outputs |= _levels("encoder.frame1", features[0])
        for pair, neighbour in (("pair12", features[1]), ("pair13", features[2])):
            outputs |= _levels(f"ctc.{pair}", network.ctc(features[0], neighbour))
        outputs |= _levels("fsp.pair12", network.relate(features[0], features[1]))
        maps = network(*frames)
    names = [f"{pair}.{m}" for pair in ("pair12", "pair13") for m in ("S_g", "S_5", "S_4", "S_3")]
    outputs |= dict(zip([*names, "final"], maps, strict=True))

    for number, frame in enumerate(frames, start=1):
        fgstp_golden.check(f"frame{number}", frame, recorded["inputs"][f"frame{number}"])
    assert outputs.keys() == recorded["outputs"].keys()
    for name, output in outputs.items():
        fgstp_golden.check(name, output, recorded["outputs"][name])


def _levels(name, pyramid):
    return {
        f"{name}.{level}": maps for level, maps in zip(("P3", "P4", "P5"), pyramid, strict=True)
    }


def test_the_full_network_has_the_published_number_of_parameters():
    for variant in ("paper", "released"):
        with torch.device("meta"):
            network = Fgstp("pvt_v2_b5", variant)
        parts = {name: _size(part) for name, part in network.named_children()}
        assert parts == {
            "encoder": 81_885_184,
            "ctc": 92_832,
            "fsp": 318_384,
            "decoder": 395_274,
            "fusion": 10_145,
        }
        assert _size(network) == 82_701_819


def test_both_variants_have_weights_of_the_same_names_and_shapes():
    with torch.device("meta"):
        paper, released = (Fgstp("pvt_v2_b0", variant) for variant in ("paper", "released"))
    assert {name: w.shape for name, w in paper.state_dict().items()} == {
        name: w.shape for name, w in released.state_dict().items()
    }


def _size(module):
    return sum(parameter.numel() for parameter in module.parameters())
