"""Statistics of footage by which synthetic and real footage are compared."""

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.footage.cutting import Stretch
from fgstp.footage.motion import Displacement, fastest_drift_px_per_s
from fgstp.footage.reading import read_through
from fgstp.footage.settings import IngestSettings
from fgstp.footage.video import Video

Image = NDArray[np.float32]

# Name of each statistic, and its unit.
STATISTICS = {
    "activity": "levels",
    "drift": "px/s",
    "unchanged": "%",
    "jitter": "px",
    "level_drift": "levels",
    "noise": "levels",
    "contrast": "levels",
    "gas_autocorrelation_0.7s": "",
    "gas_autocorrelation_3.3s": "",
    "background_autocorrelation_0.7s": "",
    "background_autocorrelation_3.3s": "",
    "gas_area": "%",
}

_STRETCH_FRAMES = 10
_BORDER_PX = 2  # the outermost rows of recordings often flicker
_BACKGROUND_S = 5.0
_SETTLED_S = 10.0  # after gas has gone, for it to leave the background
_WINDOW_S, _MIN_WINDOW_S = 60.0, 8.0
_SAMPLES_HZ = 3.2
_LAGS_S = (0.7, 3.3)
_LAG_TOLERANCE = 0.25
_ACTIVE_PERCENTILE = 98.0
_AREA_LEVELS = 4.0


def footage_statistics(video: Video) -> dict[str, float]:
    """Measure a video; NaN for what its footage does not tell.

    Frames are free of gas if their leak class says so, else if their mask does, else if neither
    is known.

    - `activity`: 99th percentile over the pixels of abs(I - B) at half the resolution, where B is
      the moving average of 5 s; the median over frames without gas.
    - `drift`: 90th percentile of the speeds of textured tiles without gas, such as clouds.
    - `unchanged`: fraction of the pixels that equal their predecessor.
    - `jitter`: standard deviation of the displacement of the picture.
    - `level_drift`: from the 5th to the 95th percentile over time of the median level.
    - `noise`: standard deviation of the change to the next frame, divided by the root of 2.
    - `contrast`: from the 1st to the 99th percentile of the levels.
    - `gas_autocorrelation`, `background_autocorrelation`: autocorrelation at a lag of the 2 % most
      active pixels, with and without gas.
    - `gas_area`: fraction of the pixels more than 4 levels above their 10th percentile of a
      minute, with gas.

    Args:
        video: the video, with its true rate, and its leak schedule if it has one.

    Returns:
        A number for each key of `STATISTICS`.

    Raises:
        FootageError: the video cannot be read.
    """
    settings = IngestSettings(source="folder", clip_length_frames=_STRETCH_FRAMES)
    measured = _Measured()
    read_through(video, settings, measured.take)
    return measured.statistics()


