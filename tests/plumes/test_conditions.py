import numpy as np
import pytest
from pydantic import ValidationError

from fgstp.core.errors import UserError
from fgstp.footage.settings import SyntheticSettings
from fgstp.plumes import Conditions
from fgstp.plumes.fields import log_uniform
from fgstp.plumes.presets import PRESETS, conditions_named


def test_presets_are_found_by_name_and_others_are_told():
    assert conditions_named("demo") == Conditions()
    assert conditions_named("wide") != Conditions()
    with pytest.raises(UserError, match="wide"):
        conditions_named("wied")


def test_settings_take_a_name_or_what_differs_from_the_demo():
    assert SyntheticSettings().conditions == Conditions()
    assert SyntheticSettings(conditions="wide").conditions == PRESETS["wide"]
    changed = SyntheticSettings(conditions={"leak": {"started_fraction": 0.1}}).conditions
    assert changed.leak.started_fraction == 0.1
    assert changed.leak.phase_s == Conditions().leak.phase_s
    assert changed.complex == Conditions().complex


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("wied", "wide"),
        ({"leek": {}}, "leak"),
        ({"leak": {"phase_s": (9.0, 3.0)}}, "lower limit"),
        ({"leak": {"phase_s": (0.0, 3.0)}}, "greater than 0"),
        ({"scenes": {"moon": 1.0}}, "plant"),
        ({"scenes": {"water": 0.0}}, "scene"),
        ({"camera": {"codecs": ["vp9"]}}, "h264"),
    ],
)
def test_wrong_conditions_are_told(given, message):
    with pytest.raises(ValidationError, match=message):
        SyntheticSettings(conditions=given)


def test_log_uniform_numbers_have_a_uniform_logarithm():
    rng = np.random.default_rng(1)
    values = np.array([log_uniform(rng, (0.05, 5.0)) for _ in range(4000)])
    assert (values.min(), values.max()) == pytest.approx((0.05, 5.0), rel=0.05)
    assert np.median(values) == pytest.approx(0.5, rel=0.1)
