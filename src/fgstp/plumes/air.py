"""Where the air in each pixel was a moment ago: mean wind and eddies put together."""

import cv2
import numpy as np

from fgstp.plumes.images import FloatImage
from fgstp.plumes.transport import pixel_grid
from fgstp.plumes.view import View
from fgstp.plumes.wind import MeanWind, Turbulence

SLABS = 4
_GRID_PX = 2  # eddies are computed on every second pixel, which the eye does not see


class Air:
    """The moving air, in slabs one behind the other with the same wind but other eddies.

    Args:
        rng: source of chance.
        view: size of the picture and of its pixels.
        step_s: time between two frames.
        sub_step_s: time that the gas is carried along at once.
    """

    def __init__(
        self, rng: np.random.Generator, view: View, step_s: float, sub_step_s: float
    ) -> None:
        self._wind = MeanWind(rng, step_s)
        largest_m, turnover_s = rng.uniform(0.3, 0.9), rng.uniform(0.2, 0.5)
        rms_m_per_s = rng.uniform(0.3, 0.5) * self._wind.speed_m_per_s
        coarse = (-(-view.shape[0] // _GRID_PX), -(-view.shape[1] // _GRID_PX))
        self._eddies = [
            Turbulence(
                rng,
                coarse,
                spacing_m=_GRID_PX * view.pixel_m,
                step_s=step_s,
                rms_m_per_s=rms_m_per_s,
                largest_m=largest_m,
                turnover_s=turnover_s,
            )
            for _ in range(SLABS)
        ]
        self._grid = pixel_grid(view.shape)
        self._px_per_m_per_s = np.float32(sub_step_s / view.pixel_m)

    def step(self) -> list[FloatImage]:
        """Go one frame on.

        Returns:
            For each slab, float32 (H, W, 2): where the air at each pixel was one
            sub-step ago, x and y in pixels.
        """
        wind = self._wind.step()
        rows, columns = self._grid.shape[:2]
        departures_px = []
        for eddies in self._eddies:
            eddies.step(wind)
            velocity = eddies.velocity_m_per_s() + wind.astype(np.float32)
            way_px = cv2.resize(velocity * self._px_per_m_per_s, (columns, rows))
            departures_px.append(self._grid - way_px)
        return departures_px
