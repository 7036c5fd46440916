import logging

import lightning.pytorch  # noqa: F401 - it makes its loggers
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.training.machine import (
    check_devices,
    lightning_precision,
    n_workers,
)
from fgstp.training.processes import quiet


def test_half_precision_is_for_gpus_that_support_it(monkeypatch, caplog):
    supported = [True]
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported[0])
    assert lightning_precision("auto", cuda=True) == "bf16-mixed"
    assert lightning_precision("auto", cuda=False) == "32-true"
    assert lightning_precision("32", cuda=True) == "32-true"
    assert lightning_precision("bf16", cuda=False) == "bf16-mixed"
    supported[0] = False
    with caplog.at_level("INFO", logger="fgstp"):
        assert lightning_precision("auto", cuda=True) == "32-true"
    assert "does not support bf16" in caplog.text
    with pytest.raises(UserError, match=r"train\.precision is bf16"):
        lightning_precision("bf16", cuda=True)


def test_workers_are_for_gpus_unless_asked_for():
    assert n_workers(None, 1, cuda=False) == 0
    assert 1 <= n_workers(None, 1, cuda=True) <= 8
    assert n_workers(3, 1, cuda=False) == 3
    assert n_workers(None, 10**6, cuda=True) == 1


def test_there_must_be_as_many_gpus_as_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_devices(2, cuda=True)
    check_devices(3, cuda=False)
    with pytest.raises(UserError, match=r"train\.devices is 3, but torch finds 2 CUDA devices"):
        check_devices(3, cuda=True)


def test_lightning_is_quiet_for_a_while():
    its_logger = logging.getLogger("lightning.pytorch")

    with pytest.raises(KeyError), quiet("lightning"):
        assert not its_logger.isEnabledFor(logging.WARNING)
        raise KeyError
    assert its_logger.isEnabledFor(logging.ERROR)
