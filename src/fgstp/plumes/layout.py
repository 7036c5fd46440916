"""Places the equipment: a release stack, and tanks, stacks, elbows and valves around it."""

import math

import numpy as np

from fgstp.plumes.tubes import Point, Tube
from fgstp.plumes.view import View

# Temperature of the equipment: warm in the sun before a hill, cold below a clear sky.
_BASE_K = {"plant": (-2.5, -0.5), "hill": (4.0, 7.0)}


class Layout:
    """Places equipment around one source, in metres on a tilted picture plane."""

    def __init__(self, rng: np.random.Generator, view: View) -> None:
        self._rng, self._view = rng, view
        # Verticals converge for a camera that looks up.
        self._roll = rng.normal(0.0, 0.02)
        self._spread = rng.uniform(0.05, 0.25) / view.shape[1]
        self._base_k = rng.uniform(*_BASE_K.get(view.scene, (-3.0, 4.0)))

    def tubes(self) -> list[Tube]:
        """All tubes, back to front."""
        if self._view.scene in ("plant", "hill"):
            return self._plant()
        return self._lone_pipe()

    def _lone_pipe(self) -> list[Tube]:
        """What leaks outside a plant: a stack, a wellhead, or something that is not seen."""
        choice = self._rng.random()
        if choice < 0.3:
            return []
        if choice < 0.6:
            return self._release_stack()
        return self._wellhead(0.0, top_m=0.0)

    def _plant(self) -> list[Tube]:
        """A release stack between tanks, stacks and wellheads."""
        rng, view = self._rng, self._view
        width_m = view.shape[1] * view.pixel_m
        side = 1.0 if view.source_xy_px[0] < view.shape[1] / 2 else -1.0
        # Usually on the side with more room.
        if rng.random() < 0.2:
            side = -side
        tubes = self._vessel(side * rng.uniform(0.5, 0.75))
        if rng.random() < 0.6:
            tubes += self._wellhead(-side * rng.uniform(0.4, 0.7))
        # A wider view shows more equipment.
        for _ in range(round(width_m / 2.5)):
            x_m = rng.uniform(-0.5, 0.5) * width_m
            if abs(x_m) > 0.4:
                kind = self._vessel if rng.random() < 0.5 else self._wellhead
                tubes += kind(float(x_m))
        return tubes + self._release_stack()

    def _px(self, x_m: float, up_m: float) -> Point:
        """Project a point, in metres right of and above the mouth, into the picture."""
        source_x, source_y = self._view.source_xy_px
        x, y = x_m / self._view.pixel_m, -up_m / self._view.pixel_m
        lean = self._roll + self._spread * (source_x + x - self._view.shape[1] / 2)
        return source_x + x + lean * y, source_y + y

    def _tube(
        self,
        points_m: list[Point],
        radius_m: float,
        *,
        end_flatness: float = 4.0,
        rings: tuple[float, ...] = (),
    ) -> Tube:
        """Make a tube from lengths in metres, with a random temperature."""
        temperature_k = self._base_k + self._rng.uniform(-2.0, 2.0)
        points = tuple(self._px(*point) for point in points_m)
        radius = max(radius_m / self._view.pixel_m, 0.6)
        return Tube(points, radius, temperature_k, end_flatness, rings)

    def _foot_m(self) -> float:
        """Height of the ground (or of the lower edge) relative to the mouth, < 0."""
        _, source_y = self._view.source_xy_px
        bottom = self._view.shape[0] * 1.3
        if self._view.horizon_px < self._view.shape[0] and self._view.scene == "plant":
            bottom = self._view.horizon_px + 0.04 * self._view.shape[0]
        return -(bottom - source_y) * self._view.pixel_m

    def _release_stack(self) -> list[Tube]:
        """The stack whose mouth is the source, with a box below the mouth."""
        rng = self._rng
        radius = rng.uniform(0.035, 0.05)
        collar = -rng.uniform(0.08, 0.16)
        side = rng.choice([-1.0, 1.0])
        return [
            self._tube([(0.0, 0.0), (0.0, self._foot_m())], radius, rings=(2.0, 3.0)),
            self._tube(
                [(side * 0.8 * radius, collar), (side * 0.8 * radius, collar - 0.07)],
                0.55 * radius,
                end_flatness=1.0,
            ),
        ]

    def _vessel(self, x_m: float) -> list[Tube]:
        """A domed tank, usually with a tall stack on top and pipes at its sides."""
        rng = self._rng
        radius = rng.uniform(0.1, 0.22)
        top = -rng.uniform(0.05, 0.5)
        towards = -math.copysign(1.0, x_m)
        tubes = []
        if rng.random() < 0.6:
            tubes += self._tall_stack(x_m + rng.uniform(-0.3, 0.3) * radius, top)
        if rng.random() < 0.7:
            tubes += self._elbow(x_m, x_m + towards * (radius + rng.uniform(0.08, 0.2)), top)
        if rng.random() < 0.6:
            tubes += self._arm(x_m, -towards, radius, top - rng.uniform(0.15, 0.4))
        tank = [(x_m, top), (x_m, min(self._foot_m(), top - 0.3))]
        rings = tuple(np.cumsum([0.45, 0.25, rng.uniform(1.5, 3.0), 0.2]))
        tubes.append(self._tube(tank, radius, end_flatness=rng.uniform(1.2, 2.2), rings=rings))
        tubes += [self._glint(x_m + towards * 0.4 * radius, top - 0.06, 0.04) for _ in range(3)]
        if rng.random() < 0.5:
            nozzle = x_m + towards * 0.4 * radius
            tubes.append(self._tube([(nozzle, top + 0.09), (nozzle, top)], 0.025))
            tubes.append(self._tube([(nozzle, top + 0.1)], 0.035, end_flatness=1.0))
        return tubes

    def _tall_stack(self, x_m: float, foot_m: float) -> list[Tube]:
        """A thin stack on a tank, held by a flange and a strut."""
        rng = self._rng
        height, radius = rng.uniform(0.4, 1.2), rng.uniform(0.025, 0.045)
        strut = foot_m + rng.uniform(0.03, 0.1)
        reach = x_m + rng.choice([-1.0, 1.0]) * rng.uniform(0.1, 0.25)
        return [
            self._tube([(x_m, strut), (reach, strut), (reach, strut - 0.2)], 0.014),
            self._tube([(x_m, foot_m + height), (x_m, foot_m)], radius, rings=(1.5,)),
            self._tube([(x_m, foot_m + 0.035), (x_m, foot_m)], 1.5 * radius),
        ]

    def _elbow(self, x_m: float, reach_m: float, top_m: float) -> list[Tube]:
        """A pipe from the side of a tank that bends upwards and ends in an open lip."""
        rng = self._rng
        towards = math.copysign(1.0, reach_m - x_m)
        radius = rng.uniform(0.02, 0.035)
        low = top_m - rng.uniform(0.12, 0.3)
        high = low + rng.uniform(0.15, 0.4)
        lip = reach_m + towards * rng.uniform(0.03, 0.07)
        flange = reach_m - towards * 2.0 * radius
        return [
            self._tube([(x_m, low), (reach_m, low), (reach_m, high), (lip, high)], radius),
            self._tube([(lip, high - 0.5 * radius)], 1.4 * radius, end_flatness=1.0),
            self._upright_ring(flange, low, 1.7 * radius),
            self._glint(reach_m, low, 0.3 * radius),
            self._glint(reach_m, high, 0.3 * radius),
        ]

    def _arm(self, x_m: float, side: float, start_m: float, up_m: float) -> list[Tube]:
        """A horizontal pipe with valves that ends in an elbow or a blind flange."""
        rng = self._rng
        radius, spacing = rng.uniform(0.022, 0.035), rng.uniform(0.12, 0.18)
        count = int(rng.integers(1, 4))
        end = x_m + side * (start_m + (count + 0.3) * spacing)
        pipe = [(x_m, up_m), (end, up_m)]
        if rng.random() < 0.6:
            pipe.append((end, up_m - rng.uniform(0.1, 0.25)))
        tubes = [self._tube(pipe, radius), self._upright_ring(end, up_m, 1.6 * radius)]
        for i in range(count):
            tubes += self._valve(x_m + side * (start_m + (i + 0.6) * spacing), up_m, radius)
        return tubes

    def _valve(self, x_m: float, up_m: float, radius_m: float) -> list[Tube]:
        """A round body between two flanges, usually with a stem and a handwheel."""
        tubes = [
            self._tube([(x_m, up_m)], 1.7 * radius_m, end_flatness=1.0),
            self._upright_ring(x_m - 2.0 * radius_m, up_m, 1.5 * radius_m),
            self._upright_ring(x_m + 2.0 * radius_m, up_m, 1.5 * radius_m),
        ]
        if self._rng.random() < 0.6:
            tubes += self._handwheel(x_m, up_m + radius_m, self._rng.uniform(0.03, 0.05))
        return tubes

    def _handwheel(self, x_m: float, up_m: float, wheel_m: float) -> list[Tube]:
        """A wheel on a stem, seen from the side."""
        stem = up_m + self._rng.uniform(0.04, 0.09)
        wheel = [(x_m - wheel_m, stem), (x_m + wheel_m, stem)]
        return [
            self._tube([(x_m, up_m), (x_m, stem)], 0.012),
            self._tube(wheel, 0.011, end_flatness=1.0),
        ]

    def _wellhead(self, x_m: float, top_m: float | None = None) -> list[Tube]:
        """A vertical pipe with a valve, a wide handwheel on top and an arm to one side."""
        rng = self._rng
        radius = rng.uniform(0.03, 0.05)
        top = -rng.uniform(0.25, 0.5) if top_m is None else top_m
        side = rng.choice([-1.0, 1.0])
        tubes = self._arm(x_m, side, 0.0, top - rng.uniform(0.15, 0.25))
        tubes.append(self._tube([(x_m, top), (x_m, self._foot_m())], radius, rings=(1.5, 2.0)))
        tubes.append(self._tube([(x_m, top - 0.08)], 1.5 * radius, end_flatness=1.0))
        return tubes + self._handwheel(x_m, top, rng.uniform(0.06, 0.09))

    def _glint(self, x_m: float, up_m: float, spread_m: float) -> Tube:
        """A bolt or an edge near a point that reflects the sun."""
        rng = self._rng
        place = self._px(*rng.normal((x_m, up_m), spread_m))
        radius = rng.uniform(0.004, 0.01) / self._view.pixel_m
        return Tube((place,), radius, self._base_k + rng.uniform(2.0, 5.0), end_flatness=1.0)

    def _upright_ring(self, x_m: float, up_m: float, radius_m: float) -> Tube:
        """A flange seen from the side."""
        return self._tube([(x_m, up_m + radius_m), (x_m, up_m - radius_m)], 0.011)
