"""Augmentation of whole sequences of frames, before any statistics are computed."""

import math
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fgstp.core.config import Fraction, Settings
from fgstp.footage.packed_masks import VOID
from fgstp.plumes.fields import log_uniform
from fgstp.plumes.presets import conditions_named
from fgstp.plumes.recorder import Recorder

Frames = NDArray[np.uint8]
Factor = Annotated[float, Field(gt=0, le=10)]
AtLeastOne = Annotated[float, Field(ge=1, le=1000)]
LEVELS = np.arange(256, dtype=np.float32)
N_NOISES = 16  # pictures of noise that are drawn once a sequence, then shifted


class SequenceAugmentationSettings(Settings):
    """How a sequence of frames is changed, all of its frames alike but for noise and shake.

    Attributes:
        enabled: augment sequences at all.
        mirror_fraction: probability of a mirror image.
        invert_fraction: probability that black and white change places, as in `black hot`.
        gain: range of the factor of the contrast about the mean level, log-uniform.
        gamma: range of the exponent of the levels in [0, 1], log-uniform.
        zoom: range of the magnification, log-uniform; what lies outside repeats the border.
        enhance_fraction: probability of the contrast enhancement of many cameras, which draws soft
            halos around what is hot or cold.
        enhance: range of its strength a in f + a (f - blurred f), log-uniform.
        enhance_px: range of the standard deviation of the blur, log-uniform, in pixels.
        haze_fraction: probability of faint and soft changes of large areas, as by thin clouds and
            by the drift of a sensor.
        haze_levels: range of their standard deviation, log-uniform, in grey levels.
        haze_px: range of the standard deviation of the Gaussian that makes them soft, log-uniform.
        haze_frames: range of their correlation time, log-uniform, in frames of the sequence.
        noise_levels: largest standard deviation of temporal noise, in grey levels.
        noise_fraction: probability of added noise, with drifting columns in half of the cases.
        shake_px: largest amplitude of a shake, in pixels.
        shake_fraction: probability of a shake.
        codec_fraction: probability of a round trip through a video encoder.
    """

    enabled: bool = True
    mirror_fraction: Fraction = 0.5
    invert_fraction: Fraction = 0.3
    gain: tuple[Factor, Factor] = (0.6, 1.8)
    gamma: tuple[Factor, Factor] = (0.7, 1.4)
    zoom: tuple[Factor, Factor] = (0.6, 2.0)
    enhance_fraction: Fraction = 0.3
    enhance: tuple[Factor, Factor] = (0.1, 1.0)
    enhance_px: tuple[AtLeastOne, AtLeastOne] = (8.0, 60.0)
    haze_fraction: Fraction = 0.4
    haze_levels: tuple[Factor, Factor] = (0.2, 3.0)
    haze_px: tuple[AtLeastOne, AtLeastOne] = (8.0, 60.0)
    haze_frames: tuple[AtLeastOne, AtLeastOne] = (2.0, 200.0)
    noise_levels: float = Field(3.0, ge=0, le=50)
    noise_fraction: Fraction = 0.4
    shake_px: float = Field(0.5, ge=0, le=20)
    shake_fraction: Fraction = 0.3
    codec_fraction: Fraction = 0.3


def augmented_sequence(
    frames: Frames, labels: Frames, settings: SequenceAugmentationSettings, rng: np.random.Generator
) -> tuple[Frames, Frames]:
    """Change a sequence: mirror, zoom and shake, enhancement, levels, haze, noise, an encoder.

    Args:
        frames: (S, H, W) uint8, in order.
        labels: (L, H, W) uint8 of some of the frames: 0, 1 for gas, 255 for void.
        settings: what is drawn.
        rng: random generator of the sequence.

    Returns:
        Frames and labels of the same shapes and types.
    """
    if not settings.enabled:
        return frames, labels
    if rng.random() < settings.mirror_fraction:
        frames, labels = frames[..., ::-1], labels[..., ::-1]
    frames, labels = _moved(frames, labels, settings, rng)
    if rng.random() < settings.enhance_fraction:
        strength = log_uniform(rng, settings.enhance)
        frames = enhanced(frames, strength, log_uniform(rng, settings.enhance_px))
    table = _levels(float(frames[0].mean()), settings, rng)
    frames = np.asarray(cv2.LUT(np.ascontiguousarray(frames), table))
    if rng.random() < settings.haze_fraction:
        size, sigma_px = log_uniform(rng, settings.haze_levels), log_uniform(rng, settings.haze_px)
        frames = hazy(frames, size, sigma_px, log_uniform(rng, settings.haze_frames), rng)
    if rng.random() < settings.noise_fraction:
        frames = _noisy(frames, settings.noise_levels, rng)
    if rng.random() < settings.codec_fraction:
        frames = _encoded(frames, rng)
    return frames, labels


