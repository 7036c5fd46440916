import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.detection.zones import Zones, read_zones

SQUARE = [(10, 5), (19, 5), (19, 14), (10, 14)]


def test_without_zones_all_is_watched():
    assert Zones().watched((20, 30)) is None


def test_zones_are_watched_and_others_are_not():
    expected = np.zeros((20, 30), bool)
    expected[5:15, 10:20] = True
    np.testing.assert_array_equal(Zones(watch={"pad": SQUARE}).watched((20, 30)), expected)
    np.testing.assert_array_equal(Zones(ignore={"road": SQUARE}).watched((20, 30)), ~expected)


def test_what_is_ignored_is_not_watched_though_it_is_in_a_zone():
    half = [(10, 5), (14, 5), (14, 14), (10, 14)]
    found = Zones(watch={"pad": SQUARE}, ignore={"road": half}).watched((20, 30))
    assert found.sum() == 50
    assert found[5:15, 15:20].all()


@pytest.mark.parametrize(
    ("zones", "message"),
    [
        ({"watch": {"far": [(40, 40), (50, 40), (50, 50)]}}, "zone far lies outside .* 30 x 20"),
        ({"ignore": {"all": [(0, 0), (30, 0), (30, 20), (0, 20)]}}, "nothing to watch"),
    ],
)
def test_zones_that_cannot_be_meant_are_refused(zones, message):
    with pytest.raises(UserError, match=message):
        Zones.model_validate(zones).watched((20, 30))


def test_zones_are_read_from_a_file(tmp_path):
    path = tmp_path / "zones.yml"
    path.write_text("watch:\n  pad: [[10, 5], [19, 5], [19, 14], [10, 14]]\n")
    assert read_zones(path) == Zones(watch={"pad": SQUARE})
    path.write_text("")
    assert read_zones(path) == Zones()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("watch:\n  pad: [[1, 2], [3, 4]]\n", "pad"),
        ("wach: {}\n", r"wach: .*did you mean watch"),
        ("watch: [", "cannot be read"),
        (None, "cannot be read"),
        ("- a\n", "zones"),
    ],
)
def test_a_wrong_file_is_told(tmp_path, text, message):
    path = tmp_path / "zones.yml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_zones(path)
