"""Make the pictures of predictions from synthetic footage: `python docs/prediction.py`."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgstp import SyntheticVideo
from fgstp.models.loading import find_model
from fgstp.models.predictor import VideoPredictor

HERE = Path(__file__).parent
MODELS = {"wisp": "WISP (wisp-1)", "background": "background subtraction"}
SCENES = (("close_complex", 1, 150), ("medium_clear", 57, 150), ("long_complex", 18, 150))
N_FRAMES, STEP = 160, 2  # of the first scene, from its beginning
FIRST_ANIMATED = 60
GREY_LEVELS, COLOUR_LEVELS = 64, 24  # of the animation
GAS_RGB, TRUTH_RGB = (255, 150, 0), (80, 220, 120)
BAR_PX = 20
Picture = NDArray[np.uint8]


def main() -> None:
    """Write the animation of the first scene, and a picture with a row a scene."""
    rows = list(scene(*SCENES[0][:2], N_FRAMES))
    colours = palette()
    shown = [
        Image.fromarray(row).quantize(palette=colours, dither=Image.Dither.NONE)
        for row in rows[FIRST_ANIMATED::STEP]
    ]
    shown[0].save(
        HERE / "prediction.gif", save_all=True, append_images=shown[1:], duration=133, loop=0
    )
    stills = [
        next(islice(scene(category, seed, number + 1), number, None))
        for category, seed, number in SCENES
    ]
    Image.fromarray(np.vstack(stills)).save(HERE / "predictions.png", optimize=True)


def palette() -> Image.Image:
    """Greys, and shades of the two colours, which a palette by frequency would lose."""
    shades = [np.linspace(0, 1, n)[:, None] for n in (GREY_LEVELS, COLOUR_LEVELS, COLOUR_LEVELS)]
    hues = ((255, 255, 255), GAS_RGB, TRUTH_RGB)
    levels = np.vstack([shade * hue for shade, hue in zip(shades, hues, strict=True)])
    image = Image.new("P", (1, 1))
    image.putpalette(np.rint(levels).astype(np.uint8).tobytes())
    return image


def scene(category: str, seed: int, n_frames: int) -> Iterator[Picture]:
    """Truth and predictions beside each other, for each frame: (H, 3 W, 3) uint8."""
    video = SyntheticVideo(category, seed, n_frames=n_frames)
    frames = list(video)
    greys = np.stack([frame.grey for frame in frames])
    found = [regions(find_model(name), greys) for name in MODELS]
    for frame, *masks in zip(frames, *found, strict=True):
        panels = [titled(frame.grey, frame.mask, TRUTH_RGB, "truth: visible gas")]
        panels += [
            titled(frame.grey, mask, GAS_RGB, title)
            for mask, title in zip(masks, MODELS.values(), strict=True)
        ]
        yield np.hstack(panels)


def regions(model: VideoPredictor, frames: Picture) -> NDArray[np.uint8]:
    """What a model takes for gas, at a probability of one half: (T, H, W) uint8, 0/1."""
    return (model.predict(frames, fps_hz=15.0) >= 0.5).astype(np.uint8)


def titled(grey: Picture, mask: Picture, colour: tuple[int, int, int], title: str) -> Picture:
    """The picture with outlines of a mask, below a bar with a title."""
    view = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(view, outlines, -1, colour, 1, cv2.LINE_AA)
    bar = np.zeros((BAR_PX, view.shape[1], 3), np.uint8)
    cv2.putText(bar, title, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
    return np.vstack([bar, view])


if __name__ == "__main__":
    main()
