"""Regions as masks, from which training data can be made."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from fgstp.core.files import make_folder, remove_others, user_error_if_denied
from fgstp.detection.report import DetectionReport
from fgstp.detection.result import Result, Writer
from fgstp.detection.states import BLIND
from fgstp.footage.frame_sources import PictureSequence, frames_of
from fgstp.footage.timing import Timing

BILEVEL = (cv2.IMWRITE_PNG_BILEVEL, 1)


@contextmanager
def mask_pictures(report: DetectionReport, folder: Path) -> Iterator[Writer]:
    """Begin the folder `<video>_masks` of black and white PNG; yields what takes results.

    The source `folder` of ingest takes it for the masks of the video, once it lies beside it. A
    picture that is not fit for detection gets no mask, which would say that it holds no gas.

    Args:
        report: of the same footage.
        folder: where the folder of masks is written; masks that it holds are replaced.

    Raises:
        UserError: it cannot be written.
    """
    source = Path(report.source)
    masks = folder / f"{source.stem}_masks"
    name_of = _names(source)
    make_folder(masks)
    remove_others(masks, [".png"], kept=())

    def take(result: Result) -> None:
        if result.state not in BLIND:
            _, data = cv2.imencode(".png", result.region.astype("uint8") * 255, BILEVEL)
            path = masks / f"{name_of(result.number)}.png"
            with user_error_if_denied(f"write {path}"):
                path.write_bytes(data.tobytes())

    yield take


def _names(source: Path) -> Callable[[int], str]:
    """Names by the number of the frame, from 0, as `fgstp.footage.numbering` understands them."""
    frames = frames_of(source)
    if isinstance(frames, PictureSequence) and len(frames.files) > 1:
        return lambda number: frames.files[number].stem
    timing: Timing | None = frames.timing
    if timing is not None and timing.has_gaps and timing.is_even:
        slots = timing.slots
        return lambda number: f"{slots[number]:06d}"
    return lambda number: f"{number:06d}"
