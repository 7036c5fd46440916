import numpy as np
import pytest

from fgstp.plumes.radiometry import absorbed_fraction, column_density_ppm_m, seen_through


def _image(value):
    return np.full((2, 2), value, np.float32)


def test_column_and_absorption_of_a_plume_worked_out_by_hand():
    # 1000 g/h carried off at 2 m/s in a plume 0.5 m high.
    column_g_per_m2 = _image(1000.0 / 3600.0 / (2.0 * 0.5))

    column_ppm_m = column_density_ppm_m(column_g_per_m2)

    assert column_g_per_m2[0, 0] == pytest.approx(0.28, abs=0.005)
    assert column_ppm_m[0, 0] == pytest.approx(417.0, abs=1.0)
    assert absorbed_fraction(column_ppm_m)[0, 0] == pytest.approx(0.045, abs=0.003)


def test_thin_gas_absorbs_in_proportion_and_thick_gas_saturates():
    assert absorbed_fraction(_image(0.0))[0, 0] == 0.0
    thin = [absorbed_fraction(_image(ppm_m))[0, 0] for ppm_m in (1.0, 2.0)]
    assert thin[1] / thin[0] == pytest.approx(2.0, rel=1e-3)
    # Without saturation, 100 000 ppm m would absorb 1 - exp(-11).
    assert 0.8 < absorbed_fraction(_image(1e5))[0, 0] < 0.95


@pytest.mark.parametrize(("background_k", "sign"), [(-10.0, 1.0), (0.0, 0.0), (5.0, -1.0)])
def test_gas_is_bright_before_cold_sky_and_dark_before_warm_ground(background_k, sign):
    change = seen_through(_image(background_k), _image(0.1), 0.0) - background_k

    assert change[0, 0] == pytest.approx(sign * 0.1 * abs(background_k), abs=1e-5)
