"""A synthetic video: rendered frame by frame from the parts of the model."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass

import numpy as np

from fgstp.core.errors import UserError, did_you_mean
from fgstp.plumes.camera import Camera
from fgstp.plumes.conditions import Conditions
from fgstp.plumes.fields import FloatImage, GreyImage
from fgstp.plumes.presets import conditions_named
from fgstp.plumes.schedule import LEAK_RATES_G_PER_H, leak_classes
from fgstp.plumes.view import CATEGORIES, draw_view
from fgstp.plumes.world import World

_LARGEST = {
    **{"fps_hz": 1000, "height_px": 8192, "width_px": 8192},
    **{"seed": 2**53, "still_plumes": 20},
}
_SMALLEST_SIDE_PX = 32
# New parts are appended, so that the random numbers of the others do not change.
_PARTS = (
    *("view", "scene", "air", "gas", "steam", "clouds", "traffic", "camera", "leaks"),
    *("still plumes", "waves", "glints", "rain", "warp"),
)


@dataclass(frozen=True)
class PlumeFrame:
    """One frame and its ground truth.

    Attributes:
        grey: uint8 (H, W), the picture of the camera.
        mask: uint8 (H, W), 0 or 1, gas visible in `grey`.
        steam: uint8 (H, W), 0 or 1, steam visible in `grey`, also where gas is in front of it.
        movers: uint8 (H, W), 0 or 1, birds, people, vehicles, aircraft and insects likewise.
        column_density_ppm_m: float32 (H, W), gas in each line of sight, visible or not.
        source_xy_px: position of the source in this frame, column and row.
        leak_class: 0-7, GasVid's class of the release rate; 0 means no leak.
        leak_rate_g_per_h: the release rate of that class.
    """

    grey: GreyImage
    mask: GreyImage
    steam: GreyImage
    movers: GreyImage
    column_density_ppm_m: FloatImage
    source_xy_px: tuple[float, float]
    leak_class: int
    leak_rate_g_per_h: float


@dataclass(eq=False)
class SyntheticVideo:
    """A synthetic video of a gas leak; iterate over it to get its frames.

    The same arguments give the same bytes in every iteration, and the first frames do not
    depend on how many follow. Memory does not grow with the number of frames.

    Args:
        category: one of `CATEGORIES`.
        seed: random seed of scene, weather and leaks, >= 0.
        n_frames: number of frames, >= 1.
        fps_hz: frame rate, > 0.
        height_px: height of a frame, >= 32.
        width_px: width of a frame, >= 32; the field of view is 24 degrees wide in any case.
        still_plumes: number of plumes that do not move and that no mask shows, >= 0. They do
            not change scene, leaks and gas; grey levels and masks of the gas may change,
            because it may pass in front of them and the gain control sees them.
        conditions: what the video may show: `Conditions`, or the name of a preset. `demo` is a
            plant under a cooled camera, with leaks of some seconds; `wide` is as varied as real
            footage, for models that must carry over to it.

    Raises:
        UserError: An argument is out of range.

    Example:
        >>> from fgstp import SyntheticVideo
        >>> video = SyntheticVideo("close_clear", seed=3, n_frames=2, height_px=60, width_px=80)
        >>> for frame in video:
        ...     print(frame.grey.shape, frame.mask.dtype, frame.leak_class)
        (60, 80) uint8 7
        (60, 80) uint8 7
    """

    category: str
    seed: int
    _: KW_ONLY
    n_frames: int
    fps_hz: float = 15.0
    height_px: int = 240
    width_px: int = 320
    still_plumes: int = 0
    conditions: Conditions | str = "demo"

    def __post_init__(self) -> None:
        self._check()
        given = self.conditions
        self._conditions = conditions_named(given) if isinstance(given, str) else given
        shape = self.height_px, self.width_px
        self._view = draw_view(self._rngs()["view"], shape, self.category, self._conditions)

    def _check(self) -> None:
        if self.category not in CATEGORIES:
            known, close = ", ".join(CATEGORIES), did_you_mean(self.category, CATEGORIES)
            raise UserError(f"No plume category {self.category!r}{close}; choose one of {known}.")
        if self.seed < 0:
            raise UserError(f"The seed is {self.seed}; choose an integer of 0 or more.")
        if self.n_frames < 1:
            raise UserError(f"A video cannot have {self.n_frames} frames; choose 1 frame or more.")
        if not 0.0 < self.fps_hz < math.inf:
            raise UserError(f"A frame rate of {self.fps_hz} Hz is impossible; choose one above 0.")
        if min(self.height_px, self.width_px) < _SMALLEST_SIDE_PX:
            raise UserError(
                f"A frame of {self.width_px} x {self.height_px} pixels is too small for a scene; "
                f"choose at least {_SMALLEST_SIDE_PX} pixels in each direction."
            )
        if self.still_plumes < 0:
            raise UserError(f"There cannot be {self.still_plumes} still plumes; choose 0 or more.")
        for name, most in _LARGEST.items():
            if getattr(self, name) > most:
                raise UserError(f"{name} is {getattr(self, name)}; choose at most {most}.")

    @property
    def distance_m(self) -> float:
        """Distance from camera to source."""
        return self._view.distance_m

    @property
    def source_xy_px(self) -> tuple[float, float]:
        """Position of the mouth of the release stack, column and row, while the camera is still."""
        return self._view.source_xy_px

    def __iter__(self) -> Iterator[PlumeFrame]:
        return itertools.islice(self._frames(), self.n_frames)

    def _rngs(self) -> dict[str, np.random.Generator]:
        """One random generator for each part, so that no part affects another."""
        root = np.random.SeedSequence([self.seed, CATEGORIES.index(self.category)])
        children = map(np.random.default_rng, root.spawn(len(_PARTS)))
        return dict(zip(_PARTS, children, strict=True))

    def _frames(self) -> Iterator[PlumeFrame]:
        rngs, view, conditions = self._rngs(), self._view, self._conditions
        is_complex, step_s = self.category.endswith("complex"), 1.0 / self.fps_hz
        world = World(
            rngs,
            view,
            conditions,
            conditions.complex if is_complex else conditions.clear,
            n_still_plumes=self.still_plumes,
            step_s=step_s,
        )
        camera = Camera(rngs["camera"], view.shape, conditions.camera, step_s)
        for number, leak_class in enumerate(
            leak_classes(rngs["leaks"], self.fps_hz, conditions.leak)
        ):
            # The rate of class 0 is invisible to any camera, so nothing is released.
            released_g_per_h = LEAK_RATES_G_PER_H[leak_class] if leak_class else 0.0
            if number == 0:  # what is on at the start has been on for a while
                world.grow(released_g_per_h)
            taken = camera.expose(world.step(released_g_per_h))
            movers, steam, gas = taken.masks
            x, y = view.source_xy_px + taken.shift_px
            yield PlumeFrame(
                grey=taken.grey,
                mask=gas,
                steam=steam,
                movers=movers,
                column_density_ppm_m=camera.displaced(world.column_ppm_m(), taken.shift_px),
                source_xy_px=(float(x), float(y)),
                leak_class=leak_class,
                leak_rate_g_per_h=LEAK_RATES_G_PER_H[leak_class],
            )
