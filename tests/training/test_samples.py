import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from fgstp.errors import UserError
from fgstp.models.frames import network_input
from fgstp.models.neighbours import neighbours
from fgstp.training.loaders import train_loader
from fgstp.training.machine import one_opencv_thread
from fgstp.training.samples import (
    MaskedClip,
    WindowKey,
    WindowOrder,
    Windows,
    masked_clips,
    triple_batch,
)
from fgstp.training.settings import AugmentationSettings

PLAIN = AugmentationSettings(enabled=False)


def windows_of(clips, n_targets, mode="centred", size=(6, 8), augmentation=PLAIN):
    found = masked_clips(clips.table, clips.store, "train", allow_pseudo_masks=False)
    windows = Windows(
        clips.store, found, n_targets=n_targets, mode=mode, size=size, augmentation=augmentation
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
    triples = triple_batch(batch)
    assert triples.frames.shape == (2, 4, 3, 32, 64)
    assert triples.masks.shape == (2, 2, 1, 32, 64)
    assert triples.triples.tolist() == [[[1, 0, 2], [2, 1, 3]]] * 2
    expected = network_input(torch.from_numpy(frames), 32, 64)
    for start, window in zip((1, 3), triples.frames, strict=True):
        # Up to the rounding of a level in both directions, by ImageNet's smallest deviation.
        torch.testing.assert_close(
            window, expected[start - 1 : start + 3], atol=1.01 / 255 / 0.224, rtol=0
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
                    windows, WindowOrder(found, 2, 1), windows_per_step=2, workers=n, cuda=False
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


def test_a_clip_that_is_shorter_than_a_window_is_refused():
    with pytest.raises(UserError, match=r"b has 3 frames.*4 targets; lower train.window_targets"):
        WindowOrder([MaskedClip("a", 9), MaskedClip("b", 3)], 4, seed=1)


def test_kept_clips_of_the_split_that_have_masks_are_taken(clips, numbered):
    wanted = [numbered(4), numbered(5, mask_source="synthetic")]
    numbered(4, dropped="duplicate")
    numbered(4, split="test")
    clips.add(np.zeros((4, 6, 8), np.uint8), mask_source="none")
    found = masked_clips(clips.table, clips.store, "train", allow_pseudo_masks=False)
    assert found == [MaskedClip(wanted[0], 4), MaskedClip(wanted[1], 5)]


def sentence(clips, split="train", allow_pseudo_masks=False):
    with pytest.raises(UserError) as error:
        masked_clips(clips.table, clips.store, split, allow_pseudo_masks=allow_pseudo_masks)
    return str(error.value)


def test_clips_that_are_lacking_are_told_with_the_remedy(clips, numbered):
    numbered(4, dropped="duplicate")
    assert "no clips; run `kedro run --pipelines=ingest`" in sentence(clips)
    numbered(4, split="test")
    assert "None of the 1 clips is in the split train" in sentence(clips)
    assert "ingest.validation.share" in sentence(clips, "validation")
    clips.add(np.zeros((4, 6, 8), np.uint8), mask_source="none")
    assert "No clip of the split train has masks" in sentence(clips)


def test_an_empty_table_says_to_run_ingest(clips, numbered):
    numbered(4)
    empty = clips.table.iloc[:0]
    with pytest.raises(UserError, match="kedro run --pipelines=ingest"):
        masked_clips(empty, clips.store, "train", allow_pseudo_masks=False)


def test_pseudo_masks_must_be_allowed(clips, numbered):
    numbered(4)
    numbered(4, mask_source="pseudo")
    assert "1 of the 2 clips" in sentence(clips)
    assert "train.allow_pseudo_masks" in sentence(clips)
    found = masked_clips(clips.table, clips.store, "train", allow_pseudo_masks=True)
    assert len(found) == 2


def test_files_that_are_gone_are_told(clips, numbered):
    name = numbered(4)
    clips.store.path(name, "masks").unlink()
    assert f"masks of the clip {name} are missing" in sentence(clips)
    clips.store.path(name, "frames").unlink()
    assert f"clip {name} cannot be read" in sentence(clips)
