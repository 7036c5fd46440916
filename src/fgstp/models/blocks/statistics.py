"""Streaming statistics of a video: how each pixel departs from its own recent past."""

import math
from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]

FAST_S, SLOW_S = (0.5, 2.0, 8.0), (30.0, 120.0)  # time constants of the backgrounds
ENERGY_S, NOISE_S, NOISE_LAG_S = 8.0, 30.0, 0.5
WARM_UP_S = 30.0
CHANNELS = (
    *(f"residual_{tau:g}s" for tau in (*FAST_S, *SLOW_S)),
    "energy_fast",
    "energy_slow",
    "energy_ratio",
    "above_low_quantile",
    "below_high_quantile",
)
RESIDUALS = ("residual_2s", "residual_30s", "energy_fast")  # for networks of three channels
RESIDUAL_NUMBERS = [CHANNELS.index(name) for name in RESIDUALS]
LOW, HIGH = 0.1, 0.9  # the quantiles
NOISE_FLOOR = 0.5  # levels: after compression most pixels equal their predecessor
ENERGY_LIMIT = 20.0  # noises
SLOW_LIMIT = 4.0  # noises by which a slow background is pulled at most
SLOW_SHARE = 0.5  # of the slow energy, in addition: a wrong beginning is forgotten within minutes
QUANTILE_BEGIN_S = 1.0  # the shortest time constant of the quantiles, at the beginning
QUANTILE_STEP = 4.0  # noises, plus the distance of the quantiles
RATIO_FLOOR = 0.5
GAIN_BOUNDS = 0.9, 1.1
GAIN_RIDGE = 25.0  # levels squared: a flat scene tells no gain
SAME_SCENE = 0.5  # correlation with the background
SAMPLE_STEP = 4  # every fourth pixel each way decides gain and noise
BORDER_PX = 1  # of the grid; the last rows of some cameras flicker


