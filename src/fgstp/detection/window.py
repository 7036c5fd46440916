"""A window that shows what a detector sees."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from fgstp.core.errors import UserError
from fgstp.detection.overlay import drawn
from fgstp.detection.report import DetectionReport
from fgstp.detection.result import Result, Writer

STOPS = frozenset({ord("q"), 27})  # 27 is escape
NO_WINDOW = "A window cannot be shown here ({}); leave out --show, and see the video of --save."


@contextmanager
def window(report: DetectionReport, folder: Path) -> Iterator[Writer]:
    """Open a window; yields what shows results. The keys q and escape stop, as Ctrl-C does.

    Raises:
        UserError: there is no display.
    """
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):  # OpenCV would end the process
        raise UserError(NO_WINDOW.format("there is no display"))
    title = report.name

    def take(result: Result) -> None:
        cv2.imshow(title, drawn(result, len(report.events)))
        if cv2.waitKey(1) & 0xFF in STOPS:
            raise KeyboardInterrupt

    try:
        cv2.namedWindow(title)
    except cv2.error as error:
        raise UserError(NO_WINDOW.format("this OpenCV has no windows")) from error
    try:
        yield take
    finally:
        cv2.destroyWindow(title)
