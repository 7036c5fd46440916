"""Calibrating a detector on leak-free footage of the camera that it is for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fgstp.core.errors import FootageError, UserError
from fgstp.core.progress import ProgressBar
from fgstp.core.rates import poisson_upper_bound
from fgstp.detection.calibration import (
    Calibration,
    check_can_be_exceeded,
    model_fingerprint,
    zones_digest,
)
from fgstp.detection.detector import Detector
from fgstp.detection.evidence import LONGEST_STEP_S
from fgstp.detection.peaks import Peaks
from fgstp.detection.tail import Tail, fit_tail, interval_at
from fgstp.footage.frame_sources import frames_of

SAFETY = 1.3  # times the highest peak, where there are too few to fit a tail


@dataclass
class _Seen:
    """What has been seen of a camera.

    Attributes:
        peaks: of evidence.
        size: height and width of its pictures; None before the first.
        seconds: for which the detector was watching.
    """

    peaks: Peaks
    size: tuple[int, ...] | None = None
    seconds: float = 0.0


def calibrate(
    detector: Detector, sources: Sequence[Path], per_hour: float, fps_hz: float | None = None
) -> Calibration:
    """Find the alarm threshold that gives a rate of false alarms.

    Counted is what the detector watches: neither the warming up at the beginning of each video,
    nor states of the picture in which it is blind. The threshold is read from a generalised Pareto
    tail of the peaks of evidence. If there are too few of them, it is 1.3 times the highest one,
    and not below that of the settings; that counts as calibrated only if the hours seen bound the
    rate alone.

    Args:
        detector: the detector.
        sources: leak-free videos of one camera.
        per_hour: false alarms an hour.
        fps_hz: true frame rate, where it is not that which a file states.

    Raises:
        UserError: a video cannot be read or has another size, or no threshold gives so low a rate.
    """
    seen = _Seen(Peaks(detector.settings.alarms))
    for source in sources:
        _watch(detector, source, seen, fps_hz)
    assert seen.size is not None  # each video has a frame
    return _calibration(detector, seen.size, seen.peaks.heights, seen.seconds / 3600, per_hour)


def _watch(detector: Detector, source: Path, seen: _Seen, fps_hz: float | None) -> None:
    last_s: float | None = None
    try:
        total = frames_of(source).n_frames_hint()
        with ProgressBar(total=total, desc=source.name, unit=" frames", leave=False) as bar:
            for result in detector.stream(source, fps_hz=fps_hz):
                seen.size = seen.size or result.frame.shape
                if result.frame.shape != seen.size:
                    raise FootageError(
                        "its pictures have another size than those before; calibrate each camera "
                        "alone"
                    )
                if result.state == "watching":
                    seen.peaks.take(result.time_s, result.evidence)
                    step_s = 0.0 if last_s is None else result.time_s - last_s
                    seen.seconds += min(max(step_s, 0.0), LONGEST_STEP_S)
                elif result.state == "scene_changed":
                    seen.peaks.end()
                last_s = result.time_s if result.state == "watching" else None
                bar.update()
    except FootageError as error:
        raise UserError(f"{source}: {error}") from error
    seen.peaks.end()


def _calibration(
    detector: Detector, size: tuple[int, ...], heights: Sequence[float], hours: float, asked: float
) -> Calibration:
    settings = detector.settings
    tail = fit_tail(heights, hours) if hours else None
    threshold = max(settings.alarms.threshold, SAFETY * max(heights, default=0.0))
    if tail:
        threshold = tail.level_at(asked)
    check_can_be_exceeded(threshold, settings.alarms)
    n_above = sum(height > threshold for height in heights)
    bound = poisson_upper_bound(n_above, hours) if hours else None
    is_sound, reason = _judged(tail, bound, len(heights), hours, asked)
    return Calibration(
        model=detector.model.name,
        fingerprint=model_fingerprint(detector.model),
        settings=settings,
        zones=zones_digest(detector.zones),
        height_px=size[0],
        width_px=size[1],
        hours=hours,
        n_peaks=len(heights),
        false_alarms_per_hour=asked,
        alarm_threshold=threshold,
        interval=interval_at(tail, asked, hours) if tail else None,
        expected_per_hour=min(asked, tail.per_hour) if tail else None,
        bound_per_hour=bound,
        calibrated=is_sound,
        reason=reason,
        tail=tail,
    )


def _judged(
    tail: Tail | None, bound: float | None, n_peaks: int, hours: float, asked: float
) -> tuple[bool, str]:
    """Whether the footage carries the threshold, and why."""
    if bound is None:
        return False, "nothing was watched; a video begins with the warming up, 30 s by default"
    if tail and tail.reaches(asked, hours):
        return True, f"the rate is read from the highest of {n_peaks} peaks"
    if tail:
        return False, f"{hours:.2g} h cannot tell of a rate of {asked:g} an hour"
    if bound <= asked:
        return True, f"nothing exceeds the threshold in {hours:.3g} h"
    needed = poisson_upper_bound(0, asked)
    return False, (
        f"{n_peaks} peaks are too few to fit a tail, and {hours:.2g} h too few to bound the rate "
        f"without one, which takes {needed:.2g} h"
    )


def sentences(site: Calibration) -> list[str]:
    """What a calibration says, for a human."""
    low_high = ""
    if site.interval:
        low_high = " (95 % interval {:.1f} to {:.1f})".format(*site.interval)
    found = [
        f"Watched {site.hours:.2f} h of {site.width_px} x {site.height_px} pixels with "
        f"{site.model}: {site.n_peaks} peaks of evidence.",
        f"Alarm threshold {site.alarm_threshold:.1f}{low_high}, for false alarms at a rate of "
        f"{site.false_alarms_per_hour:g} an hour.",
    ]
    if site.expected_per_hour is not None:
        found.append(f"Expected by the tail of the peaks: {site.expected_per_hour:.2g} an hour.")
    if site.bound_per_hour is not None:
        found.append(
            f"By the hours watched alone, {site.bound_per_hour:.2g} an hour at most, with 95 % "
            "confidence."
        )
    return [*found, f"{'Calibrated' if site.calibrated else 'Uncalibrated'}: {site.reason}."]
