import pytest
import torch

from fgstp.models.session import Prompt
from fgstp.models.xmem_pp.model import XmemModel, XmemSettings

SMALL = {
    "key_encoder": {"name": "resnet18"},
    "value_encoder": {"name": "resnet18"},
    "widths": {"key": 8, "value": 16, "sensory": 4, "coarse": 16, "fine": 8},
}


@pytest.fixture(scope="session")
def small_xmem():
    """Builds a small model, the same each time."""

    def build(**settings):
        torch.manual_seed(0)
        return XmemModel(XmemSettings(**SMALL | settings))

    return build


@pytest.fixture
def network(small_xmem, randomised):
    """A small network whose every weight has a say."""
    network = randomised(small_xmem().network)
    with torch.no_grad():  # so that several elements have a say in a reading
        network.key_head.key.weight.mul_(0.1)
        network.decoder.score.weight.mul_(0.2)
    return network


@pytest.fixture(scope="session")
def propagated(small_xmem):
    """Propagate a mask along normalised frames; the probabilities and the session."""

    @torch.inference_mode()
    def propagate(network, frames, mask, **limits):
        defaults = {"memory_every_frames": 1, "t_max_frames": 99, "t_min_frames": 1, "top_k": 9}
        defaults |= {"n_prototypes": 5, "long_term_limit_elements": 99}
        model = small_xmem(memory=defaults | limits)
        model.network = network
        session = model.session(*mask.shape[2:], prompt=Prompt(mask[0, 0].numpy()))
        first, *others = session.encode(frames)
        session.start(first, mask[0, 0] > 0)
        probs = [mask, *(session.propagate(each) for each in others)]
        return torch.cat(probs)[:, 0], session

    return propagate
