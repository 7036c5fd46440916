"""A synthetic video: the parts of the model put together frame by frame."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fgstp.core.errors import UserError
from fgstp.plumes.air import Air
from fgstp.plumes.camera import Camera
from fgstp.plumes.clouds import Clouds
from fgstp.plumes.images import FloatImage, GreyImage
from fgstp.plumes.leak import Leak
from fgstp.plumes.presets import CATEGORIES, PRESETS
from fgstp.plumes.scene import build_scene
from fgstp.plumes.schedule import LEAK_RATES_G_PER_H, leak_classes
from fgstp.plumes.steam import Steam
from fgstp.plumes.still_plumes import StillPlumes
from fgstp.plumes.traffic import Traffic
from fgstp.plumes.view import View, draw_view

_LONGEST_SUB_STEP_S = 1.0 / 30.0
_SMALLEST_SIDE_PX = 32
# A new part goes to the end, so that the others draw what they drew before.
_PARTS = (
    *("view", "scene", "air", "gas", "steam", "clouds", "traffic", "camera", "leaks"),
    "still plumes",
)


@dataclass(frozen=True)
class PlumeFrame:
    """One frame and what is known about it.

    Attributes:
        grey: uint8 (H, W), what the camera shows.
        mask: uint8 (H, W), 0 or 1, gas that is visible in `grey`.
        column_density_ppm_m: float32 (H, W), gas in each line of sight, visible or not.
        leak_class: 0-7, GasVid's class of the release rate; 0 means no leak.
        leak_rate_g_per_h: the release rate of that class.
    """

    grey: GreyImage
    mask: GreyImage
    column_density_ppm_m: FloatImage
    leak_class: int
    leak_rate_g_per_h: float


class SyntheticVideo:
    """A video of a gas leak that never happened; iterate over it to get its frames.

    Each iteration gives the same bytes for the same arguments, and the first frames do
    not depend on how many follow. Memory does not grow with the number of frames.

    Args:
        category: one of `CATEGORIES`.
        seed: >= 0; draws the scene, the weather and the leaks.
        n_frames: >= 1.
        fps_hz: frame rate, > 0.
        height_px: >= 32.
        width_px: >= 32; the view is 24 degrees wide whatever the width is.
        still_plumes: >= 0; so many plumes that do not move, and that no mask shows. Scene, leaks
            and gas stay as they are without them. What is visible of the gas, and so its grey
            levels and its mask, may change: it may lie in front of them, and the camera's gain
            sees them.

    Raises:
        UserError: an argument is out of its range.
    """

    def __init__(
        self,
        category: str,
        seed: int,
        *,
        n_frames: int,
        fps_hz: float = 15.0,
        height_px: int = 240,
        width_px: int = 320,
        still_plumes: int = 0,
    ) -> None:
        _check(
            category=category,
            seed=seed,
            n_frames=n_frames,
            fps_hz=fps_hz,
            height_px=height_px,
            width_px=width_px,
            still_plumes=still_plumes,
        )
        self.category = category
        self.seed = seed
        self.n_frames = n_frames
        self.fps_hz = fps_hz
        self.height_px = height_px
        self.width_px = width_px
        self.still_plumes = still_plumes
        self._preset = PRESETS[category]
        self._view = self._draw_view()

    @property
    def distance_m(self) -> float:
        """Distance of the source from the camera."""
        return self._view.distance_m

    @property
    def source_xy_px(self) -> tuple[float, float]:
        """Mouth of the release stack, column and row."""
        return self._view.source_xy_px

    def __iter__(self) -> Iterator[PlumeFrame]:
        return itertools.islice(self._frames(), self.n_frames)

    def _draw_view(self) -> View:
        rng = self._rngs()["view"]
        distance_m = float(rng.choice(self._preset.distances_m))
        shape = (self.height_px, self.width_px)
        return draw_view(rng, shape, distance_m, self._preset.hill_probability)

    def _rngs(self) -> dict[str, np.random.Generator]:
        """Give each part its own source of chance, so that none disturbs another."""
        root = np.random.SeedSequence([self.seed, CATEGORIES.index(self.category)])
        children = root.spawn(len(_PARTS))
        return {
            part: np.random.default_rng(child) for part, child in zip(_PARTS, children, strict=True)
        }

    def _frames(self) -> Iterator[PlumeFrame]:
        rngs, view, preset, step_s = self._rngs(), self._view, self._preset, 1.0 / self.fps_hz
        sub_steps = max(2, math.ceil(step_s / _LONGEST_SUB_STEP_S))
        sub_step_s = step_s / sub_steps
        scene = build_scene(rngs["scene"], view)
        air = Air(rngs["air"], view, step_s, sub_step_s)
        gas = Leak(rngs["gas"], view, sub_step_s)
        steam = Steam(rngs["steam"], view, preset, sub_step_s)
        clouds = Clouds(rngs["clouds"], view.shape, preset, step_s)
        traffic = Traffic(rngs["traffic"], view, preset, step_s)
        camera = Camera(rngs["camera"], view.shape, step_s)
        still = StillPlumes(rngs["still plumes"], view, self.still_plumes)
        for leak_class in leak_classes(rngs["leaks"], self.fps_hz):
            rate_g_per_h = LEAK_RATES_G_PER_H[leak_class]
            departures_px = air.step()
            for _ in range(sub_steps):
                # Class 0 stays below what any camera shows, so none of it is released.
                gas.step(departures_px, rate_g_per_h if leak_class else 0.0)
                steam.step(departures_px)
            background_k = scene.temperature_k + clouds.step() * scene.sky
            traffic.step(background_k, scene.backdrop)
            background_k = still.in_front_of(steam.in_front_of(background_k))
            column_ppm_m = gas.column_ppm_m()
            if column_ppm_m.any():
                grey, mask = camera.expose(gas.in_front_of(background_k), background_k)
            else:
                grey, mask = camera.expose(background_k, None)
            yield PlumeFrame(grey, mask, column_ppm_m, leak_class, rate_g_per_h)


def _check(
    *,
    category: str,
    seed: int,
    n_frames: int,
    fps_hz: float,
    height_px: int,
    width_px: int,
    still_plumes: int,
) -> None:
    if category not in CATEGORIES:
        known = ", ".join(CATEGORIES)
        raise UserError(f"There is no category {category!r} of plumes; choose one of {known}.")
    if seed < 0:
        raise UserError(f"The seed is {seed}; choose a whole number of 0 or more.")
    if n_frames < 1:
        raise UserError(f"A video of {n_frames} frames is too short; ask for 1 frame or more.")
    if not 0.0 < fps_hz < math.inf:
        raise UserError(f"A frame rate of {fps_hz} Hz is not possible; choose one above 0.")
    if min(height_px, width_px) < _SMALLEST_SIDE_PX:
        raise UserError(
            f"A picture of {width_px} x {height_px} pixels is too small for a scene; "
            f"ask for {_SMALLEST_SIDE_PX} pixels or more each way."
        )
    if still_plumes < 0:
        raise UserError(f"There cannot be {still_plumes} still plumes; ask for 0 or more.")
