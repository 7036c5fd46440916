"""Settings of detection."""

from pydantic import Field

from fgstp.core.config import Fraction, Settings


class RegionSettings(Settings):
    """Which pixels of a map belong together, and count.

    Attributes:
        low_fraction: fraction of the threshold that all pixels of a region exceed; at least one
            exceeds the threshold itself.
        min_area_fraction: smallest area of a region, as a fraction of the frame.
        min_overlap_fraction: fraction of a region that must lie in the zones that are watched, and
            outside of those that are ignored.
    """

    low_fraction: Fraction = 0.6
    min_area_fraction: Fraction = 0.001
    min_overlap_fraction: Fraction = 0.5


class AlarmSettings(Settings):
    """When there is an alarm; see `fgstp.detection.evidence.Evidence` for the equation.

    Attributes:
        width_cells: columns of the grid on which evidence is kept, at most.
        memory_s: time constant with which evidence is forgotten.
        rise_per_s: largest evidence that a second adds.
        fall_per_s: largest evidence that a second takes away.
        threshold: evidence of an alarm.
        pre_alarm_fraction: fraction of the threshold from which there is a pre-alarm.
        clear_fraction: fraction of the threshold below which a place has no evidence.
        clear_s: time without evidence after which an event is over; shorter gaps belong to it.
        update_ratio: an event is told again whenever it has grown by this factor.
    """

    width_cells: int = Field(80, ge=4, le=1000)
    memory_s: float = Field(20.0, gt=0, le=86_400)
    rise_per_s: float = Field(4.0, gt=0, le=100)
    fall_per_s: float = Field(0.25, gt=0, le=100)
    threshold: float = Field(12.0, gt=0, le=1e6)
    pre_alarm_fraction: Fraction = 0.5
    clear_fraction: Fraction = 1 / 3
    clear_s: float = Field(30.0, ge=0, le=86_400)
    update_ratio: float = Field(1.5, gt=1, le=1000)


class StateSettings(Settings):
    """When a picture is not fit for detection.

    Attributes:
        warm_up_s: time after the beginning of a scene until backgrounds are known.
        width_px: width to which frames are scaled down for this.
        same_correlation: correlation with the background below which the scene has changed.
        background_s: time constant of that background.
        shift_px: shift against the background, in pixels of the scaled frame, from which the camera
            moves.
        frozen_s: time for which not one pixel has changed.
        lost_fraction: fraction of black pixels from which it is too dark, or of white ones from
            which it is saturated.
        lowest_fps_hz: frame rate below which motion cannot be followed.
    """

    warm_up_s: float = Field(30.0, ge=0, le=86_400)
    width_px: int = Field(80, ge=16, le=1000)
    same_correlation: Fraction = 0.5
    background_s: float = Field(5.0, gt=0, le=86_400)
    shift_px: float = Field(0.5, gt=0, le=100)
    frozen_s: float = Field(5.0, gt=0, le=86_400)
    lost_fraction: Fraction = 0.95
    lowest_fps_hz: float = Field(0.9, gt=0, le=1000)


class DetectionSettings(Settings):
    """Everything that decides which events are found in the maps of a model.

    Attributes:
        threshold: probability from which a pixel speaks for gas.
        regions: which pixels belong together.
        alarms: when there is an alarm.
        states: when a picture is not fit for detection.
    """

    threshold: float = Field(0.5, gt=0, lt=1)
    regions: RegionSettings = RegionSettings()
    alarms: AlarmSettings = AlarmSettings()
    states: StateSettings = StateSettings()
