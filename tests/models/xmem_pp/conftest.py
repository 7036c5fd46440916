import pytest
import torch

from fgstp.models.resnet import ResNetSettings
from fgstp.models.xmem_pp.memory import XmemMemorySettings
from fgstp.models.xmem_pp.network import Keys, Xmem
from fgstp.models.xmem_pp.session import XmemSession


@pytest.fixture
def network(randomised):
    """A small network whose every weight has a say."""
    resnet18 = ResNetSettings(name="resnet18")
    widths = {"n_key": 8, "n_value": 16, "n_sensory": 4, "n_coarse": 16, "n_fine": 8}
    network = randomised(Xmem(resnet18, resnet18, **widths))
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
        session = XmemSession(network, XmemMemorySettings(**defaults | limits))
        probs = [mask]
        for number, frame in enumerate(frames.split(1)):
            keys = network.encode_key(frame)
            if number == 0:
                session.start(frame, Keys(*keys), mask)
            else:
                watch(session)
                probs.append(session.propagate(frame, Keys(*keys)))
        return torch.cat(probs)[:, 0], session

    return propagate
