"""Writing a synthetic video, its masks and its ground truth to disk."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from fgstp.core.errors import UserError
from fgstp.core.files import atomic_path, write_text
from fgstp.core.folders import atomic_folder
from fgstp.core.progress import ProgressBar
from fgstp.plumes.fields import GreyImage
from fgstp.plumes.video import SyntheticVideo

# FFV1 is lossless; every player can show mp4v.
_CODECS = {".avi": "FFV1", ".mkv": "FFV1", ".mp4": "mp4v"}


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
    with atomic_path(path) as temporary, atomic_folder(masks) as masks_folder:
        with _writer(temporary, path, video) as writer:
            frames = ProgressBar(video, total=video.n_frames, unit=" frames", desc=path.name)
            for i, frame in enumerate(frames):
                writer.write(cv2.cvtColor(frame.grey, cv2.COLOR_GRAY2BGR))
                _write_mask(masks_folder / f"{i:06d}.png", frame.mask)
                leak_classes.append(frame.leak_class)
                leak_rates_g_per_h.append(frame.leak_rate_g_per_h)
        conditions = video.conditions
        facts = {
            "category": video.category,
            "seed": video.seed,
            "conditions": conditions if isinstance(conditions, str) else conditions.model_dump(),
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


def _write_mask(path: Path, mask: GreyImage) -> None:
    _, data = cv2.imencode(".png", mask * 255)
    path.write_bytes(data.tobytes())
