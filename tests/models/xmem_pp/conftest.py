import pytest
import torch

from fgstp.models.session import Prompt
from fgstp.models.xmem_pp.model import XmemModel, XmemSettings

WIDTHS = {"key": 8, "value": 16, "sensory": 4, "coarse": 16, "fine": 8}


@pytest.fixture
def network(randomised):
    """A small network whose every weight has a say."""
    resnet18 = {"name": "resnet18"}
    settings = XmemSettings(key_encoder=resnet18, value_encoder=resnet18, widths=WIDTHS)
    network = randomised(XmemModel(settings).network)
    with torch.no_grad():  # so that several elements have a say in a reading
        network.key_head.key.weight.mul_(0.1)
        network.decoder.score.weight.mul_(0.2)
    return network


@pytest.fixture(scope="session")
def propagated():
    """Propagate a mask along normalised frames; the probabilities and the session.

    `watch` is called with the session before each frame but the first.
    """

    @torch.inference_mode()
    def propagate(network, frames, mask, watch=lambda session: None, **limits):
        defaults = {"memory_every_frames": 1, "t_max_frames": 99, "t_min_frames": 1, "top_k": 9}
        defaults |= {"n_prototypes": 5, "long_term_limit_elements": 99}
        small = {"name": "resnet18"}
        model = XmemModel(
            XmemSettings(
                memory=defaults | limits, widths=WIDTHS, key_encoder=small, value_encoder=small
            )
        )
        model.network = network
        session = model.session(*mask.shape[2:], prompt=Prompt(mask[0, 0].numpy()))
        first, *others = session.encode(frames)
        session.start(first, mask[0, 0] > 0)
        probs = [mask]
        for each in others:
            watch(session)
            probs.append(session.propagate(each))
        return torch.cat(probs)[:, 0], session

    return propagate
