import numpy as np

from fgstp.plumes.tubes import Light, Tube, draw

SHAPE = (96, 128)
LIGHT = Light(side=0.4, streak_k=1.0, rim_k=3.0, slope_k=0.5)


def test_tube_covers_its_place_with_a_warm_middle_and_cold_rims():
    temperature = np.full(SHAPE, -10.0, np.float32)
    cover = np.zeros(SHAPE, np.float32)
    tube = Tube(((60.0, 20.0), (60.0, 200.0)), radius_px=10.0, temperature_k=2.0, end_flatness=4.0)
    draw(temperature, cover, tube, LIGHT)
    assert cover[60, 51:70].min() == 1.0
    assert cover[:, :48].max() == cover[:, 72:].max() == cover[:15].max() == 0.0
    assert temperature[60, 60] > temperature[60, 51] + 1.0
    assert (temperature[cover == 0.0] == -10.0).all()
    before = temperature.copy(), cover.copy()
    draw(temperature, cover, Tube(((500.0, 20.0),), 10.0, 2.0, 1.0), LIGHT)  # outside
    np.testing.assert_array_equal((temperature, cover), before)
