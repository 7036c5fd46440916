from types import SimpleNamespace

import torch
from lightning.pytorch import LightningModule
from torch import nn

from fgstp.training.callbacks import KeepAverage


class Module(LightningModule):
    def __init__(self):
        super().__init__()
        self.network = nn.BatchNorm1d(1)


def trained(steps, decay=0.9, module=None, average=None):
    """The weight takes the values of `steps`."""
    module, average = module or Module(), average or KeepAverage(decay)
    if average._average_model is None:
        average.setup(None, module, "fit")
    first = average._latest_update_step
    for number, value in enumerate(steps, start=first + 1):
        with torch.no_grad():
            module.network.weight.fill_(value)
        module.network.num_batches_tracked += 1
        average.on_train_batch_end(SimpleNamespace(global_step=number), module, None, None, 0)
    return module, average


def validated(module, average):
    """What is seen when validation ends, and the best checkpoint is written."""
    average.on_validation_start(None, module)
    average.on_validation_epoch_start(None, module)
    average.on_validation_epoch_end(None, module)
    seen = module.network.weight.item(), int(module.network.num_batches_tracked)
    average.on_validation_end(None, module)
    return seen


def test_the_average_is_that_of_the_formula_and_its_decay_warms_up():
    steps = [3.0, -2.0, 5.0, 7.0]
    average = 1.0  # the initial weight
    for n, value in enumerate(steps, start=1):
        d = min(0.35, (1 + n) / (10 + n))
        average = d * average + (1 - d) * value
    module, callback = trained(steps, decay=0.35)
    seen, n_batches = validated(module, callback)
    torch.testing.assert_close(seen, average)
    assert n_batches == 4  # integers are those of the last step
    assert module.network.weight.item() == 7.0


def test_a_resumed_training_has_the_same_average():
    whole = trained([3.0, -2.0, 5.0, 7.0])
    module, kept = trained([3.0, -2.0])
    checkpoint = {"state_dict": module.state_dict()}
    kept.on_save_checkpoint(None, module, checkpoint)
    checkpoint = {key: {k: w.clone() for k, w in part.items()} for key, part in checkpoint.items()}
    again, average = Module(), KeepAverage(0.9)
    average.setup(None, again, "fit")
    average.on_load_checkpoint(None, again, checkpoint)
    average.load_state_dict(kept.state_dict())
    assert again.network.weight.item() == -2.0
    trained([5.0, 7.0], module=again, average=average)
    assert validated(again, average) == validated(*whole)
