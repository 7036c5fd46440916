"""What the state of a training holds beside weights, so that it can be loaded safely."""

import random
import sys
from typing import Any

import numpy as np
import torch


def random_state() -> dict[str, Any]:
    """State of all random generators as plain values and tensors, which can be loaded safely.

    Of the GPUs only the current one: asking the others would allocate memory there.
    """
    name, keys, *rest = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": (name, np.asarray(keys).tolist(), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Restore what `random_state` returned; that of a GPU only where there is one."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"])


def canonical(value: Any) -> Any:  # noqa: ANN401 - a part of a state
    """The same value in which equal texts are one object, as they need not be after a restart.

    Pickle writes an object that it has met before in another way than an equal one.
    """
    if isinstance(value, str):
        return sys.intern(value)
    if isinstance(value, dict):
        return {canonical(key): canonical(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(canonical, value))
    return value
