from itertools import product

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance

from fgstp.training.augmentation import augmented, prepared, recoloured, resized, rotated
from fgstp.training.settings import AugmentationSettings

UNCHANGED = {"flip_fraction": 0, "rotation_fraction": 0, "mask_noise_fraction": 0} | dict.fromkeys(
    ("brightness", "contrast", "sharpness"), (1.0, 1.0)
)


@pytest.fixture(scope="module")
def frame():
    """Soft shapes and noise over the whole range of levels."""
    rng = np.random.default_rng(0)
    soft = cv2.GaussianBlur(rng.uniform(0, 255, (48, 64)).astype(np.float32), (0, 0), 3)
    soft = (soft - soft.min()) / np.ptp(soft) * 255 + rng.normal(0, 12, soft.shape)
    return np.clip(soft, 0, 255).astype(np.uint8)


def three_channels(frame):
    return Image.fromarray(np.stack([frame] * 3, axis=-1))


def one_channel(image):
    array = np.asarray(image)
    assert (array == array[..., :1]).all()
    return array[..., 0]


@pytest.mark.parametrize(
    ("name", "operation", "factors"),
    [
        ("brightness", ImageEnhance.Brightness, np.arange(5, 16) / 10),
        ("contrast", ImageEnhance.Contrast, np.arange(5, 16) / 10),
        ("sharpness", ImageEnhance.Sharpness, np.arange(0, 31) / 10),
    ],
)
def test_each_enhancement_is_pillows_on_three_equal_channels(frame, name, operation, factors):
    for factor, picture in product(factors, (frame, 255 - frame, frame // 2, frame // 3)):
        theirs = one_channel(operation(three_channels(picture)).enhance(factor))
        np.testing.assert_array_equal(
            recoloured(picture, **{name: factor}), theirs, f"{name} {factor}"
        )


def test_enhancements_follow_in_pillows_order_and_saturation_changes_nothing(frame):
    factors = [(1.4, 0.6, 1.7, 2.5), (0.5, 1.5, 0.0, 0.0), (1.5, 1.3, 0.4, 1.1)]
    for brightness, contrast, saturation, sharpness in factors:
        image = ImageEnhance.Brightness(three_channels(frame)).enhance(brightness)
        image = ImageEnhance.Contrast(image).enhance(contrast)
        image = ImageEnhance.Color(image).enhance(saturation)
        image = ImageEnhance.Sharpness(image).enhance(sharpness)
        ours = recoloured(frame, brightness, contrast, sharpness)
        np.testing.assert_array_equal(ours, one_channel(image))


@pytest.mark.parametrize("angle", [-15, 9, 14])
def test_rotation_is_pillows_within_a_few_levels(angle):
    rng = np.random.default_rng(1)
    smooth = cv2.GaussianBlur(rng.uniform(0, 255, (60, 90)).astype(np.float32), (0, 0), 4)
    smooth = ((smooth - smooth.min()) / np.ptp(smooth) * 255).astype(np.uint8)
    theirs = np.asarray(Image.fromarray(smooth).rotate(angle, Image.Resampling.BICUBIC))
    inside = np.asarray(Image.fromarray(np.full_like(smooth, 255)).rotate(angle))
    inside = cv2.copyMakeBorder(inside, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=0)
    inside = cv2.erode(inside, np.ones((7, 7), np.uint8))[3:-3, 3:-3] > 0
    assert inside.mean() > 0.7
    difference = np.abs(rotated(smooth[None], angle)[0].astype(int) - theirs)[inside]
    assert difference.max() <= 3
    # Pillow drops fractions, half a level in the mean; half a pixel beside would be 0.85.
    assert difference.mean() < 0.6


def test_rotation_fills_with_zeros():
    turned = rotated(np.full((1, 40, 40), 200, np.uint8), 14)[0]
    assert turned[0, 0] == turned[-1, 0] == turned[0, -1] == turned[-1, -1] == 0
    assert turned[20, 20] == 200


@pytest.mark.parametrize("size", [(88, 96), (32, 32), (96, 24), (48, 64)])
def test_resizing_is_pillows(frame, size):
    theirs = Image.fromarray(frame).resize(size[::-1], Image.Resampling.BILINEAR)
    ours = resized(frame[None], *size)
    assert ours.shape == (1, *size)
    assert np.abs(255 * ours[0].numpy() - np.asarray(theirs)).max() <= 1.001


@pytest.mark.parametrize("settings", [{"enabled": False}, UNCHANGED], ids=["none", "no change"])
def test_without_augmentation_only_the_masks_are_scaled(frame, settings):
    frames, masks = np.stack([frame] * 3), np.stack([frame > 128]).astype(np.uint8)
    same, scaled = augmented(
        frames, masks, AugmentationSettings(**settings), np.random.default_rng(0)
    )
    np.testing.assert_array_equal(same, frames)
    np.testing.assert_array_equal(scaled, 255 * masks)


def test_frames_and_masks_move_together():
    shape = np.zeros((40, 50), np.uint8)
    shape[5:20, 8:40] = 1
    settings = AugmentationSettings(**UNCHANGED | {"flip_fraction": 0.5, "rotation_fraction": 0.5})
    seen = set()
    for seed in range(24):
        rng = np.random.default_rng(seed)
        frames, masks = augmented(np.stack([255 * shape] * 4), shape[None], settings, rng)
        for each in (*frames, *masks):
            np.testing.assert_array_equal(each, frames[0])
        seen.add(frames.tobytes())
    assert len(seen) > 8


def test_a_window_has_one_colour_unless_each_frame_is_to_have_its_own(frame):
    frames, masks = np.stack([frame] * 4), np.zeros((2, *frame.shape), np.uint8)
    rng = np.random.default_rng(0)
    for _ in range(5):
        same, _ = augmented(frames, masks, AugmentationSettings(), rng)
        assert all((each == same[0]).all() for each in same)
        own, _ = augmented(frames, masks, AugmentationSettings(per_frame_colour=True), rng)
        assert len({each.tobytes() for each in own}) > 1


def test_noise_falls_on_the_masks_alone_on_each_by_itself_and_after_the_rotation():
    frames = np.full((4, 100, 100), 90, np.uint8)
    settings = AugmentationSettings(
        **UNCHANGED
        | {"mask_noise_fraction": 0.01, "rotation_fraction": 1, "rotation_degrees": (9, 9)}
    )
    rngs, empty = map(np.random.default_rng, range(20)), np.zeros((3, 100, 100), np.uint8)
    noisy = [augmented(frames, empty, settings, rng) for rng in rngs]
    for same, masks in noisy:
        assert (same == same[0]).all()
        assert set(np.unique(masks)) == {0, 255}  # a rotation afterwards would soften it
        assert len({mask.tobytes() for mask in masks}) == 3
    # 100 pixels a mask are drawn, half of them salt; few are drawn twice.
    assert np.mean([(masks > 0).sum() / 3 for _, masks in noisy]) == pytest.approx(50, rel=0.06)
    _, noisy = augmented(
        frames,
        np.ones((1, 100, 100), np.uint8),
        settings.model_copy(update={"rotation_fraction": 0}),
        np.random.default_rng(0),
    )
    assert (noisy == 0).sum() == pytest.approx(50, rel=0.3)  # the other half takes gas away


def test_the_draws_have_the_published_shares_and_spans():
    shape = np.zeros((1, 31, 31), np.uint8)
    shape[0, 3:9, 4:20] = 1
    frames = np.repeat(255 * shape, 3, axis=0)
    flips = AugmentationSettings(**UNCHANGED | {"flip_fraction": 0.5})
    rotations = AugmentationSettings(**UNCHANGED | {"rotation_fraction": 0.2})
    rng = np.random.default_rng(0)
    outcomes = [augmented(frames, shape, flips, rng)[0][0] for _ in range(400)]
    mirrored = sum((each == frames[0][:, ::-1]).all() for each in outcomes)
    assert mirrored + sum((each == frames[0]).all() for each in outcomes) == 400
    assert 160 <= mirrored <= 240

    expected = {rotated(frames[:1], angle)[0].tobytes(): angle for angle in range(-15, 15)}
    outcomes = [augmented(frames, shape, rotations, rng)[0][0].tobytes() for _ in range(2000)]
    angles = [expected[each] for each in outcomes]  # nothing else than these angles
    assert 320 <= sum(angle != 0 for angle in angles) <= 460
    assert {-15, 14} <= set(angles)

    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    bright = AugmentationSettings(**UNCHANGED | {"brightness": (0.5, 1.5)})
    seen = {augmented(ramp, np.zeros_like(ramp), bright, rng)[0].tobytes() for _ in range(200)}
    every = {recoloured(ramp[0], f / 10).tobytes() for f in range(5, 16)}
    assert seen == every


@pytest.mark.parametrize("enabled", [False, True])
def test_void_goes_the_way_of_the_masks(enabled):
    labels = np.zeros((2, 48, 64), np.uint8)
    labels[:, 8:24, 8:32] = 1
    labels[0, 24:40, 8:32] = 255
    frames = np.where(labels[:1] == 255, 200, 60).astype(np.uint8).repeat(3, 0)
    settings = AugmentationSettings(
        enabled=enabled,
        flip_fraction=1.0,
        rotation_fraction=1.0,
        brightness=(1.0, 1.0),
        contrast=(1.0, 1.0),
        sharpness=(1.0, 1.0),
    )
    shown, masks = prepared(
        frames, labels, np.random.default_rng(3), settings=settings, size=(24, 32)
    )
    bright = shown[0] > 130 / 255
    assert (masks[0][bright] == -1).all()  # what touches void is void
    assert 0 < bright.sum() <= (masks[0] == -1).sum() < 2 * bright.sum()
    assert not (masks[1] < 0).any()
    without = np.where(labels == 255, 0, labels)
    _, plain = prepared(frames, without, np.random.default_rng(3), settings=settings, size=(24, 32))
    torch.testing.assert_close(masks[1], plain[1])  # the same is drawn
