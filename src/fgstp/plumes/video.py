"""A synthetic video: rendered frame by frame from the parts of the model, and written to disk."""

import itertools
import json
import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

import cv2
import numpy as np

from fgstp.core.errors import UserError, did_you_mean
from fgstp.core.files import atomic_path, write_text
from fgstp.core.progress import ProgressBar
from fgstp.core.temporaries import temporary_name
from fgstp.plumes.camera import CATEGORIES, PRESETS, Camera, draw_view
from fgstp.plumes.confusers import Clouds, Steam, StillPlumes, Traffic
from fgstp.plumes.fields import FloatImage, GreyImage
from fgstp.plumes.leak import LEAK_RATES_G_PER_H, Leak, leak_classes
from fgstp.plumes.scene import build_scene
from fgstp.plumes.wind import Air

_LONGEST_SUB_STEP_S = 1.0 / 30.0
_LARGEST = {
    **{"fps_hz": 1000, "height_px": 8192, "width_px": 8192},
    **{"seed": 2**53, "still_plumes": 20},
}
_SMALLEST_SIDE_PX = 32
# FFV1 is lossless; every player can show mp4v.
_CODECS = {".avi": "FFV1", ".mkv": "FFV1", ".mp4": "mp4v"}
# New parts are appended, so that the random numbers of the others do not change.
_PARTS = (
    *("view", "scene", "air", "gas", "steam", "clouds", "traffic", "camera", "leaks"),
    "still plumes",
)


@dataclass(frozen=True)
class PlumeFrame:
    """One frame and its ground truth.

    Attributes:
        grey: uint8 (H, W), the picture of the camera.
        mask: uint8 (H, W), 0 or 1, gas visible in `grey`.
        column_density_ppm_m: float32 (H, W), gas in each line of sight, visible or not.
        leak_class: 0-7, GasVid's class of the release rate; 0 means no leak.
        leak_rate_g_per_h: the release rate of that class.
    """

    grey: GreyImage
    mask: GreyImage
    column_density_ppm_m: FloatImage
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

    def __post_init__(self) -> None:
        self._check()
        self._preset = PRESETS[self.category]
        shape = self.height_px, self.width_px
        self._view = draw_view(self._rngs()["view"], shape, self._preset)

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
        """Position of the mouth of the release stack, column and row."""
        return self._view.source_xy_px

    def __iter__(self) -> Iterator[PlumeFrame]:
        return itertools.islice(self._frames(), self.n_frames)

    def _rngs(self) -> dict[str, np.random.Generator]:
        """One random generator for each part, so that no part affects another."""
        root = np.random.SeedSequence([self.seed, CATEGORIES.index(self.category)])
        children = map(np.random.default_rng, root.spawn(len(_PARTS)))
        return dict(zip(_PARTS, children, strict=True))

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
                # The rate of class 0 is invisible to any camera, so nothing is released.
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


def render(video: SyntheticVideo, path: Path) -> None:
    """Write `path`, `<stem>_masks/<frame>.png` and `<stem>.json`: all of them or none.

    A progress bar on stderr counts the frames. Existing files are replaced.

    Args:
        video: the video to render.
        path: the file to write; its suffix selects the codec.

    Raises:
        UserError: The suffix is unknown, or the folder cannot be written to.
    """
    if path.suffix.lower() not in _CODECS:
        known = ", ".join(sorted(_CODECS))
        raise UserError(f"The suffix of {path} is no known video format; choose one of {known}.")
    masks = path.with_name(f"{path.stem}_masks")
    leak_classes, leak_rates_g_per_h = [], []
    with atomic_path(path) as temporary, _atomic_folder(masks) as masks_folder:
        with _writer(temporary, path, video) as writer:
            frames = ProgressBar(video, total=video.n_frames, unit="frame", desc=path.name)
            for i, frame in enumerate(frames):
                writer.write(cv2.cvtColor(frame.grey, cv2.COLOR_GRAY2BGR))
                _write_mask(masks_folder / f"{i:06d}.png", frame.mask)
                leak_classes.append(frame.leak_class)
                leak_rates_g_per_h.append(frame.leak_rate_g_per_h)
        facts = {
            "category": video.category,
            "seed": video.seed,
            "fps_hz": video.fps_hz,
            "distance_m": video.distance_m,
            "source_xy_px": video.source_xy_px,
            "still_plumes": video.still_plumes,
            "leak_class": leak_classes,
            "leak_rate_g_per_h": leak_rates_g_per_h,
        }
        write_text(path.with_suffix(".json"), json.dumps(facts, indent=1) + "\n")


@contextmanager
def _writer(temporary: Path, path: Path, video: SyntheticVideo) -> Iterator[cv2.VideoWriter]:
    """A video writer that is always closed."""
    codec = cv2.VideoWriter.fourcc(*_CODECS[path.suffix.lower()])
    size = (video.width_px, video.height_px)
    writer = cv2.VideoWriter(str(temporary), codec, video.fps_hz, size)
    try:
        if not writer.isOpened():
            raise UserError(
                f"Cannot write a video to {path}; choose a folder that can be written, "
                "or another suffix if this OpenCV lacks the codec."
            )
        yield writer
    finally:
        writer.release()


@contextmanager
def _atomic_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that replaces `folder` if the block succeeds."""
    temporary = Path(tempfile.mkdtemp(prefix=temporary_name(folder.name), dir=folder.parent))
    try:
        yield temporary
        # Only the owner can read a folder from mkdtemp.
        temporary.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_mask(path: Path, mask: GreyImage) -> None:
    _, data = cv2.imencode(".png", mask * 255)
    path.write_bytes(data.tobytes())
