import multiprocessing

import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.models.mg.flow import SizedClipFlow
from fgstp.models.mg.flow_cache import FlowCache


class CountedFlow:
    """Flow that counts how often it is asked for, and tells frames apart."""

    def __init__(self, identity="counted"):
        self.identity = identity
        self.calls = 0

    def __call__(self, frame, other):
        self.calls += 1
        return np.stack([frame, other]).astype(np.float32)


@pytest.fixture
def flow():
    return CountedFlow()


@pytest.fixture
def cached(flow, tmp_path):
    return SizedClipFlow(flow, 16, 24, FlowCache(tmp_path / "flow"))


def test_fields_are_computed_once(flow, cached, clip, tmp_path):
    frames = clip()
    first = cached(frames, 1)
    assert flow.calls == len(frames)
    second = cached(frames.copy(), 1)
    along = np.stack(list(cached.along(frames, 1)))
    of_another = SizedClipFlow(flow, 16, 24, FlowCache(tmp_path / "flow"))(frames, 1)
    assert flow.calls == len(frames)
    expected = SizedClipFlow(flow, 16, 24)(frames, 1)
    for got in (first, second, along, of_another):
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == np.float16
    assert isinstance(second, np.memmap)
    assert not second.flags.writeable


def test_other_frames_gaps_sizes_and_methods_have_fields_of_their_own(flow, cached, clip, tmp_path):
    frames = clip()
    cached(frames, 1)
    changed = frames.copy()
    changed[3, 5, 7] += 1
    others = [
        (cached, changed, 1),
        (cached, frames[:-1], 1),
        (cached, frames, -1),
        (SizedClipFlow(flow, 24, 16, cached.cache), frames, 1),
        (SizedClipFlow(CountedFlow("another"), 16, 24, cached.cache), frames, 1),
    ]
    for number, (clip_flow, clip_frames, gap) in enumerate(others, start=2):
        uncached = SizedClipFlow(flow, clip_flow.height_px, clip_flow.width_px)
        got = clip_flow(clip_frames, gap)
        np.testing.assert_array_equal(got, uncached(clip_frames, gap))
        assert len(list((tmp_path / "flow").iterdir())) == number


def test_a_file_of_frames_that_changed_is_looked_at_again(flow, cached, clip, tmp_path):
    path = tmp_path / "clip.npy"
    for seed in (0, 1, 0):
        np.save(path, clip(seed=seed))
        frames = np.load(path, mmap_mode="r")
        np.testing.assert_array_equal(cached(frames, 1), SizedClipFlow(flow, 16, 24)(frames, 1))
    assert len(list((tmp_path / "flow").iterdir())) == 2  # the third is the first again


def test_a_part_of_a_file_is_not_taken_for_the_file(flow, cached, clip, tmp_path):
    np.save(tmp_path / "clip.npy", clip(6))
    frames = np.load(tmp_path / "clip.npy", mmap_mode="r")
    for part in (frames, frames[:3], frames[3:], frames[::-1], frames.copy()):
        np.testing.assert_array_equal(cached(part, 1), SizedClipFlow(flow, 16, 24)(part, 1))


def test_a_file_is_hashed_once(cached, clip, tmp_path, monkeypatch):
    np.save(tmp_path / "clip.npy", clip())
    cached(np.load(tmp_path / "clip.npy", mmap_mode="r"), 1)
    monkeypatch.setattr("fgstp.models.mg.flow_cache._hash", lambda _: pytest.fail("hashed again"))
    cached(np.load(tmp_path / "clip.npy", mmap_mode="r"), 1)


@pytest.mark.parametrize("damage", [lambda data: data[:-7], lambda _: b"", lambda _: b"no fields"])
def test_a_damaged_file_is_written_again(flow, cached, clip, tmp_path, damage):
    frames = clip()
    expected = np.array(cached(frames, 1))
    (file,) = (tmp_path / "flow").iterdir()
    file.write_bytes(damage(file.read_bytes()))
    np.testing.assert_array_equal(cached(frames, 1), expected)
    assert flow.calls == 2 * len(frames)


def test_fields_that_could_not_be_computed_leave_no_file(cached, flow, clip, tmp_path, monkeypatch):
    frames, calls = clip(), []

    def fail_late(self, frame, other):
        calls.append(1)
        if len(calls) > 3:
            raise UserError("No flow.")
        return np.stack([frame, other]).astype(np.float32)

    with monkeypatch.context() as patch:
        patch.setattr(CountedFlow, "__call__", fail_late)
        with pytest.raises(UserError, match="No flow"):
            cached(frames, 1)
    assert list((tmp_path / "flow").iterdir()) == []
    assert len(cached(frames, 1)) == len(frames)


def test_a_folder_that_cannot_be_written_is_told(flow, clip, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="Cannot write"):
        SizedClipFlow(flow, 16, 24, FlowCache(tmp_path / "file"))(clip(), 1)


def _compute(folder, barrier, results, frames):
    barrier.wait()
    results.put(np.array(SizedClipFlow(CountedFlow(), 64, 64, FlowCache(folder))(frames, 1)))


def test_processes_compute_the_same_fields_at_once(clip, tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(3), context.Queue()
    frames = clip(12, 80, 80)
    arguments = tmp_path / "flow", barrier, results, frames
    processes = [context.Process(target=_compute, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    got = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    expected = SizedClipFlow(CountedFlow(), 64, 64)(frames, 1)
    for fields in got:
        np.testing.assert_array_equal(fields, expected)
    assert len(list((tmp_path / "flow").iterdir())) == 1
