import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.models.resnet import ResNetSettings
from fgstp.models.rmem.network import Rmem
from fgstp.models.rmem.published import published


def weights(golden, base):
    return {key: torch.ones(shape) for key, shape in golden(f"rmem_{base}").shapes().items()}


@pytest.mark.parametrize("base", ["aotl", "deaotl"])
def test_every_published_tensor_has_its_place(golden, base):
    theirs = weights(golden, base)
    network = Rmem(ResNetSettings(), base)
    found = published(base).weights_for(network, theirs, "a does not fit rmem")
    network.load_state_dict(found)
    unused = [key for key in theirs if "linear_KMem" in key]
    counts = [key for key in found if key.endswith("num_batches_tracked")]
    assert len(unused) == (6 if base == "aotl" else 0)
    assert len(found) == len(theirs) - len(unused) + len(counts)
    assert all(found[key] == 0 for key in counts)


def test_weights_of_the_other_base_are_refused(golden):
    network = Rmem(ResNetSettings(), "deaotl")
    with pytest.raises(UserError, match="a does not fit rmem"):
        published("deaotl").weights_for(network, weights(golden, "aotl"), "a does not fit rmem")
