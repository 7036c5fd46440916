"""The calibration of a site: the alarm threshold for a rate of false alarms, and its file."""

import json
import logging
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from fgstp.core.config import Settings, faults
from fgstp.core.errors import UserError
from fgstp.core.files import write_text
from fgstp.core.fingerprint import fingerprint
from fgstp.detection.detector import Detector
from fgstp.detection.settings import AlarmSettings, DetectionSettings
from fgstp.detection.tail import Tail
from fgstp.detection.zones import Zones
from fgstp.models.predictor import VideoPredictor

AGAIN = "calibrate again by `fgstp calibrate`"
HIGHEST_FRACTION = 0.9  # of the evidence that there can be, in a threshold that a leak can exceed

Level = Annotated[float, Field(ge=0, le=1e9)]
Rate = Annotated[float, Field(ge=0, le=1e9)]

logger = logging.getLogger(__name__)


class Calibration(Settings):
    """What leak-free footage of a camera tells of the false alarms of a detector.

    Attributes:
        model: name of the model.
        fingerprint: SHA-256 of its settings and weights.
        settings: of the detector.
        zones: SHA-256 of its zones.
        height_px: height of the pictures.
        width_px: their width.
        hours: time in which the detector was watching.
        n_peaks: peaks of evidence in that time.
        false_alarms_per_hour: the rate asked for.
        alarm_threshold: evidence of an alarm, in logit seconds, for that rate.
        interval: 95 % interval of the threshold; None without a tail.
        expected_per_hour: false alarms an hour at the threshold; None without a tail.
        bound_per_hour: upper 95 % bound of that rate, by the peaks above the threshold in the hours
            seen (Poisson, exact); None if nothing was seen.
        calibrated: whether the footage carries the threshold.
        reason: why, as the middle of a sentence.
        tail: of the peaks; None if there are too few.
    """

    model: str
    fingerprint: str
    settings: DetectionSettings
    zones: str
    height_px: int = Field(ge=1, le=100_000)
    width_px: int = Field(ge=1, le=100_000)
    hours: float = Field(ge=0, le=1e6)
    n_peaks: int = Field(ge=0, le=1_000_000_000)
    false_alarms_per_hour: float = Field(gt=0, le=1e4)
    alarm_threshold: float = Field(gt=0, le=1e6)
    interval: tuple[Level, Level] | None
    expected_per_hour: Rate | None
    bound_per_hour: Rate | None
    calibrated: bool
    reason: str
    tail: Tail | None

    def write(self, path: Path) -> None:
        """Write it as JSON; the same footage gives the same bytes."""
        write_text(path, json.dumps(self.model_dump(mode="json"), indent=1) + "\n")


def read_calibration(path: Path) -> Calibration:
    """Read a calibration; a `UserError` if it cannot be read, or is none."""
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except ValidationError as error:
        fault = faults(error, "it").partition(";")[0]
        raise UserError(f"{path} is no calibration that can be used ({fault}); {AGAIN}.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check the path.") from error


def calibrated(detector: Detector, path: Path, per_hour: float | None = None) -> Detector:
    """The detector with the alarm threshold of a site.

    It warns if the footage of the calibration does not carry the threshold.

    Args:
        detector: the detector, as it was calibrated.
        path: a calibration.
        per_hour: false alarms an hour; None: the rate that was asked for at the calibration.

    Raises:
        UserError: the calibration cannot be read, is of another model, other settings or other
            zones, or tells nothing of this rate.
    """
    site = read_calibration(path)
    if changed := _changed(site, detector):
        raise UserError(
            f"{path} was calibrated with {changed}; use what it was made with, or {AGAIN}."
        )
    threshold, is_sound, reason = site.alarm_threshold, site.calibrated, site.reason
    if per_hour is not None:
        if site.tail is None:
            raise UserError(
                f"{path} tells of no other rate than {site.false_alarms_per_hour:g} an hour, since "
                f"it has too few peaks; leave --false-alarms-per-hour out, or {AGAIN}."
            )
        threshold = site.tail.level_at(per_hour)
        is_sound = site.tail.reaches(per_hour, site.hours)
        reason = f"{site.hours:.2g} h cannot tell of a rate of {per_hour:g} an hour"
        check_can_be_exceeded(threshold, site.settings.alarms)
    if not is_sound:
        logger.warning("%s is uncalibrated: %s.", path, reason)
    alarms = site.settings.alarms.model_copy(update={"threshold": threshold})
    settings = site.settings.model_copy(update={"alarms": alarms})
    size = site.height_px, site.width_px
    return Detector(detector.model, settings, detector.zones, size=size)


def zones_digest(zones: Zones) -> str:
    """SHA-256 of zones."""
    return fingerprint(zones.model_dump(mode="json"))


def model_fingerprint(model: VideoPredictor) -> str:
    """SHA-256 of the settings and the weights of a model, exported or not."""
    settings = model.settings
    if isinstance(settings, Settings):
        settings = settings.model_dump(mode="json")
    return fingerprint({"settings": settings, "weights": model.fingerprint})


def check_can_be_exceeded(threshold: float, alarms: AlarmSettings) -> None:
    """Raise a `UserError` if evidence hardly ever comes up to a threshold, whatever leaks."""
    if threshold > HIGHEST_FRACTION * alarms.memory_s * alarms.rise_per_s:
        raise UserError(
            f"So few false alarms need a threshold of {threshold:.0f}, which no leak exceeds; "
            "ignore what moves by --zones, adapt the model by `fgstp adapt`, or allow more."
        )


def _changed(site: Calibration, detector: Detector) -> str:
    """What of a detector differs from a calibration; empty if nothing does."""
    if site.model != detector.model.name:
        return f"the model {site.model}, not {detector.model.name}"
    if site.fingerprint != model_fingerprint(detector.model):
        return f"other weights of {site.model}"
    now, zones = detector.settings, zones_digest(detector.zones)
    names = [
        name
        for name in DetectionSettings.model_fields
        if getattr(site.settings, name) != getattr(now, name)
    ]
    if names:
        return f"another setting of {' and '.join(names)}"
    return "" if site.zones == zones else "other zones"