class _Measured:
    """Takes a video, and keeps a few numbers of each frame and of each window of time."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {name: [] for name in STATISTICS}
        self._levels: list[float] = []
        self._shifts: list[NDArray[np.float64]] = []
        self._window: list[tuple[float, NDArray[np.uint8]]] = []
        self._window_has_gas = False
        self._previous: tuple[float, Image] | None = None
        self._background: Image | None = None
        self._start_s = self._last_gas_s = 0.0
        self._displacement = Displacement()

    def take(self, stretch: Stretch) -> None:
        """Take consecutive frames."""
        gas = _has_gas(stretch)
        for frame, time_s, has_gas in zip(stretch.frames, stretch.times_s, gas, strict=True):
            inner = frame[_BORDER_PX:-_BORDER_PX, _BORDER_PX:-_BORDER_PX]
            self._take(inner, float(time_s), bool(has_gas))

    def _take(self, frame: NDArray[np.uint8], time_s: float, has_gas: bool) -> None:
        picture = frame.astype(np.float32)
        if has_gas:
            self._last_gas_s = time_s
        self._compare(picture, time_s)
        self._add("contrast", float(np.ptp(np.percentile(frame[::4, ::4], (1.0, 99.0)))))
        self._levels.append(float(np.median(frame[::4, ::4])))
        self._collect(frame, time_s, has_gas)
        self._previous = time_s, picture

    def _add(self, name: str, value: float) -> None:
        self._values[name].append(value)

    def _compare(self, picture: Image, time_s: float) -> None:
        """Compare a frame with its predecessor and with the moving average."""
        if self._previous is None or self._background is None:
            self._background, self._start_s = picture.copy(), time_s
            self._last_gas_s = time_s - _SETTLED_S
            return
        before_s, before = self._previous
        change = np.abs(picture - before)
        self._add("unchanged", 100.0 * float(np.mean(change == 0.0)))
        usual = change[change <= np.percentile(change[::2, ::2], 90.0)]
        self._add("noise", float(usual.mean()) * math.sqrt(math.pi / 4.0))
        settled = time_s - self._start_s >= _BACKGROUND_S
        if settled and time_s - self._last_gas_s >= _SETTLED_S:
            residual = cv2.resize(
                picture - self._background, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA
            )
            self._add("activity", float(np.percentile(np.abs(residual), 99.0)))
            self._shifts.append(self._displacement.of(picture, self._background, time_s))
        weight = 1.0 - math.exp(-(time_s - before_s) / _BACKGROUND_S)
        self._background += np.float32(weight) * (picture - self._background)

    def _collect(self, frame: NDArray[np.uint8], time_s: float, has_gas: bool) -> None:
        """Collect some frames a second of a window that is with gas or without it."""
        if self._window:
            is_full = time_s - self._window[0][0] >= _WINDOW_S
            if is_full or has_gas != self._window_has_gas:
                self._close_window()
            elif time_s - self._window[-1][0] < 1.0 / _SAMPLES_HZ:
                return
        self._window_has_gas = has_gas
        self._window.append((time_s, frame))

    def _close_window(self) -> None:
        times_s, frames = zip(*self._window, strict=True)
        self._window = []
        if times_s[-1] - times_s[0] < _MIN_WINDOW_S or len(frames) < _MIN_WINDOW_S:
            return
        pictures = np.stack(frames)
        kind = "gas" if self._window_has_gas else "background"
        small = np.stack([cv2.GaussianBlur(each, (0, 0), 1.0)[::2, ::2] for each in pictures])
        step_s = float(np.median(np.diff(times_s)))
        for lag_s, value in zip(_LAGS_S, autocorrelations(small, step_s, _LAGS_S), strict=True):
            self._add(f"{kind}_autocorrelation_{lag_s}s", value)
        if self._window_has_gas:
            low = np.percentile(small, 10.0, axis=0)
            self._add("gas_area", 100.0 * float(np.mean(small - low > _AREA_LEVELS)))
        else:
            self._add("drift", fastest_drift_px_per_s(pictures, np.array(times_s)))

    def statistics(self) -> dict[str, float]:
        """The statistics of what was taken."""
        if self._window:
            self._close_window()
        found = {name: _median(values) for name, values in self._values.items()}
        if self._levels:
            found["level_drift"] = float(np.ptp(np.percentile(self._levels, (5.0, 95.0))))
        if self._shifts:
            shifts = np.array(self._shifts)
            spread = np.median(np.abs(shifts - np.median(shifts, axis=0)), axis=0)
            found["jitter"] = 1.4826 * float(np.hypot(*spread)) / math.sqrt(2.0)
        return found


def _has_gas(stretch: Stretch) -> NDArray[np.bool_]:
    """Whether each frame of a stretch has gas: (T,)."""
    gas = np.zeros(len(stretch.frames), bool)
    gas[stretch.annotated] = (stretch.masks == 1).any(axis=(1, 2))
    if stretch.leak_class is not None:
        gas |= (stretch.leak_class >= 1) & (stretch.leak_class <= 7)
    return gas


def autocorrelations(
    frames: NDArray[np.uint8], step_s: float, lags_s: Sequence[float]
) -> Iterator[float]:
    """Autocorrelation in time of the 2 % most active pixels, at each lag.

    Args:
        frames: (T, H, W), at a constant rate.
        step_s: time between two of them.
        lags_s: lags; NaN is returned for one that is no multiple of `step_s` within a quarter.
    """
    deviation = frames - frames.mean(axis=0, dtype=np.float32)
    power = np.mean(deviation**2, axis=0)
    active = deviation[:, power >= np.percentile(power, _ACTIVE_PERCENTILE)]
    for lag_s in lags_s:
        lag = round(lag_s / step_s)
        fits = lag >= 1 and abs(lag * step_s - lag_s) <= _LAG_TOLERANCE * lag_s
        if not fits or lag >= len(active) // 2 or not active.any():
            yield math.nan
            continue
        product = np.mean(active[:-lag] * active[lag:], axis=0)
        yield float(np.median(product / np.maximum(np.mean(active**2, axis=0), 1e-6)))


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.median(known)) if known else math.nan


def percentiles(
    measured: Sequence[dict[str, float]], at: Sequence[float]
) -> dict[str, NDArray[np.float64]]:
    """Percentiles over videos of each statistic: its key of `STATISTICS`, (len(at),)."""
    table = {}
    for name in STATISTICS:
        known = [each[name] for each in measured if not math.isnan(each[name])]
        table[name] = np.percentile(known, at) if known else np.full(len(at), np.nan)
    return table
