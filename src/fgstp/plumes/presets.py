"""Conditions with a name."""

from typing import Annotated

from pydantic import BeforeValidator

from fgstp.core.errors import UserError, did_you_mean
from fgstp.plumes.conditions import (
    AirConditions,
    CameraConditions,
    Conditions,
    LeakConditions,
    Surroundings,
)


def _wide() -> Conditions:
    """As varied as real footage, for models that must carry over to it."""
    clear = Surroundings(
        cloud_contrast_k=(0.0, 0.6),
        cloud_cover=(0.0, 0.4),
        birds_per_minute=0.5,
        people_per_minute=0.2,
        vehicles_per_minute=0.1,
        aircraft_per_minute=0.3,
        steam_fraction=0.05,
        sway_fraction=0.15,
        glint_fraction=0.1,
    )
    return Conditions(
        scenes={
            **{"plant": 4.0, "hill": 1.0, "grass": 1.5, "trees": 1.5},
            **{"buildings": 1.5, "water": 1.0, "indoor": 1.0},
        },
        leak=LeakConditions(
            phase_s=(5.0, 180.0),
            started_fraction=0.2,
            rate_factor=(0.3, 6.0),
            gas_k=(-3.0, 4.0),
            source_x=(0.1, 0.9),
            source_y=(0.25, 0.9),
        ),
        air=AirConditions(wind_m_per_s=(0.3, 2.8), meander_s=(3.0, 30.0)),
        camera=CameraConditions(
            uncooled_fraction=0.35,
            field_of_view_deg=(12.0, 45.0),
            span_k=(5.0, 40.0),
            contrast=(0.7, 1.15),
            gain_time_s=(0.5, 120.0),
            drift_levels=(0.0, 10.0),
            gain_steps_per_hour=20.0,
            bumps_per_hour=6.0,
            freezes_per_hour=20.0,
            quantiser=(4.0, 40.0),
        ),
        clear=clear,
        complex=Surroundings(
            cloud_contrast_k=(0.1, 2.0),
            cloud_cover=(0.1, 0.8),
            birds_per_minute=6.0,
            people_per_minute=2.0,
            vehicles_per_minute=2.0,
            aircraft_per_minute=1.0,
            insects_per_minute=2.0,
            steam_fraction=0.2,
            sway_fraction=0.35,
            shimmer_fraction=0.15,
            rain_fraction=0.07,
            glint_fraction=0.2,
        ),
    )


PRESETS = {"demo": Conditions(), "wide": _wide()}


def conditions_named(name: str) -> Conditions:
    """Return the preset `demo` or `wide`.

    Raises:
        UserError: there is no such preset.
    """
    if name not in PRESETS:
        known, close = " and ".join(PRESETS), did_you_mean(name, PRESETS)
        raise UserError(f"There are no conditions {name!r}{close}; the presets are {known}.")
    return PRESETS[name]


def _from_name(given: object) -> object:
    if isinstance(given, str):
        try:
            return conditions_named(given)
        except UserError as error:
            raise ValueError(str(error)) from error
    return given


# A block of settings, or the name of a preset.
NamedConditions = Annotated[Conditions, BeforeValidator(_from_name)]
