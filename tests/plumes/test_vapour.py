import numpy as np
import pytest

from fgstp.plumes.conditions import Surroundings
from fgstp.plumes.leak import pixel_grid
from fgstp.plumes.vapour import Steam
from fgstp.plumes.view import View

SHAPE = (96, 128)
VIEW = View(SHAPE, 4.6, (64.0, 55.0), 1000.0)
STILL_AIR = [pixel_grid(SHAPE)] * 4


def _steam(fraction, seed=1):
    surroundings = Surroundings(steam_fraction=fraction)
    return Steam(np.random.default_rng(seed), VIEW, surroundings, 1.0 / 30.0)


def test_steam_hides_what_is_behind_it_and_some_surroundings_have_none():
    backgrounds = [np.full(SHAPE, value, np.float32) for value in (-10.0, 10.0)]
    contrast = []
    for fraction in (1.0, 0.0):
        steam = _steam(fraction)
        for _ in range(90):
            steam.step(STILL_AIR)
        first, second = (steam.in_front_of(background) for background in backgrounds)
        contrast.append(second - first)
    assert contrast[0].min() < 2.0
    assert contrast[0].max() == pytest.approx(20.0)
    assert (contrast[1] == 20.0).all()


def test_some_vents_blow_all_the_time_and_others_come_and_go():
    sky = np.full(SHAPE, -10.0, np.float32)
    away = [pixel_grid(SHAPE) - np.array([6.0, 0.0], np.float32)] * 4
    shares = []
    for seed in range(6):
        steam, shown = _steam(1.0, seed), []
        for _ in range(1200):
            steam.step(away)
            shown.append(bool((steam.in_front_of(sky) > -9.0).any()))
        shares.append(np.mean(shown))
    assert max(shares) > 0.95
    assert min(shares) < 0.9
