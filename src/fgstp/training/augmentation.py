"""Augmentation of training samples, and resizing to the size of the network.

Grey frames are augmented at their own size, with the definitions of Pillow's enhancement
operations, which FGSTP's published code applies to three equal channels.
"""

import copy
from functools import partial

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from fgstp.footage.packed_masks import VOID
from fgstp.training.settings import AugmentationSettings

Frames = NDArray[np.uint8]
SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13
LEVELS = np.arange(256, dtype=np.float32)


def prepared(
    frames: Frames,
    labels: Frames,
    rng: np.random.Generator,
    *,
    settings: AugmentationSettings,
    size: tuple[int, int],
) -> tuple[Tensor, Tensor]:
    """Augment frames and masks of a sample as `augmented` does, and resize them to (h, w).

    Args:
        frames: (F, H, W) uint8.
        labels: (L, H, W) uint8: 0, 1 for gas, 255 for void.
        rng: random generator of the sample.
        settings: the settings of augmentation.
        size: height and width of the results.

    Returns:
        Frames (F, 1, h, w) and masks (L, 1, h, w), float32 in [0, 1]; what touches void is -1.
    """
    void = labels == VOID
    masks = np.where(void, 0, labels).astype(np.uint8)
    again = copy.deepcopy(rng) if void.any() else None
    frames, masks = augmented(np.asarray(frames), masks, settings, rng)
    ready = resized(frames, *size).unsqueeze(1), resized(masks, *size).unsqueeze(1)
    if again is not None:  # void takes the same way as the masks
        noiseless = settings.model_copy(update={"mask_noise_fraction": 0.0})
        _, void = augmented(frames[:1], void.astype(np.uint8), noiseless, again)
        ready[1][resized(void, *size).unsqueeze(1) > 0] = -1
    return ready


def augmented(
    frames: Frames, masks: Frames, settings: AugmentationSettings, rng: np.random.Generator
) -> tuple[Frames, Frames]:
    """Augment all frames of a sample in the same way, and its masks with them.

    In this order: flip, rotation, brightness, contrast and sharpness of the frames, noise on
    the masks, which is drawn for each mask.

    Args:
        frames: (F, H, W) uint8.
        masks: (L, H, W) uint8, 0/1.
        settings: the settings of augmentation.
        rng: random generator of the sample.

    Returns:
        Frames and masks of the same shapes, uint8; masks are 0 to 255, soft after a rotation.
    """
    masks = 255 * masks
    if not settings.enabled:
        return frames, masks
    if rng.random() < settings.flip_fraction:
        frames, masks = (np.ascontiguousarray(each[..., ::-1]) for each in (frames, masks))
    if rng.random() < settings.rotation_fraction:
        angle = int(rng.integers(*settings.rotation_degrees, endpoint=True))
        frames, masks = rotated(frames, angle), rotated(masks, angle)
    spans = (settings.brightness, settings.contrast, settings.sharpness)
    # One for all frames, or with `per_frame_colour` one for each.
    n_drawn = len(frames) if settings.per_frame_colour else 1
    factors = [[_tenths(span, rng) for span in spans] for _ in range(n_drawn)] * len(frames)
    coloured = [recoloured(frame, *its) for frame, its in zip(frames, factors, strict=False)]
    return np.stack(coloured), _with_noise(masks, settings.mask_noise_fraction, rng)


def resized(pictures: Frames, height_px: int, width_px: int) -> Tensor:
    """(N, H, W) uint8 -> (N, height_px, width_px) float32 in [0, 1]: bilinear, anti-aliased."""
    # In whole levels, as Pillow does: three times as fast as in floating point.
    levels = torch.from_numpy(np.ascontiguousarray(pictures)).unsqueeze(1)
    if levels.shape[-2:] != (height_px, width_px):
        levels = functional.interpolate(
            levels, size=(height_px, width_px), mode="bilinear", antialias=True
        )
    return levels.squeeze(1).float() / 255.0


def rotated(pictures: Frames, degrees: int) -> Frames:
    """Rotate (N, H, W) uint8 counter-clockwise, bicubic; pixels from outside are 0."""
    height, width = pictures.shape[1:]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    turn = partial(cv2.warpAffine, M=matrix, dsize=(width, height), flags=cv2.INTER_CUBIC)
    turned = [turn(np.ascontiguousarray(picture)) for picture in pictures]
    return np.stack(turned).astype(np.uint8, copy=False)


def recoloured(
    frame: Frames, brightness: float = 1, contrast: float = 1, sharpness: float = 1
) -> Frames:
    """Change brightness, contrast and sharpness of a frame (H, W) uint8, in this order.

    A factor of 1 changes nothing; at 0 the frame is black, its mean grey, or blurred.
    """
    if brightness != 1:
        frame = _mapped(frame, blended(np.zeros_like(LEVELS), LEVELS, brightness))
    if contrast != 1:
        grey = np.full_like(LEVELS, int(frame.mean() + 0.5))
        frame = _mapped(frame, blended(grey, LEVELS, contrast))
    if sharpness != 1:
        smooth = np.array(frame)  # the outermost pixels do not change
        smooth[1:-1, 1:-1] = cv2.filter2D(smooth, -1, SMOOTH)[1:-1, 1:-1]
        frame = blended(smooth, frame, sharpness)
    return frame


def blended(base: NDArray[np.number], picture: NDArray[np.number], factor: float) -> Frames:
    """`base + factor (picture - base)`, clipped to [0, 255] and rounded down."""
    base = base.astype(np.float32)
    mixed = base + np.float32(factor) * (picture.astype(np.float32) - base)
    return np.clip(mixed, 0, 255).astype(np.uint8)


def _mapped(frame: Frames, levels: Frames) -> Frames:
    """Map the levels of a frame by a table (256,)."""
    return np.asarray(cv2.LUT(np.ascontiguousarray(frame), levels), np.uint8)


def _tenths(span: tuple[float, float], rng: np.random.Generator) -> float:
    """A multiple of 0.1 in a range."""
    low, high = (round(10 * end) for end in span)
    return int(rng.integers(low, high, endpoint=True)) / 10


def _with_noise(masks: Frames, fraction: float, rng: np.random.Generator) -> Frames:
    """Salt and pepper on masks (L, H, W) 0 to 255; a pixel may be drawn more than once."""
    noisy = np.array(masks)
    for mask in noisy.reshape(len(noisy), -1):
        pixels = rng.integers(mask.size, size=int(fraction * mask.size))
        mask[pixels] = 255 * rng.integers(2, size=len(pixels))
    return noisy
