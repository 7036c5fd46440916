"""The picture of the camera, with what a detector says about it."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fgstp.core.wording import clock
from fgstp.detection.events import Box, Event
from fgstp.detection.regions import outlines
from fgstp.detection.report import DetectionReport
from fgstp.detection.result import Result, Writer
from fgstp.detection.wording import TOLD
from fgstp.footage.encoding import encoded_video

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

FORMATS = ("webm", "mp4")
OVERLAYS = tuple(f"overlay.{each}" for each in FORMATS)
NARROWEST_PX, WIDEST_PX = 640, 1280
# Blue, green, red; distinct for colour-blind readers.
LEAK: Colour = (0, 110, 255)
CANDIDATE: Colour = (66, 228, 240)
LIGHT: Colour = (235, 235, 235)
QUIET: Colour = (160, 160, 160)
DARK: Colour = (24, 24, 24)
FONT, SIZE = cv2.FONT_HERSHEY_SIMPLEX, 0.5
BAR_PX, MARGIN_PX, BASE_PX = 28, 8, 19  # height of the bar, its margins, and its line of text
CROSS_PX, GAP_PX = 9, 3


@contextmanager
def overlay_video(report: DetectionReport, folder: Path, suffix: str = "webm") -> Iterator[Writer]:
    """Open the video `overlay.webm` or `overlay.mp4`; yields what takes results.

    Args:
        report: of the same footage.
        folder: where it is written.
        suffix: `webm` (VP9) or `mp4` (H.264).

    Raises:
        UserError: the encoder is missing, or the file cannot be written.
    """
    with encoded_video(folder / f"overlay.{suffix}") as append:
        yield lambda result: append(drawn(result, len(report.events)), result.time_s)


def drawn(result: Result, n_events: int) -> Picture:
    """A frame with outlines of its regions, and a bar beneath it with time, state and events.

    Regions of events are orange, and those that have raised no alarm yellow. A cross marks the
    source of an event, and a label its number and its confidence. Narrow footage is magnified, so
    that text can be read and hides little.

    Args:
        result: what is known of the frame.
        n_events: number of events so far.

    Returns:
        (H, W, 3) uint8, BGR, 640 to 1280 columns wide; both sides are even.
    """
    height, width = result.frame.shape
    scale = _scale(width)
    size = 2 * round(width * scale / 2), 2 * round(height * scale / 2)
    how = cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA
    picture = np.empty((size[1] + BAR_PX, size[0], 3), np.uint8)
    view = picture[: size[1]]
    cv2.cvtColor(cv2.resize(result.frame, size, interpolation=how), cv2.COLOR_GRAY2BGR, dst=view)
    for outline in outlines(result.region):
        is_leak = any(_touch(cv2.boundingRect(outline), event.box) for event in result.events)
        corners = np.rint((outline + 0.5) * scale).astype(np.int32)
        cv2.polylines(view, [corners], True, LEAK if is_leak else CANDIDATE, 1, cv2.LINE_AA)
    for event in result.events:
        _mark(view, event, scale)
    _tell(picture[size[1] :], result, n_events)
    return picture


def _scale(width: int) -> float:
    if width < NARROWEST_PX:
        return math.ceil(NARROWEST_PX / width)
    return min(1.0, WIDEST_PX / width)


def _touch(one: Sequence[int], other: Box) -> bool:
    return all(
        one[side] < other[side] + other[side + 2] and other[side] < one[side] + one[side + 2]
        for side in (0, 1)
    )


def _mark(view: Picture, event: Event, scale: float) -> None:
    """Draw a cross at the source of an event, and its number and confidence beside it."""
    x, y = (round(each * scale) for each in event.source_xy)
    for colour, thickness in ((DARK, 3), (LEAK, 1)):
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            begin, end = (x + GAP_PX * dx, y + GAP_PX * dy), (x + CROSS_PX * dx, y + CROSS_PX * dy)
            cv2.line(view, begin, end, colour, thickness)
    text = f"{event.number}: {event.confidence:.2f}"
    (width, height), _ = cv2.getTextSize(text, FONT, SIZE, 1)
    left = x + CROSS_PX if x + CROSS_PX + width < view.shape[1] else x - CROSS_PX - width
    bottom = y + CROSS_PX + height if y + CROSS_PX + height < view.shape[0] else y - CROSS_PX
    cv2.rectangle(view, (left - 3, bottom - height - 3), (left + width + 3, bottom + 4), DARK, -1)
    cv2.putText(view, text, (left, bottom), FONT, SIZE, LEAK, 1, cv2.LINE_AA)


def _tell(bar: Picture, result: Result, n_events: int) -> None:
    """Write the time and the state to the left, the number of events to the right."""
    bar[:] = DARK
    time = clock(result.time_s)
    events = f"{n_events} event" + ("" if n_events == 1 else "s")
    state_colour = QUIET if result.state == "watching" else CANDIDATE
    for left, text, colour in (
        (MARGIN_PX, time, LIGHT),
        (3 * MARGIN_PX + _width(time), TOLD[result.state], state_colour),
        (bar.shape[1] - MARGIN_PX - _width(events), events, LEAK if result.events else QUIET),
    ):
        cv2.putText(bar, text, (left, BASE_PX), FONT, SIZE, colour, 1, cv2.LINE_AA)


def _width(text: str) -> int:
    return int(cv2.getTextSize(text, FONT, SIZE, 1)[0][0])
