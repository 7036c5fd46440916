import numpy as np
import pytest
import torch

from fgstp.models.sampling import SpreadFrames
from fgstp.training.samples import WindowKey
from fgstp.training.settings import AugmentationSettings
from fgstp.training.spread_samples import SpreadSamples

PLAIN = AugmentationSettings(enabled=False)


def samples(clips, **sampling):
    values = {"n_frames": 4, "largest_step": ((0.0, 3), (0.5, 1))} | sampling
    return SpreadSamples(
        clips.store,
        clips.masked(),
        sampling=SpreadFrames(**values),
        size=(6, 8),
        augmentation=PLAIN,
    )


def numbers(window):
    return (255 * window.frames[:, 0, 0]).round().int().tolist()


def drawn(clips, progress=0.0, start=5, **sampling):
    found = samples(clips, **sampling)
    return [numbers(found[WindowKey(0, start, (seed,), progress)]) for seed in range(40)]


def test_frames_lie_up_to_the_largest_step_apart(clips, numbered):
    numbered(40)
    found = drawn(clips)
    steps = np.diff(found, axis=1)
    assert set(steps.flatten()) == {1, 2, 3}
    assert {frames[0] for frames in found} == {5}
    assert len({tuple(frames) for frames in found}) > 10


def test_the_largest_step_changes_with_the_progress(clips, numbered):
    numbered(40)
    assert drawn(clips, progress=0.49) != drawn(clips, progress=0.5)
    assert {tuple(frames) for frames in drawn(clips, progress=0.5)} == {(5, 6, 7, 8)}


def test_a_sample_stays_within_its_clip(clips, numbered):
    numbered(8)
    found = np.array(drawn(clips, start=7))
    assert found.max() == 7
    assert found.min() >= 0
    # Only steps of 2 at most fit into 8 frames.
    assert set(np.diff(found, axis=1).flatten()) == {1, 2}


def test_all_frames_are_targets_with_their_own_masks(clips, numbered):
    name = numbered(20)
    window = samples(clips)[WindowKey(0, 3, (1,))]
    assert window.clip == name
    assert window.triples.tolist() == [[0], [1], [2], [3]]
    gas = window.masks[:, 0].argmax(1).tolist()
    assert gas == [n % 8 for n in numbers(window)]


def test_some_samples_run_backwards(clips, numbered):
    numbered(40)
    found = drawn(clips, reverse_fraction=0.5)
    backwards = [frames[0] > frames[-1] for frames in found]
    assert 8 <= sum(backwards) <= 32
    assert all(drawn(clips, reverse_fraction=1.0)[i][0] > 5 for i in range(5))


@pytest.mark.parametrize(("attempts", "with_gas"), [(1, 0), (200, 40)])
def test_another_sample_is_drawn_until_the_first_frame_has_gas(clips, attempts, with_gas):
    frames = np.zeros((30, 6, 8), np.uint8) + np.arange(30, dtype=np.uint8)[:, None, None]
    masks = np.zeros_like(frames)
    masks[20:, :2] = 1  # 16 pixels
    clips.add(frames, masks)
    found = drawn(clips, attempts=attempts, first_gas_px=16)
    assert sum(each[0] >= 20 for each in found) == with_gas
    assert all(each[0] == 5 for each in drawn(clips, attempts=1, first_gas_px=17))


def test_the_seed_of_a_sample_decides(clips):
    clips.add_blob(20)
    found = SpreadSamples(
        clips.store,
        clips.masked(),
        sampling=SpreadFrames(4, ((0.0, 3),)),
        size=(24, 32),
        augmentation=AugmentationSettings(),
    )
    one, again, other = (found[WindowKey(0, 2, (seed,))] for seed in (1, 1, 2))
    assert torch.equal(one.frames, again.frames)
    assert not torch.equal(one.frames, other.frames)


def test_masks_get_no_noise_since_the_model_is_given_some(clips):
    clips.add_blob(8)
    noisy = AugmentationSettings(mask_noise_fraction=0.5, flip_fraction=0, rotation_fraction=0)
    sampling = SpreadFrames(n_frames=4, largest_step=((0.0, 1),))
    found = SpreadSamples(
        clips.store, clips.masked(), sampling=sampling, size=(24, 32), augmentation=noisy
    )[WindowKey(0, 2, (1,))]
    expected = clips.store.masks("V_0000")[2:6]
    np.testing.assert_array_equal(found.masks.reshape(4, 24, 32), expected)
