import torch
from torch import nn

from fgstp.training.averaging import KeepAverage


def trained(steps, decay=0.9, averaging=None, network=None):
    """Weights go through the values of `steps`."""
    network = network or nn.BatchNorm1d(1)
    averaging = averaging or KeepAverage(network, decay)
    averaging.on_train_start(None, None)
    for value in steps:
        with torch.no_grad():
            network.weight.fill_(value)
        network.num_batches_tracked += 1
        averaging.on_train_batch_end(None)
    return network, averaging


def validated(network, averaging):
    averaging.on_validation_start(None, None)
    seen = network.weight.item(), int(network.num_batches_tracked)
    averaging.on_validation_end(None, None)
    return seen


def test_the_average_is_that_of_the_formula_and_grows_slowly_old():
    steps = [3.0, -2.0, 5.0, 7.0]
    average = 1.0  # the first weight
    for n, value in enumerate(steps, start=1):
        d = min(0.35, (1 + n) / (10 + n))
        average = d * average + (1 - d) * value
    seen, n_batches = validated(*trained(steps, decay=0.35))
    torch.testing.assert_close(seen, average)
    assert n_batches == 4  # whole numbers are those of the last step


def test_training_goes_on_with_its_own_weights():
    network, averaging = trained([3.0, -2.0])
    validated(network, averaging)
    assert network.weight.item() == -2.0


def test_a_continued_training_has_the_same_average():
    network, averaging = trained([3.0, -2.0, 5.0, 7.0])
    first, kept = trained([3.0, -2.0])
    again = KeepAverage(first, 0.9)
    again.load_state_dict(kept.state_dict())
    trained([5.0, 7.0], averaging=again, network=first)
    assert validated(first, again) == validated(network, averaging)