class InnovationStatistics:
    """Ten maps of a frame's departure from what the same pixels showed before.

    All of it is causal, in constant memory, and in seconds, so that footage of a scene gives
    nearly the same maps at different frame rates. With I the frame, averaged down to the grid, dt
    the time since the last frame, n the frames so far and a(tau) = max(1 - exp(-dt / tau), 1 / n):

    1. Gain. f = (I - b) / a; a is the slope of I on B_30, fitted to the pixels that agree with
       it, b = median(I - a B_30). If a leaves [0.9, 1.1], all state is mapped to the new gain
       instead; if I no longer correlates with B_30, the scene has changed and all starts anew.
    2. Fast backgrounds, tau = 0.5, 2, 8 s: r = f - B, B <- B + a(tau) r.
    3. Slow backgrounds, tau = 30, 120 s: B <- B + a(tau) clip(r, -c, c), c = 4 s + E_slow / 2,
       between mean and median, so that passing gas hardly moves them.
       Quantiles q = 0.1, 0.9: Q <- Q + a' (4 s + Q_0.9 - Q_0.1) (q - [f < Q]), where a' is
       a(120 s), but at most 1 - exp(-dt / 1 s).
    4. Noise, one number a frame: s = max(0.5, mean over 30 s of 1.48 median |f(t) - f(t - 0.5 s)|).
    5. Energies: E <- E + a(8 s) (min(|r|, 20 s) - E) of r_2 (fast) and of r_30 (slow).

    The channels are asinh(r / 2 s) for the five backgrounds, log(1 + E / s) of both energies,
    E_fast / (E_slow + 0.5 s), asinh((f - Q_0.1) / 2 s) and asinh((Q_0.9 - f) / 2 s); residuals are
    those before the update. Pixels at the border of the grid are 0.

    Args:
        height_px: height of the grid.
        width_px: width of the grid.

    Attributes:
        n_frames: frames since the scene began.
        noise_levels: the noise s in grey levels.
        scene_changed: whether the last frame began a new scene.
        seen_s: seconds since the scene began.
    """

    def __init__(self, height_px: int, width_px: int) -> None:
        self._size = width_px, height_px  # as OpenCV names them
        self._interior = np.zeros((height_px, width_px), np.float32)
        self._interior[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX] = 1.0
        self.n_frames = 0
        self.scene_changed = False
        self._begin_s = self._time_s = 0.0

    @property
    def seen_s(self) -> float:
        """Seconds since the scene began."""
        return self._time_s - self._begin_s

    @property
    def is_warm(self) -> bool:
        """Whether the backgrounds have seen 30 seconds of the scene."""
        return self.seen_s >= WARM_UP_S

    def update(self, frame: NDArray[np.number], time_s: float) -> Map:
        """Take the next frame.

        Args:
            frame: (H, W), in grey levels.
            time_s: its time.

        Returns:
            (10, height_px, width_px) float32, in the order of `CHANNELS`.
        """
        return self._channels(*self._taken(frame, time_s))

    def skip(self, frame: NDArray[np.number], time_s: float) -> None:
        """Take the next frame, whose maps are not wanted: it costs two thirds of the time."""
        self._taken(frame, time_s)

    def _taken(self, frame: NDArray[np.number], time_s: float) -> tuple[Map, Map, Map]:
        """Residuals, height above the low quantile, and depth below the high one."""
        levels = self._on_grid(frame)
        self.scene_changed = False
        if self.n_frames:
            step_s = max(time_s - self._time_s, 0.0)
            levels, self.scene_changed = self._adjusted(levels)
        if self.n_frames == 0 or self.scene_changed:
            self._begin(levels, time_s)
            step_s = 0.0
        self.n_frames += 1
        self._time_s = time_s
        return self._advanced(levels, step_s)

    def _on_grid(self, frame: NDArray[np.number]) -> Map:
        floats = frame.astype(np.float32)
        return np.asarray(cv2.resize(floats, self._size, interpolation=cv2.INTER_AREA), np.float32)

    def _begin(self, levels: Map, time_s: float) -> None:
        self._backgrounds = np.stack([levels] * len((*FAST_S, *SLOW_S)))
        self._quantiles = np.stack([levels, levels])
        self._energies = np.zeros((2, *levels.shape), np.float32)
        self._recent: deque[tuple[float, Map]] = deque()
        self._noise = self.noise_levels = NOISE_FLOOR
        self._begin_s, self.n_frames = time_s, 0

    def _adjusted(self, levels: Map) -> tuple[Map, bool]:
        """The frame at the gain of the backgrounds, and whether it shows another scene."""
        past, now = _sample(self._backgrounds[len(FAST_S)]), _sample(levels)
        gain, correlation, spread = _gain(past, now)
        is_structured = self.n_frames > 1 and spread > 3 * self.noise_levels
        if is_structured and correlation < SAME_SCENE:
            return levels, True
        offset = float(np.median(now - gain * past))
        if GAIN_BOUNDS[0] <= gain <= GAIN_BOUNDS[1]:
            return (levels - np.float32(offset)) / np.float32(gain), False
        self._backgrounds = np.float32(gain) * self._backgrounds + np.float32(offset)
        self._quantiles = np.float32(gain) * self._quantiles + np.float32(offset)
        self._energies *= np.float32(gain)
        self._recent = deque((time, gain * each + offset) for time, each in self._recent)
        return levels, False

    def _advanced(self, levels: Map, step_s: float) -> tuple[Map, Map, Map]:
        self._measure_noise(levels, step_s)
        noise = np.float32(self.noise_levels)
        residuals = levels - self._backgrounds
        above = levels - self._quantiles[0]
        below = self._quantiles[1] - levels
        self._advance_backgrounds(residuals, noise, step_s)
        self._advance_quantiles(above, below, noise, step_s)
        departures = np.minimum(np.abs(residuals[[1, len(FAST_S)]]), ENERGY_LIMIT * noise)
        self._energies += self._rate(ENERGY_S, step_s) * (departures - self._energies)
        return residuals, above, below

    def _channels(self, residuals: Map, above: Map, below: Map) -> Map:
        noise = np.float32(self.noise_levels)
        energies = self._energies / noise
        channels = np.empty((len(CHANNELS), *above.shape), np.float32)
        channels[:5] = np.arcsinh(residuals / (2 * noise))
        channels[5:7] = np.log1p(energies)
        channels[7] = energies[0] / (energies[1] + np.float32(RATIO_FLOOR))
        channels[8] = np.arcsinh(above / (2 * noise))
        channels[9] = np.arcsinh(below / (2 * noise))
        channels *= self._interior
        return channels

    def _rate(self, tau_s: float, step_s: float) -> np.float32:
        return np.float32(max(-math.expm1(-step_s / tau_s), 1 / self.n_frames))

    def _measure_noise(self, levels: Map, step_s: float) -> None:
        sample, time_s = _sample(levels), self._time_s
        recent = self._recent
        while len(recent) > 1 and recent[1][0] <= time_s - NOISE_LAG_S + 1e-6:
            recent.popleft()
        if recent:
            found = 1.48 * float(np.median(np.abs(sample - recent[0][1])))
            self._noise += max(-math.expm1(-step_s / NOISE_S), 1 / max(1, self.n_frames - 1)) * (
                found - self._noise
            )
            self.noise_levels = max(NOISE_FLOOR, self._noise)
        recent.append((time_s, sample))

    def _advance_backgrounds(self, residuals: Map, noise: np.float32, step_s: float) -> None:
        n_fast = len(FAST_S)
        limit = SLOW_LIMIT * noise + np.float32(SLOW_SHARE) * self._energies[1]
        for number, tau_s in enumerate((*FAST_S, *SLOW_S)):
            step = residuals[number]
            if number >= n_fast:
                step = np.clip(step, -limit, limit)
            self._backgrounds[number] += self._rate(tau_s, step_s) * step

    def _advance_quantiles(self, above: Map, below: Map, noise: np.float32, step_s: float) -> None:
        low, high = self._quantiles
        most = np.float32(-math.expm1(-step_s / QUANTILE_BEGIN_S))
        step = np.minimum(self._rate(SLOW_S[-1], step_s), most) * (
            QUANTILE_STEP * noise + np.abs(high - low)
        )
        low += step * (np.float32(LOW) - (above < 0))
        high += step * (np.float32(HIGH) - (below > 0))


def _sample(levels: Map) -> Map:
    """Every fourth pixel of a map each way, without its border."""
    inner = levels[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]
    return np.ascontiguousarray(inner[::SAMPLE_STEP, ::SAMPLE_STEP])


def _gain(past: Map, now: Map) -> tuple[float, float, float]:
    """Slope of `now` on `past` over the pixels that agree, their correlation, spread of `past`."""
    change = now - past
    change = change - np.median(change)
    size = np.abs(change)
    agree = size <= 3 * 1.48 * max(float(np.median(size)), NOISE_FLOOR / 3)
    x, y = past - past.mean(), now - now.mean()
    spread = float(x.std())
    correlation = float((x * y).mean()) / max(spread * float(y.std()), 1e-6)
    x, step = past[agree], change[agree]
    x = x - x.mean()
    slope = float((x * step).mean()) / (float((x * x).mean()) + GAIN_RIDGE)
    return 1.0 + slope, correlation, spread
