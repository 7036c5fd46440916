"""Conditions under which synthetic footage is taken: what its videos may show, and how often."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from fgstp.core.config import Fraction, Settings

SceneName = Literal["plant", "hill", "grass", "trees", "buildings", "water", "indoor"]
Codec = Literal["h264", "mpeg4"]


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError("the lower limit must not exceed the upper one")
    return limits


_Limit = Annotated[float, Field(ge=-1000.0, le=10_000.0)]
_PositiveLimit = Annotated[float, Field(gt=0.0, le=10_000.0)]
_FractionLimit = Annotated[float, Field(ge=0.0, le=1.0)]
Range = Annotated[tuple[_Limit, _Limit], AfterValidator(_ordered)]
PositiveRange = Annotated[tuple[_PositiveLimit, _PositiveLimit], AfterValidator(_ordered)]
FractionRange = Annotated[tuple[_FractionLimit, _FractionLimit], AfterValidator(_ordered)]
PerMinute = Annotated[float, Field(ge=0.0, le=600.0)]
PerHour = Annotated[float, Field(ge=0.0, le=3600.0)]


class LeakConditions(Settings):
    """The leak.

    Attributes:
        phase_s: duration of a leak or a pause, log-uniform.
        started_fraction: fraction of videos in which the leak is on at the start, and its plume
            is there in the first frame.
        rate_factor: factor on GasVid's release rates, log-uniform.
        gas_k: temperature of the gas relative to the air.
        source_x: place of the source, as a fraction of the width.
        source_y: the same of the height.
    """

    phase_s: PositiveRange = (6.0, 15.0)
    started_fraction: Fraction = 0.5
    rate_factor: PositiveRange = (1.0, 1.0)
    gas_k: Range = (-0.5, 1.0)
    source_x: FractionRange = (0.35, 0.65)
    source_y: FractionRange = (0.5, 0.7)


class AirConditions(Settings):
    """Wind and turbulence.

    Attributes:
        wind_m_per_s: mean wind, log-uniform.
        meander: standard deviation of the meandering wind, as a fraction of the mean.
        meander_s: its correlation time.
        eddies: root mean square of the turbulent velocity, as a fraction of the mean wind.
        eddy_m: size of the largest eddies.
        turnover_s: turnover time of the largest eddies, log-uniform.
    """

    wind_m_per_s: PositiveRange = (0.3, 2.0)
    meander: PositiveRange = (0.3, 0.8)
    meander_s: PositiveRange = (4.0, 15.0)
    eddies: PositiveRange = (0.15, 0.4)
    eddy_m: PositiveRange = (0.2, 0.9)
    turnover_s: PositiveRange = (0.3, 1.5)


class CameraConditions(Settings):
    """Cameras and recorders.

    Attributes:
        uncooled_fraction: fraction of videos of an uncooled camera, with strong noise, drifting
            columns and a shutter.
        field_of_view_deg: horizontal field of view, log-uniform.
        span_k: temperatures between black and white of a cooled camera: the smallest and the
            largest span that the automatic gain may choose.
        contrast: fraction of that span which the automatic gain fills with the picture.
        gain_time_s: time constant of the automatic gain, log-uniform.
        drift_levels: standard deviation of the slow drift of all grey levels.
        gain_steps_per_hour: sudden changes of gain and offset.
        jitter_fraction: fraction of videos in which the camera shakes.
        jitter_px: standard deviation of the shaking at a width of 320 pixels, log-uniform.
        bumps_per_hour: knocks that shake the camera and may leave it displaced.
        freezes_per_hour: moments in which the picture stands still.
        codecs: encoders, one of which compresses a video.
        quantiser: quantiser of H.264; MPEG-4 gets that with the same step.
        key_frame_interval: frames between two key frames, log-uniform.
    """

    uncooled_fraction: Fraction = 0.0
    field_of_view_deg: PositiveRange = (24.0, 24.0)
    span_k: PositiveRange = (10.0, 18.0)
    contrast: PositiveRange = (0.87, 0.87)
    gain_time_s: PositiveRange = (0.6, 0.6)
    drift_levels: Range = (0.0, 0.0)
    gain_steps_per_hour: PerHour = 0.0
    jitter_fraction: Fraction = 0.5
    jitter_px: PositiveRange = (0.01, 0.2)
    bumps_per_hour: PerHour = 0.0
    freezes_per_hour: PerHour = 0.0
    codecs: tuple[Codec, ...] = Field(("h264", "mpeg4"), min_length=1, max_length=2)
    quantiser: Range = (16.0, 26.0)
    key_frame_interval: PositiveRange = (12.0, 250.0)


class Surroundings(Settings):
    """Clouds, weather and traffic; fractions are those of the videos.

    Attributes:
        cloud_contrast_k: contrast between the thickest cloud and the sky.
        cloud_cover: cloudy fraction of the sky.
        cloud_drift_px_per_s: speed of the clouds at a width of 320 pixels, log-uniform.
        birds_per_minute: birds that cross the picture.
        people_per_minute: people who walk through it.
        vehicles_per_minute: vehicles that drive through it.
        aircraft_per_minute: aeroplanes and drones.
        insects_per_minute: insects close to the lens.
        steam_fraction: with a vent of steam.
        sway_fraction: with vegetation that sways in gusts.
        shimmer_fraction: with shimmering hot air.
        rain_fraction: with rain or snow.
        glint_fraction: with glints of the sun on metal; on water they are always there.
    """

    cloud_contrast_k: Range = (0.1, 0.5)
    cloud_cover: FractionRange = (0.1, 0.3)
    cloud_drift_px_per_s: PositiveRange = (0.05, 5.0)
    birds_per_minute: PerMinute = 0.5
    people_per_minute: PerMinute = 0.3
    vehicles_per_minute: PerMinute = 0.0
    aircraft_per_minute: PerMinute = 0.0
    insects_per_minute: PerMinute = 0.0
    steam_fraction: Fraction = 0.0
    sway_fraction: Fraction = 0.0
    shimmer_fraction: Fraction = 0.0
    rain_fraction: Fraction = 0.0
    glint_fraction: Fraction = 0.0


class Conditions(Settings):
    """All of them; the defaults are those of the demo.

    Attributes:
        scenes: relative frequency of each scene.
        clear: surroundings in the categories with a clear background.
        complex: surroundings in the categories with a complex background.
    """

    scenes: dict[SceneName, Annotated[float, Field(ge=0.0, le=1e6)]] = Field(
        {"plant": 0.75, "hill": 0.25}, min_length=1
    )
    leak: LeakConditions = LeakConditions()
    air: AirConditions = AirConditions()
    camera: CameraConditions = CameraConditions()
    clear: Surroundings = Surroundings()
    complex: Surroundings = Surroundings(
        cloud_contrast_k=(0.8, 2.2),
        cloud_cover=(0.25, 0.5),
        birds_per_minute=6.0,
        people_per_minute=3.0,
        steam_fraction=0.35,
    )

    @field_validator("scenes")
    @classmethod
    def _some_scene(cls, scenes: dict[SceneName, float]) -> dict[SceneName, float]:
        if not any(scenes.values()):
            raise ValueError("give at least one scene a frequency above 0")
        return scenes
