import pytest
import torch

from fgstp.models.slt_net.model import SltNetModel, SltNetSettings, published
from fgstp.models.slt_net.network import SltNetLong, SltNetShort

LEVELS = ("P3", "P4", "P5")


@pytest.mark.slow
def test_the_short_network_computes_what_the_published_network_computes(golden):
    values = golden("slt_short")
    recorded = values.models["slt_short"]
    network = SltNetModel(SltNetSettings.model_validate(published({}).settings)).network.eval()
    theirs = values.weights()
    network.load_state_dict(published({}).weights_for(network, theirs, "the key table"))

    frames = values.normalised_frames(recorded["seed"])
    outputs = {}
    with torch.inference_mode():
        features = [network.encode(frame) for frame in frames]
        outputs |= _levels("encoder.frame1", features[0])
        outputs |= _levels("ctc.pair12", network.relate(features[0], features[1]))
        outputs |= _levels("ctc.pair13", network.relate(features[0], features[2]))
        maps = network(*frames)
    names = [f"{pair}.{m}" for pair in ("pair12", "pair13") for m in ("S_g", "S_5", "S_4", "S_3")]
    outputs |= dict(zip([*names, "final"], maps, strict=True))
    for number, frame in enumerate(frames, start=1):
        values.check(f"frame{number}", frame, recorded["inputs"][f"frame{number}"])
    assert outputs.keys() == recorded["outputs"].keys()
    for key, output in outputs.items():
        values.check(key, output, recorded["outputs"][key])


def _levels(name, pyramid):
    return {f"{name}.{level}": maps for level, maps in zip(LEVELS, pyramid, strict=True)}


def test_every_published_name_has_its_own_place(golden):
    with torch.device("meta"):
        network = SltNetShort()
        theirs = {key: torch.empty(shape) for key, shape in golden("slt_short").shapes().items()}
    found = published({}).weights_for(network, theirs, "the key table")
    assert len(found) == len(theirs) == len(network.state_dict())


def test_the_networks_have_the_published_numbers_of_parameters():
    with torch.device("meta"):
        short, long = SltNetShort(), SltNetLong()
    assert _size(short) == 82_383_435
    assert _size(long) == 82_303_001
    assert [_size(attention) for attention in long.attend] == [11_264, 11_264]
    assert _size(long.mix) == 15


def _size(module):
    return sum(parameter.numel() for parameter in module.parameters())
