import pytest
import torch

from fgstp.models.sinet_v2 import SinetV2Model, SinetV2Settings, published

LEVELS = ("P3", "P4", "P5")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sinet_v2", "sinet_v2_scaled"])
def test_the_network_computes_what_the_published_network_computes(golden, name):
    values = golden("sinet_v2")
    recorded = values.models[name]
    settings = SinetV2Settings.model_validate(published({}).settings)
    network = SinetV2Model(settings).network.eval()
    theirs = values.weights(recorded.get("scale"))
    network.load_state_dict(published({}).weights_for(network, theirs, "the key table"))

    frame = values.normalised_frames(recorded["seed"])[0]
    with torch.inference_mode():
        raw = network.encoder.backbone(frame)
        reduced = network.encoder(frame)
        maps = network(frame)
    outputs = {f"backbone.{level}": each for level, each in zip(LEVELS, raw, strict=True)}
    outputs |= {f"reduced.{level}": each for level, each in zip(LEVELS, reduced, strict=True)}
    outputs |= dict(zip(("S_g", "S_5", "S_4", "S_3"), maps, strict=True))
    values.check("frame", frame, recorded["inputs"]["frame"])
    assert outputs.keys() == recorded["outputs"].keys()
    for key, output in outputs.items():
        values.check(key, output, recorded["outputs"][key])


def test_the_network_has_the_published_number_of_parameters(golden):
    with torch.device("meta"):
        network = SinetV2Model(SinetV2Settings()).network
    parts = {name: _size(part) for name, part in network.named_children()}
    assert parts["decoder"] == 395_274
    assert _size(network) == 24_926_642 == 26_975_642 - 1000 * (2048 + 1)


def test_every_published_name_but_the_classifier_has_its_own_place(golden):
    with torch.device("meta"):
        network = SinetV2Model(SinetV2Settings()).network
        theirs = {key: torch.empty(shape) for key, shape in golden("sinet_v2").shapes().items()}
    found = published({}).weights_for(network, theirs, "the key table")
    assert len(found) == len(theirs) - 2 == len(network.state_dict())


def _size(module):
    return sum(parameter.numel() for parameter in module.parameters())
