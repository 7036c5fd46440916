import pytest
from pydantic import ValidationError

from fgstp.core.config import Settings


class Wheel(Settings):
    spokes: int = 36
    inches: float = 28.0


class Bicycle(Settings):
    front: Wheel = Wheel(spokes=20)
    rear: Wheel | None = None


class Shop(Settings):
    racer: Bicycle = Bicycle(front=Wheel(spokes=12, inches=27.0))


def test_an_inner_block_is_completed_from_the_outer_default():
    assert Bicycle(front={"inches": 26.0}).front == Wheel(spokes=20, inches=26.0)
    assert Shop(racer={"front": {"spokes": 8}}).racer.front == Wheel(spokes=8, inches=27.0)
    assert Bicycle(front=Wheel()).front == Wheel(spokes=36)
    assert Bicycle(rear={"spokes": 3}).rear == Wheel(spokes=3)  # its default is None


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"front": {"spoke": 1}}, ("front", "spoke")),
        ({"front": 3}, ("front",)),
        ({"colour": {}}, ("colour",)),
    ],
)
def test_what_is_unknown_or_no_block_is_an_error(values, place):
    with pytest.raises(ValidationError) as caught:
        Bicycle.model_validate(values)
    assert caught.value.errors()[0]["loc"] == place
