import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from fgstp.core.errors import UserError
from fgstp.footage.masked_clips import MaskedClip
from fgstp.models.frames import network_input, normalised
from fgstp.models.neighbours import OFFSETS_FRAMES, neighbours
from fgstp.models.settings import NormalisationSettings
from fgstp.training.loaders import train_loader, validation_loader
from fgstp.training.machine import one_opencv_thread
from fgstp.training.processes import Rank
from fgstp.training.samples import (
    WindowKey,
    WindowOrder,
    WindowSamples,
)
from fgstp.training.settings import AugmentationSettings

PLAIN = AugmentationSettings(enabled=False)


def windows_of(clips, n_targets, mode="centred", size=(6, 8), augmentation=PLAIN):
    found = clips.masked()
    windows = WindowSamples(
        clips.store,
        found,
        n_targets=n_targets,
        offsets=OFFSETS_FRAMES[mode],
        size=size,
        augmentation=augmentation,
    )
    return found, windows


def frame_numbers(window):
    """The number that each frame is filled with."""
    frames = 255 * window.frames
    assert (frames == frames[:, :1, :1]).all()
    return frames[:, 0, 0].round().int().tolist()


@pytest.mark.parametrize(
    ("mode", "start", "frames"),
    [
        ("centred", 3, [2, 3, 4, 5, 6, 7]),
        ("centred", 0, [0, 0, 1, 2, 3, 4]),
        ("centred", 6, [5, 6, 7, 8, 9, 9]),
        ("forward", 3, [3, 4, 5, 6, 7, 8]),
        ("forward", 6, [6, 7, 8, 9, 9, 9]),
        ("causal", 3, [1, 2, 3, 4, 5, 6]),
        ("causal", 0, [0, 0, 0, 1, 2, 3]),
    ],
)
def test_a_window_has_the_frames_that_its_targets_need(clips, numbered, mode, start, frames):
    name = numbered(10)
    _, windows = windows_of(clips, 4, mode)
    window = windows[WindowKey(0, start, (1,))]
    assert frame_numbers(window) == frames
    assert window.clip == name
    # The mask of frame n has its gas in column n % 8 of row 0.
    assert window.masks.shape == (4, 6, 8)
    assert window.masks[:, 0].argmax(1).tolist() == [n % 8 for n in range(start, start + 4)]
    assert window.masks.sum() == 4


@pytest.mark.parametrize("mode", ["centred", "forward", "causal"])
@pytest.mark.parametrize("n_targets", [1, 3])
def test_triples_name_each_target_and_its_two_neighbours(clips, numbered, mode, n_targets):
    numbered(7)
    _, windows = windows_of(clips, n_targets, mode)
    for start in range(7 - n_targets + 1):
        window = windows[WindowKey(0, start, (1,))]
        assert len(window.frames) == n_targets + 2
        numbers = np.array(frame_numbers(window))
        expected = [(t, *neighbours(t, 7, mode)) for t in range(start, start + n_targets)]
        assert numbers[window.triples.numpy()].tolist() == [list(triple) for triple in expected]


def test_windows_are_varied_by_their_own_seed(clips):
    clips.add_blob(8)
    _, windows = windows_of(clips, 2, augmentation=AugmentationSettings())
    one, again, other = (
        windows[WindowKey(0, 2, seed)] for seed in ((1, 0, 5), (1, 0, 5), (1, 0, 6))
    )
    assert torch.equal(one.frames, again.frames)
    assert torch.equal(one.masks, again.masks)
    assert not torch.equal(one.frames, other.frames)


def test_a_batch_is_what_the_network_gets_at_inference(clips):
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (6, 40, 56)).astype(np.uint8)
    clips.add(frames, (frames > 128).astype(np.uint8))
    _, windows = windows_of(clips, 2, size=(32, 64))
    keys = [WindowKey(0, 1, (1,)), WindowKey(0, 3, (1,))]
    [batch] = DataLoader(windows, batch_size=2, sampler=keys)
    triples = batch.batch()
    assert triples.frames.shape == (2, 4, 1, 32, 64)
    assert triples.masks.shape == (2, 2, 1, 32, 64)
    assert triples.triples.tolist() == [[[1, 0, 2], [2, 1, 3]]] * 2
    imagenet = NormalisationSettings()
    expected = network_input(torch.from_numpy(frames), 32, 64, imagenet)
    for start, window in zip((1, 3), triples.frames, strict=True):
        # Up to the rounding of a level in both directions, by ImageNet's smallest deviation.
        torch.testing.assert_close(
            normalised(window, imagenet),
            expected[start - 1 : start + 3],
            atol=1.01 / 255 / 0.224,
            rtol=0,
        )


def test_workers_give_the_same_samples_as_none(clips):
    for seed in range(2):
        clips.add_blob(6, seed=seed)
    found, windows = windows_of(clips, 2, augmentation=AugmentationSettings())
    # Enough work for OpenCV to start its threads, without which a forked process once hung.
    cv2.GaussianBlur(np.zeros((480, 640), np.float32), (0, 0), 3)
    with one_opencv_thread():
        alone, helped = (
            list(
                train_loader(
                    windows, WindowOrder(found, 2, 1), samples_per_step=2, workers=n, cuda=False
                )
            )
            for n in (0, 1)
        )
    assert len(alone) == len(helped) == 3
    for one, two in zip(alone, helped, strict=True):
        assert one.clip == two.clip
        assert torch.equal(one.frames, two.frames)
        assert torch.equal(one.masks, two.masks)


