"""Samples of all kinds, their order, and the loaders."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.footage.clip_table import ClipRow
from fgstp.models.blocks.frames import network_input, normalised
from fgstp.models.blocks.triples import OFFSETS_FRAMES
from fgstp.models.sampling import Batch, FlowPairs, SampleKey, SpreadFrames, Windows
from fgstp.models.settings import NormalisationSettings, OptimisationSettings
from fgstp.training.data import (
    SampleOrder,
    collated,
    n_workers,
    one_opencv_thread,
    plan_of,
    train_loader,
    validation_loader,
)
from fgstp.training.processes import Rank
from fgstp.training.settings import AugmentationSettings, TrainSettings


def key(start, n_targets=1, seed=1, progress=0.0):
    return SampleKey(0, range(start, start + n_targets), (seed,), progress)


def frame_numbers(sample):
    """The number that each frame is filled with."""
    frames = 255 * sample.frames
    assert (frames == frames[..., :1, :1]).all()
    return frames[:, 0, 0, 0].round().int().tolist()


@pytest.mark.parametrize("mode", ["centred", "forward", "causal"])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_a_window_has_its_targets_their_masks_and_their_neighbours(
    clips, numbered, mode, n_targets
):
    name = numbered(7)
    samples = clips.samples(Windows(OFFSETS_FRAMES[mode]), (6, 8))
    alone = clips.samples(Windows(), (6, 8))
    for start in range(7 - n_targets + 1):
        window, targets = samples[key(start, n_targets)], range(start, start + n_targets)
        assert window.clips == name
        assert len(window.frames) == n_targets + 2  # each frame once
        numbers = np.array(frame_numbers(window))
        expected = [
            [min(max(t + offset, 0), 6) for offset in (0, *OFFSETS_FRAMES[mode])] for t in targets
        ]
        assert numbers[window.targets].tolist() == expected
        # The mask of frame n has its gas in column n % 8 of row 0.
        assert window.masks.shape == (n_targets, 1, 6, 8)
        assert window.masks.sum() == n_targets
        assert window.masks[:, 0, 0].argmax(1).tolist() == list(targets)
        plain = alone[key(start, n_targets)]
        assert frame_numbers(plain) == list(targets)
        assert plain.targets.flatten().tolist() == list(range(n_targets))


def test_targets_of_sparse_footage_are_annotated_frames_with_neighbours_that_are_not(
    sparse, numbered
):
    numbered(30)
    samples = sparse.samples(Windows((-1, 1)), (6, 8))
    assert samples.n_targets_of_clips() == [6]
    window = samples[key(2, 3)]
    numbers = np.array(frame_numbers(window))
    assert numbers.tolist() == [9, 10, 11, 14, 15, 16, 19, 20, 21]
    assert numbers[window.targets].tolist() == [[10, 9, 11], [15, 14, 16], [20, 19, 21]]
    assert window.masks[:, 0, 0].argmax(1).tolist() == [10 % 8, 15 % 8, 20 % 8]
    spread = sparse.samples(SpreadFrames(3, ((0.0, 2),)), (6, 8))
    found = {number for seed in range(20) for number in frame_numbers(spread[key(0, 3, seed)])}
    assert found == {0, 5, 10, 15, 20}


def test_windows_of_sparse_and_dense_footage_make_a_batch():
    dense, sparse = (
        Batch(torch.arange(n).float().view(n, 1, 1, 1), torch.zeros(3, 1, 1, 1), torch.zeros(3, 3))
        for n in (5, 9)
    )
    frames = collated([dense, sparse]).frames.flatten(1)
    assert frames.tolist() == [[0, 1, 2, 3, 4, 4, 4, 4, 4], list(range(9))]


def test_a_batch_is_what_the_network_gets_at_inference(clips):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (6, 40, 56)).astype(np.uint8)
    clips.add(frames, (frames > 128).astype(np.uint8))
    samples = clips.samples(Windows((-1, 1)), (32, 64))
    batch = collated([samples[key(start, 2)] for start in (1, 3)])
    assert batch.frames.shape == (2, 4, 1, 32, 64)
    assert batch.masks.shape == (2, 2, 1, 32, 64)
    assert batch.targets.tolist() == [[[1, 0, 2], [2, 1, 3]]] * 2
    imagenet = NormalisationSettings()
    expected = network_input(torch.from_numpy(frames), 32, 64, imagenet)
    for start, window in zip((1, 3), batch.frames, strict=True):
        # Up to the rounding of a level in both directions, by ImageNet's smallest deviation.
        found, limit = normalised(window, imagenet), 1.01 / 255 / 0.224
        torch.testing.assert_close(found, expected[start - 1 : start + 3], atol=limit, rtol=0)


@pytest.mark.parametrize("sampling", [Windows((-1, 1)), SpreadFrames(4, ((0.0, 3),))])
def test_the_seed_of_a_sample_decides_its_augmentation(clips, sampling):
    clips.add_blob(20)
    samples = clips.samples(sampling, (24, 32), AugmentationSettings())
    one, again, other = (samples[key(2, 2, seed)] for seed in (5, 5, 6))
    assert torch.equal(one.frames, again.frames)
    assert torch.equal(one.masks, again.masks)
    assert not torch.equal(one.frames, other.frames)


def drawn(clips, progress=0.0, start=5, **sampling):
    """Frame numbers of samples of 40 seeds."""
    values = {"n_frames": 4, "largest_step": ((0.0, 3), (0.5, 1))} | sampling
    samples = clips.samples(SpreadFrames(**values), (6, 8))
    return [frame_numbers(samples[key(start, 4, seed, progress)]) for seed in range(40)]


def test_frames_are_up_to_the_largest_step_apart_and_some_run_backwards(clips, numbered):
    numbered(40)
    found = drawn(clips)
    assert set(np.diff(found, axis=1).flatten()) == {1, 2, 3}
    assert {frames[0] for frames in found} == {5}
    assert len({tuple(frames) for frames in found}) > 10
    assert drawn(clips, progress=0.49) == found
    assert {tuple(frames) for frames in drawn(clips, progress=0.5)} == {(5, 6, 7, 8)}
    backwards = [frames[0] > frames[-1] for frames in drawn(clips, reverse_fraction=0.5)]
    assert 8 <= sum(backwards) <= 32


def test_spread_frames_stay_within_their_clip_and_are_all_targets(clips, numbered):
    numbered(8)
    found = np.array(drawn(clips, start=7))
    assert (found.min() >= 0, found.max()) == (True, 7)
    # Only steps of 2 at most fit into 8 frames.
    assert set(np.diff(found, axis=1).flatten()) == {1, 2}
    sample = clips.samples(SpreadFrames(4, ((0.0, 3),)), (6, 8))[key(3, 4)]
    assert sample.targets.tolist() == [[0], [1], [2], [3]]
    assert sample.masks[:, 0, 0].argmax(1).tolist() == frame_numbers(sample)


@pytest.mark.parametrize(("attempts", "with_gas"), [(1, 0), (200, 40)])
def test_another_sample_is_drawn_until_the_first_frame_has_gas(clips, attempts, with_gas):
    frames = np.zeros((30, 6, 8), np.uint8) + np.arange(30, dtype=np.uint8)[:, None, None]
    masks = np.zeros_like(frames)
    masks[20:, :2] = 1  # 16 pixels
    clips.add(frames, masks)
    found = drawn(clips, attempts=attempts, first_gas_px=16)
    assert sum(each[0] >= 20 for each in found) == with_gas
    assert all(each[0] == 5 for each in drawn(clips, attempts=1, first_gas_px=17))


class NumberedFeatures:
    """Fields of frame number and gap."""

    def compute(self, frames, numbers):
        for number in numbers:
            fields = np.zeros((4, 2, 3, 5), np.float16)
            fields[:, 0] = frames[number, 0, 0]
            fields[:, 1] = np.reshape(FLOW.gaps_frames, (4, 1, 1))
            yield fields


FLOW = FlowPairs((-2, -1, 1, 2), NumberedFeatures())


def test_a_flow_sample_has_two_different_fields_of_its_frame(clips, numbered):
    name = numbered(9)
    samples = clips.samples(FLOW, (6, 8))
    pairs = set()
    for seed in range(60):
        sample = samples[key(4, seed=seed)]
        assert (sample.clips, sample.frames.shape) == (name, (2, 2, 3, 5))
        assert (sample.frames[:, 0] == 4).all()
        pairs.add(tuple(sample.frames[:, 1, 0, 0].int().tolist()))
    assert len(pairs) == 12
    assert all(one != other for one, other in pairs)
    assert collated([samples[key(start)] for start in (3, 4)]).frames.shape == (2, 2, 2, 3, 5)


@pytest.mark.parametrize("expected", [[2, 2, 2, 3, 4, 5, 6, 6, 6], [1, 1, 1]])
def test_near_the_ends_of_a_clip_a_frame_is_taken_that_has_all_gaps(clips, numbered, expected):
    numbered(len(expected))
    samples = clips.samples(FLOW, (6, 8))
    assert [int(samples[key(n)].frames[0, 0, 0, 0]) for n in range(len(expected))] == expected


def plan(sampling, targets=None, **train):
    own = OptimisationSettings(targets_per_step=targets)
    model = SimpleNamespace(name="some_model", sampling=sampling, optimisation=own)
    return plan_of(model, TrainSettings(**train))


@pytest.mark.parametrize(
    ("sampling", "targets", "expected"),
    [
        # 90 steps of 8 targets are 720 targets an epoch for all.
        (Windows((-1, 1)), None, (2, 4, 360)),
        (Windows((), n_targets=5), None, (5, 2, 144)),
        (SpreadFrames(8, ((0.0, 3),)), None, (8, 1, 90)),
        (SpreadFrames(8, ((0.0, 3),)), 32, (8, 4, 92)),  # 22.5 steps, a half rounded up
        (FLOW, 16, (1, 16, 720)),
    ],
)
def test_all_models_see_the_same_number_of_targets_an_epoch(sampling, targets, expected):
    found = plan(sampling, targets, window_targets=2, targets_per_step=8, steps_per_epoch=90)
    assert found == expected
    assert plan(sampling).samples_per_epoch is None


def test_a_step_has_the_nearest_whole_number_of_windows():
    for targets, window, expected in [(6, 4, 2), (5, 4, 1), (1, 4, 1), (10, 4, 3), (6, 1, 6)]:
        found = plan(Windows(), targets_per_step=targets, window_targets=window)
        assert found.samples_per_step == expected


@pytest.mark.parametrize("parts", [{"devices": 2}, {"accumulate_grad_batches": 2}])
def test_a_step_must_be_divisible(parts):
    with pytest.raises(UserError, match=r"some_model has 1 samples of 8 frames.* multiple of 16"):
        plan(SpreadFrames(8, ((0.0, 3),)), targets_per_step=8, **parts)


def epoch_of(order, epoch):
    order.set_epoch(epoch)
    return list(order)


def targets_of(keys):
    return [(key.clip, target) for key in keys for target in key.targets]


def test_an_epoch_has_every_target_once_and_leaves_out_other_ones_each_time():
    order = SampleOrder([12, 8], 4, seed=1)
    assert len(list(order)) == len(order) == 5
    assert sorted(targets_of(order)) == [(0, i) for i in range(12)] + [(1, i) for i in range(8)]
    order, seen, starts = SampleOrder([11], 4, seed=1), set(), set()
    for epoch in range(12):
        targets = targets_of(epoch_of(order, epoch))
        assert len(targets) == len(set(targets)) == 8
        seen.update(targets)
        starts.add(min(targets))
    assert seen == {(0, i) for i in range(11)}
    assert starts == {(0, i) for i in range(4)}


def test_the_order_depends_on_seed_and_epoch_alone():
    def keys(seed, epoch):
        return epoch_of(SampleOrder([40, 40], 2, seed), epoch)

    assert keys(1, 0) == keys(1, 0)
    assert keys(1, 0) != keys(1, 1) != keys(2, 1)
    starts = [(key.clip, key.targets.start) for key in keys(1, 0)]
    assert starts != sorted(starts)
    epochs = [(seed, epoch) for seed in (1, 2) for epoch in (0, 1, 2)]
    every = epochs + [key.seed for epoch in epochs for key in keys(*epoch)]
    states = {tuple(np.random.default_rng(seed).integers(2**62, size=2)) for seed in every}
    assert len(states) == len(every) == 246  # no two samples are augmented alike


def test_a_short_epoch_takes_other_windows_each_time():
    order = SampleOrder([40], 2, seed=1, limit=5)
    first, second = epoch_of(order, 0), epoch_of(order, 1)
    assert len(first) == len(order) == len(second) == 5
    assert {key.targets for key in first} != {key.targets for key in second}
    assert len(SampleOrder([40], 2, seed=1, limit=50)) == 20


@pytest.mark.parametrize(("n_processes", "limit"), [(2, None), (3, None), (2, 12)])
def test_processes_divide_the_samples_of_each_step(n_processes, limit):
    whole = SampleOrder([40, 23], 3, 1, limit=limit)
    ranks = [Rank(number, n_processes) for number in range(n_processes)]
    parts = [SampleOrder([40, 23], 3, 1, limit=limit, rank=rank) for rank in ranks]
    for epoch in range(3):
        every, keys = epoch_of(whole, epoch), [epoch_of(part, epoch) for part in parts]
        assert {len(part) for part in keys} == {len(parts[0])}
        assert 0 <= len(every) - n_processes * len(keys[0]) < n_processes
        for step in range(0, len(keys[0]), 2):  # two samples a process
            together = {key for part in keys for key in part[step : step + 2]}
            assert together == set(every[n_processes * step :][: len(together)])


@pytest.mark.parametrize(
    ("targets", "rank", "fact"),
    [([9], Rank(0, 3), "2 samples, too few for 3 processes"), ([3, 2], Rank(), "4 frames")],
)
def test_too_few_samples_are_refused(targets, rank, fact):
    with pytest.raises(UserError, match=fact):
        SampleOrder(targets, 4, seed=1, rank=rank)


def test_workers_give_the_same_samples_as_none(clips):
    for seed in range(2):
        clips.add_blob(6, seed=seed)
    samples = clips.samples(Windows((-1, 1)), (6, 8), AugmentationSettings())
    # Enough work for OpenCV to start its threads, without which a forked process once hung.
    cv2.GaussianBlur(np.zeros((480, 640), np.float32), (0, 0), 3)
    with one_opencv_thread():
        order, more = SampleOrder([6, 6], 2, 1), {"batch_size": 2, "cuda": False}
        alone, helped = (list(train_loader(samples, order, workers=n, **more)) for n in (0, 1))
    assert len(alone) == len(helped) == 3
    for one, two in zip(alone, helped, strict=True):
        assert one.clips == two.clips
        assert torch.equal(one.frames, two.frames)
        assert torch.equal(one.masks, two.masks)


@pytest.mark.parametrize(("n_samples", "expected"), [(6, [3, 3]), (7, [3, 3]), (8, [3, 3, 2])])
def test_a_last_batch_of_one_sample_is_left_out(clips, numbered, n_samples, expected):
    numbered(n_samples)
    order = SampleOrder([n_samples], 1, 1)
    samples = clips.samples(Windows(), (6, 8))
    loader = train_loader(samples, order, batch_size=3, workers=0, cuda=False)
    assert [len(batch.clips) for batch in loader] == expected


@pytest.mark.parametrize(("n_clips", "n_processes"), [(5, 1), (6, 2), (5, 2), (1, 3)])
def test_processes_divide_the_clips_of_validation(n_clips, n_processes):
    clips = [ClipRow(f"V_{i}", "V", 4 * i, 4, 4, "", "annotated") for i in range(n_clips)]
    ranks = [Rank(number, n_processes) for number in range(n_processes)]
    parts = [list(validation_loader(clips, rank)) for rank in ranks]
    assert len({len(part) for part in parts}) == 1
    assert {clip for part in parts for clip in part} == set(clips)
    assert sum(map(len, parts)) < n_clips + n_processes


def test_workers_are_for_gpus_unless_asked_for():
    assert n_workers(None, 1, cuda=False) == 0
    assert 1 <= n_workers(None, 1, cuda=True) <= 8
    assert n_workers(3, 1, cuda=False) == 3
    assert n_workers(None, 10**6, cuda=True) == 1
