import itertools
import math

import pytest

from fgstp.models.settings import OptimisationSettings
from fgstp.training.schedules import cosine_restarts, schedule
from fgstp.training.settings import TrainSettings


def factors(n_steps=100, steps_per_epoch=10, drop_every_epochs=4, **own):
    factor = schedule(
        OptimisationSettings(**own),
        TrainSettings(drop_every_epochs=drop_every_epochs),
        n_steps=n_steps,
        steps_per_epoch=steps_per_epoch,
    )
    return [factor(step) for step in range(n_steps)]


def test_the_rate_drops_at_the_beginning_of_epochs_counted_from_one():
    found = factors(schedule="drop")
    # Epochs 4 and 8, of ten steps each.
    assert found[:30] == [1.0] * 30
    assert found[30:70] == pytest.approx([0.1] * 40)
    assert found[70:] == pytest.approx([0.01] * 30)


def test_a_constant_rate_stays():
    assert set(factors(schedule="constant")) == {1.0}


def test_a_polynomial_goes_down_to_a_twentieth():
    found = factors(schedule="polynomial")
    assert found[0] == 1.0
    assert found[50] == pytest.approx(0.05 + 0.95 * 0.5**0.9)
    assert all(later < earlier for earlier, later in itertools.pairwise(found))
    assert 0.05 < found[-1] < 0.07


def test_the_rate_is_halved_three_times():
    found = factors(n_steps=30, schedule="halving")
    assert found == [1.0] * 8 + [0.5] * 8 + [0.25] * 8 + [0.125] * 6


def test_a_warm_up_rises_linearly_and_then_leaves_the_schedule_alone():
    found = factors(schedule="constant", warm_up_fraction=0.04)
    assert found[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    with_polynomial = factors(schedule="polynomial", warm_up_fraction=0.04)
    assert with_polynomial[10:] == factors(schedule="polynomial")[10:]


def test_restarts_come_after_longer_and_longer_times():
    found = [cosine_restarts(step) for step in range(5 + 6 + 8 + 10 + 12)]
    starts = [step for step, value in enumerate(found) if value == 1.0]
    assert starts == [0, 5, 11, 19, 29]
    assert found[1] == pytest.approx(0.01 + 0.99 * (1 + math.cos(math.pi / 5)) / 2)
    assert min(found) > 0.01