def targets_of(keys, n_targets):
    return [(key.clip, key.start + i) for key in keys for i in range(n_targets)]


def test_an_epoch_has_every_target_once(tmp_path):
    clips = [MaskedClip("a", 12), MaskedClip("b", 8)]
    order = WindowOrder(clips, 4, seed=1)
    keys = list(order)
    assert len(keys) == len(order) == 5
    assert sorted(targets_of(keys, 4)) == [(0, i) for i in range(12)] + [(1, i) for i in range(8)]
    # (L + 2) / (3 L) of the encoder passes of independent triples: 4 windows of 6 frames
    # instead of 20 triples of 3.
    assert len(keys) * 6 / (len(WindowOrder(clips, 1, seed=1)) * 3) == pytest.approx(6 / 12)


def test_what_fills_no_window_is_left_out_but_not_always_the_same():
    order = WindowOrder([MaskedClip("a", 11)], 4, seed=1)
    seen, starts = set(), set()
    for epoch in range(12):
        order.set_epoch(epoch)
        targets = targets_of(order, 4)
        assert len(targets) == len(set(targets)) == 8
        assert set(targets) <= {(0, i) for i in range(11)}
        seen.update(targets)
        starts.add(min(targets))
    assert len(seen) == 11
    assert starts == {(0, i) for i in range(4)}


def test_the_order_depends_on_seed_and_epoch_alone():
    def keys(seed, epoch):
        order = WindowOrder([MaskedClip("a", 40), MaskedClip("b", 40)], 2, seed)
        order.set_epoch(epoch)
        return list(order)

    assert keys(1, 0) == keys(1, 0)
    assert keys(1, 0) != keys(1, 1) != keys(2, 1)
    assert [key[:2] for key in keys(1, 0)] != sorted(key[:2] for key in keys(1, 0))
    epochs = [(seed, epoch) for seed in (1, 2) for epoch in (0, 1, 2)]
    every = epochs + [key.seed for epoch in epochs for key in keys(*epoch)]
    drawn = {tuple(np.random.default_rng(seed).integers(2**62, size=2)) for seed in every}
    assert len(drawn) == len(every) == 246  # no window is varied as another, or as the order


def test_the_order_goes_on_from_its_state():
    clips = [MaskedClip("a", 30)]
    order = WindowOrder(clips, 3, seed=7)
    order.set_epoch(5)
    state = order.state_dict()
    other = WindowOrder(clips, 3, seed=1)
    other.load_state_dict(state)
    assert list(other) == list(order)


def test_a_short_epoch_takes_other_windows_each_time():
    clips = [MaskedClip("a", 40)]
    order = WindowOrder(clips, 2, seed=1, limit=5)
    first = list(order)
    order.set_epoch(1)
    assert len(first) == len(order) == len(list(order)) == 5
    assert {key.start for key in first} != {key.start for key in order}
    assert len(WindowOrder(clips, 2, seed=1, limit=50)) == 20


@pytest.mark.parametrize(("n_processes", "limit"), [(2, None), (3, None), (2, 12)])
def test_processes_share_out_the_windows_of_each_step(n_processes, limit):
    clips = [MaskedClip("a", 40), MaskedClip("b", 23)]
    whole = WindowOrder(clips, 3, 1, limit=limit)
    shares = [
        WindowOrder(clips, 3, 1, limit=limit, rank=Rank(i, n_processes)) for i in range(n_processes)
    ]
    for epoch in range(3):
        for order in (whole, *shares):
            order.set_epoch(epoch)
        every, parts = list(whole), [list(share) for share in shares]
        assert len({len(part) for part in parts}) == 1
        assert len(shares[0]) == len(parts[0])
        assert 0 <= len(every) - n_processes * len(parts[0]) < n_processes
        for step in range(0, len(parts[0]), 2):  # two windows a process
            together = {key for part in parts for key in part[step : step + 2]}
            alone = every[n_processes * step :][: len(together)]
            assert together == set(alone)
            assert len(alone) == sum(len(part[step : step + 2]) for part in parts)


def test_fewer_windows_than_processes_are_refused():
    with pytest.raises(UserError, match=r"has 2 windows, too few for 3 processes; lower train"):
        WindowOrder([MaskedClip("a", 9)], 4, seed=1, rank=Rank(0, 3))


@pytest.mark.parametrize(("n_clips", "n_processes"), [(5, 1), (6, 2), (5, 2), (1, 3)])
def test_processes_share_out_the_clips_of_validation(n_clips, n_processes):
    clips = [MaskedClip(f"V_{i}", 4) for i in range(n_clips)]
    shares = [
        list(validation_loader(clips, Rank(number, n_processes))) for number in range(n_processes)
    ]
    assert len({len(share) for share in shares}) == 1
    assert {name for share in shares for name in share} == {clip.name for clip in clips}
    assert sum(map(len, shares)) < n_clips + n_processes


def test_a_window_has_only_its_targets_for_a_model_that_looks_at_nothing_else(clips, numbered):
    numbered(7)
    found = clips.masked()
    windows = WindowSamples(
        clips.store, found, n_targets=3, offsets=(), size=(6, 8), augmentation=PLAIN
    )
    window = windows[WindowKey(0, 4, (1,))]
    assert frame_numbers(window) == [4, 5, 6]
    assert window.triples.tolist() == [[0], [1], [2]]


def test_a_clip_that_is_shorter_than_a_window_is_refused():
    with pytest.raises(UserError, match=r"b has 3 frames.*takes 4; lower train.window_targets"):
        WindowOrder([MaskedClip("a", 9), MaskedClip("b", 3)], 4, seed=1)