def _moved(
    frames: Frames, labels: Frames, settings: SequenceAugmentationSettings, rng: np.random.Generator
) -> tuple[Frames, Frames]:
    """Zoom about a random point, with a shake of the frames alone."""
    height, width = frames.shape[1:]
    zoom = log_uniform(rng, settings.zoom)
    margin = np.array([width, height]) * (1 - 1 / zoom)
    corner = rng.random(2) * margin
    shake = np.zeros((len(frames), 2))
    if rng.random() < settings.shake_fraction:
        steps = rng.normal(size=(len(frames), 2)) * rng.uniform(0, settings.shake_px)
        for number in range(1, len(frames)):
            shake[number] = 0.8 * shake[number - 1] + 0.6 * steps[number]
    moved = np.empty_like(frames)
    for number, frame in enumerate(frames):
        matrix = _matrix(zoom, corner + shake[number])
        cv2.warpAffine(
            np.ascontiguousarray(frame),
            matrix,
            (width, height),
            dst=moved[number],
            borderMode=cv2.BORDER_REFLECT_101,
        )
    matrix = _matrix(zoom, corner)
    turned = [
        cv2.warpAffine(
            np.ascontiguousarray(each),
            matrix,
            (width, height),
            flags=cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=VOID,  # reflected gas has no label
        )
        for each in labels
    ]
    return moved, np.stack(turned).astype(np.uint8)


def _matrix(zoom: float, corner: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([[zoom, 0, -zoom * corner[0]], [0, zoom, -zoom * corner[1]]])


def enhanced(frames: Frames, strength: float, sigma_px: float) -> Frames:
    """Enhance the contrast of details: f + strength (f - f * Gaussian), as cameras do.

    Args:
        frames: (S, H, W) uint8.
        strength: of the enhancement.
        sigma_px: standard deviation of the Gaussian, in pixels.
    """
    step = max(1, int(sigma_px / 4))  # the blurred picture has no finer details
    height, width = frames.shape[1:]
    small = max(1, width // step), max(1, height // step)
    made = np.empty_like(frames)
    for number, frame in enumerate(frames):
        coarse = cv2.resize(frame.astype(np.float32), small, interpolation=cv2.INTER_AREA)
        coarse = cv2.GaussianBlur(coarse, (0, 0), sigma_px / step)
        blurred = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
        made[number] = np.clip(np.rint(frame + strength * (frame - blurred)), 0, 255)
    return made


def hazy(
    frames: Frames,
    size_levels: float,
    sigma_px: float,
    memory_frames: float,
    rng: np.random.Generator,
) -> Frames:
    """Add a smooth random field, each point of which is an Ornstein-Uhlenbeck process.

    Args:
        frames: (S, H, W) uint8.
        size_levels: standard deviation, in grey levels.
        sigma_px: standard deviation of the Gaussian that white noise is blurred with, in pixels.
        memory_frames: correlation time.
        rng: random generator.
    """
    step = max(1, int(sigma_px / 4))
    height, width = frames.shape[1:]
    sigma = sigma_px / step
    margin = math.ceil(3 * sigma)  # beyond it, no border of the noise is felt
    shape = math.ceil(height / step) + 2 * margin, math.ceil(width / step) + 2 * margin
    scale = size_levels * 2 * math.pi**0.5 * sigma  # blurred noise has 1 / (2 sqrt(pi) sigma)
    memory = math.exp(-1 / memory_frames)
    rounding = rng.uniform(-0.5, 0.5, (height, width)).astype(np.float32)  # was lost in the levels
    field = np.zeros(shape, np.float32)
    made = np.empty_like(frames)
    for number, frame in enumerate(frames):
        fresh = cv2.GaussianBlur(rng.standard_normal(shape, np.float32), (0, 0), sigma)
        field = memory * field + (1 - memory**2 if number else 1) ** 0.5 * scale * fresh
        inner = np.ascontiguousarray(field[margin:-margin, margin:-margin])
        change = cv2.resize(inner, (width, height), interpolation=cv2.INTER_LINEAR)
        made[number] = np.clip(np.rint(frame + rounding + change), 0, 255)
    return made


def _levels(
    mean: float, settings: SequenceAugmentationSettings, rng: np.random.Generator
) -> Frames:
    """Table (256,) of new levels."""
    gain = log_uniform(rng, settings.gain)
    levels = 255 * (LEVELS / 255) ** log_uniform(rng, settings.gamma)
    if rng.random() < settings.invert_fraction:
        levels, mean = 255 - levels, 255 - mean
    middle = rng.uniform(60, 190) if gain < 1 else mean
    return np.clip(np.rint(middle + gain * (levels - mean)), 0, 255).astype(np.uint8)


def _noisy(frames: Frames, most_levels: float, rng: np.random.Generator) -> Frames:
    shape = frames.shape[1:]
    size = rng.uniform(0, most_levels)
    noises = size * rng.standard_normal((N_NOISES, *shape), dtype=np.float32)
    columns = np.zeros((len(frames), shape[1]), np.float32)
    if rng.random() < 0.5:
        memory, step = rng.uniform(0.9, 0.999), rng.uniform(0, 0.5) * size
        for number in range(1, len(frames)):
            fresh = rng.standard_normal(shape[1], dtype=np.float32)
            columns[number] = memory * columns[number - 1] + step * (1 - memory**2) ** 0.5 * fresh
    noisy = np.empty_like(frames)
    for number, frame in enumerate(frames):
        noise = np.roll(noises[rng.integers(N_NOISES)], rng.integers(shape[1]), axis=1)
        noisy[number] = np.clip(np.rint(frame + noise + columns[number]), 0, 255)
    return noisy


def _encoded(frames: Frames, rng: np.random.Generator) -> Frames:
    """Frames after a round trip through an encoder, as those of synthetic footage under `wide`."""
    recorder = Recorder(rng, conditions_named("wide").camera, frames.shape[1:])
    return np.stack([recorder.record(frame) for frame in frames])
