import itertools

import numpy as np
import pytest

from fgstp.plumes.conditions import Surroundings
from fgstp.plumes.traffic import Traffic
from fgstp.plumes.view import View

SHAPE = (96, 128)
RATES = [f"{kind}_per_minute" for kind in ("birds", "people", "vehicles", "aircraft", "insects")]
NONE = dict.fromkeys(RATES, 0.0)
BACKDROP = np.ones(SHAPE, np.float32)
BACKDROP[:, 60:70] = 0.0


def _seen(rates, frames=300, seed=1, scene="plant", step_s=0.1):
    """Where anything is drawn, in each frame."""
    view = View(SHAPE, 4.6, (64.0, 55.0), 70.0 if scene == "grass" else 1000.0, scene)
    traffic = Traffic(np.random.default_rng(seed), view, Surroundings(**(NONE | rates)), step_s)
    empty = np.full(SHAPE, -20.0, np.float32)
    return np.array([traffic.in_front_of(empty, BACKDROP) != empty for _ in range(frames)])


def test_birds_and_people_come_move_and_leave():
    seen = _seen({"birds_per_minute": 60.0, "people_per_minute": 60.0})
    assert seen[:, :40].any()  # birds
    assert seen[:, -10:].any()  # people
    assert not seen[:, :, 60:70].any()  # hidden behind equipment
    assert seen.mean() < 0.1
    moves = [(a != b).any() for a, b in itertools.pairwise(seen[100:])]
    assert np.mean(moves) > 0.9


@pytest.mark.parametrize("rate", RATES)
def test_every_kind_crosses_the_picture_as_often_as_asked(rate):
    seen = _seen({rate: 20.0}, frames=3000, scene="grass")
    assert seen[:, :, :30].any()
    assert seen[:, :, -30:].any()
    assert 0.0 < seen.any(axis=(1, 2)).mean() < 1.0
    assert not _seen({rate: 0.0}).any()


def test_insects_are_in_front_of_the_equipment():
    assert _seen({"insects_per_minute": 200.0}, step_s=0.02)[:, :, 60:70].any()


def test_vehicles_stand_on_the_ground():
    seen = _seen({"vehicles_per_minute": 20.0}, frames=2000, scene="grass")
    assert not seen[:, :40].any()


def test_no_birds_and_vehicles_come_indoors():
    rates = {"birds_per_minute": 600.0, "vehicles_per_minute": 600.0, "aircraft_per_minute": 600.0}
    assert not _seen(rates, scene="indoor").any()


def test_without_traffic_the_background_is_returned_as_it_is():
    traffic = Traffic(
        np.random.default_rng(1),
        View(SHAPE, 4.6, (64.0, 55.0), 1000.0),
        Surroundings(**NONE),
        0.1,
    )
    background = np.zeros(SHAPE, np.float32)
    assert traffic.in_front_of(background, BACKDROP) is background
