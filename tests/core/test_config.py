from importlib import import_module
from pkgutil import walk_packages

import pytest
from pydantic import ValidationError

import fgstp
from fgstp.core.config import Settings, faults
from fgstp.scoring.protocols import ScoringProtocol


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
        ({"front": {"spokes": True}}, ("front", "spokes")),
        ({"front": {"inches": False}}, ("front", "inches")),
    ],
)
def test_what_is_unknown_or_no_block_is_an_error(values, place):
    with pytest.raises(ValidationError) as caught:
        Bicycle.model_validate(values)
    assert caught.value.errors()[0]["loc"] == place


def test_unknown_keys_at_any_depth_come_with_the_setting_that_may_be_meant():
    with pytest.raises(ValidationError) as caught:
        Shop.model_validate({"racer": {"front": {"spoks": 1}}, "ractor": {}, "{x}": [[[1] * 99]]})
    sentence = faults(caught.value, "shop")
    assert (
        "shop.racer.front.spoks is 1: there is no such setting (did you mean spokes?)" in sentence
    )
    assert "shop.ractor: there is no such setting (did you mean racer?)" in sentence
    assert "shop.{x} is [[[...]]]: there is no such setting" in sentence


def _kinds(kind):
    for each in kind.__subclasses__():
        yield each
        yield from _kinds(each)


def _numbers(schema, place=()):
    if isinstance(schema, dict):
        if schema.get("type") in {"number", "integer"} and not {"enum", "const"} & set(schema):
            yield place, schema
        for key, inner in schema.items():
            if key != "default":
                yield from _numbers(inner, (*place, key))
    elif isinstance(schema, list):
        for inner in schema:
            yield from _numbers(inner, place)


def test_every_number_of_all_settings_is_bounded_and_finite():
    for name in ("footage", "models", "scoring", "training"):
        package = import_module(f"fgstp.{name}")
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    kinds = [kind for kind in _kinds(Settings) if kind.__module__.startswith(fgstp.__name__)]
    assert len(kinds) > 30
    for kind in [*kinds, ScoringProtocol]:
        for place, number in _numbers(kind.model_json_schema()):
            assert {"minimum", "exclusiveMinimum"} & set(number), (kind, place)
            assert {"maximum", "exclusiveMaximum"} & set(number), (kind, place)
        assert kind is ScoringProtocol or kind.model_config["allow_inf_nan"] is False
