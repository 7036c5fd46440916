"""Frames and masks as small pictures inside a page."""

import base64
import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgstp.core.templating import data_url

MOST_WIDTH_PX = 320
LEAST_WIDTH_PX = 240  # of pictures that stand alone
PLAYER_QUALITY, PICTURE_QUALITY = 45, 70  # of WebP, 0 to 100
TRUTH, FOUND = (255, 229, 0), (0, 120, 255)  # blue, green, red: cyan and orange
OPACITY = 0.45
Picture = NDArray[np.uint8]


def frame_url(frame: Picture) -> str:
    """A frame, (H, W) uint8, as WebP, at most `MOST_WIDTH_PX` wide."""
    return _webp(_fitted(frame, cv2.INTER_AREA), PLAYER_QUALITY)


def mask_url(mask: NDArray[np.bool_]) -> str:
    """A mask, (H, W), in the size of `frame_url`, as PNG, opaque where it holds, or empty."""
    small = _fitted(mask.astype(np.uint8), cv2.INTER_NEAREST)
    if not small.any():
        return ""
    picture = Image.fromarray(small).convert("P")
    picture.putpalette([0, 0, 0, 255, 255, 255])
    content = io.BytesIO()
    picture.save(content, "PNG", bits=1, transparency=0, optimize=True)
    return data_url(content.getvalue())


def overlay_url(frame: Picture, truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> str:
    """A frame with the found mask in orange and the outline of the truth in cyan, as WebP."""
    scale = max(1, -(-LEAST_WIDTH_PX // frame.shape[1]))
    grey, gas, orange = (
        np.repeat(np.repeat(_fitted(each, how), scale, axis=0), scale, axis=1)
        for each, how in (
            (frame, cv2.INTER_AREA),
            (truth.astype(np.uint8), cv2.INTER_NEAREST),
            (found.astype(np.uint8), cv2.INTER_NEAREST),
        )
    )
    picture = np.repeat(grey[..., None], 3, axis=2).astype(np.float32)
    picture[orange > 0] += OPACITY * (np.array(FOUND, np.float32) - picture[orange > 0])
    drawn = np.ascontiguousarray(picture.round().astype(np.uint8))
    outlines, _ = cv2.findContours(gas, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, outlines, -1, TRUTH, 1)
    return _webp(drawn, PICTURE_QUALITY)


def _fitted(picture: Picture, how: int) -> Picture:
    height, width = picture.shape
    if width <= MOST_WIDTH_PX:
        return np.ascontiguousarray(picture)
    size = (MOST_WIDTH_PX, max(1, round(height * MOST_WIDTH_PX / width)))
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), size, interpolation=how))


def _webp(picture: Picture, quality: int) -> str:
    _, data = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])
    return f"data:image/webp;base64,{base64.b64encode(data.tobytes()).decode('ascii')}"
