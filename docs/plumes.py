"""Make the pictures of the documentation from synthetic footage: `python docs/plumes.py`."""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgstp.plumes import PlumeFrame, SyntheticVideo
from fgstp.reporting.ingest import panels

HERE = Path(__file__).parent
CATEGORY, SEED = "medium_clear", 57
FIRST_FRAME, LAST_FRAME, STEP = 100, 160, 2
GREY_LEVELS = 96
STILLS = (
    ("close_clear", 26, 150, "demo"),
    ("long_complex", 18, 20, "wide"),
    ("close_complex", 12, 20, "wide"),
)
GAIN = 6.0


def main() -> None:
    """Write the animation and the picture."""
    video = SyntheticVideo(CATEGORY, SEED, n_frames=LAST_FRAME)
    shown = [side_by_side(frame) for frame in islice(video, FIRST_FRAME, None, STEP)]
    pictures = [Image.fromarray(picture).quantize(GREY_LEVELS) for picture in shown]
    pictures[0].save(
        HERE / "plume.gif", save_all=True, append_images=pictures[1:], duration=133, loop=0
    )
    rows = [still(*arguments) for arguments in STILLS]
    cv2.imwrite(str(HERE / "plumes.png"), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def side_by_side(frame: PlumeFrame) -> NDArray[np.uint8]:
    """The picture of the camera, and the same with the outline of the gas: (H, 2 W, 3) uint8."""
    grey, outlined, _ = panels(frame.grey, frame.grey, frame.mask, GAIN)
    return np.hstack([cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), outlined])


def still(category: str, seed: int, number: int, conditions: str) -> NDArray[np.uint8]:
    """Frame, outline and difference to the next frame: (H, 3 W, 3) uint8."""
    video = SyntheticVideo(category, seed, n_frames=number + 2, conditions=conditions)
    frame, after = islice(video, number, None)
    grey, outlined, difference = panels(frame.grey, after.grey, frame.mask, GAIN)
    greys = [cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB) for picture in (grey, difference)]
    return np.hstack([greys[0], outlined, greys[1]])


if __name__ == "__main__":
    main()
