"""The restricted memory of RMem, and its sessions."""

from math import log, sqrt

import numpy as np
import pytest
import torch

from fgstp.models.rmem.session import (
    RestrictedBank,
    frame_relevance,
    write_every_frames,
)
from fgstp.models.session import Prompt


def bank(n_frames, *, always_score=False):
    return RestrictedBank("frame 0", n_frames, always_score=always_score)


def test_a_bank_that_scores_only_when_it_is_full_follows_the_worked_example():
    memory = bank(2)
    for frame in (1, 2):
        assert not memory.needs_relevance
        memory.append(frame, f"frame {frame}")

    assert memory.needs_relevance
    # All are met for the first time: n = 1, of the reference 3, sum 5.
    memory.append(3, "frame 3", [0.2, 0.5, 0.3])
    fresh = 1.5 * sqrt(log(5) / 9)
    reference = 0.2 + 1.5 * sqrt(log(5) / 11)
    assert memory.scores == pytest.approx({0: reference, 1: 0.5 + fresh, 2: 0.3 + fresh})
    assert memory.frames == [0, 1, 3]
    assert memory.entries == ["frame 0", "frame 1", "frame 3"]

    # Frame 1 is smoothed, 0.2 * 0.5 + 0.8 * 0.2; frame 3 was counted when it came, so n = 2 of
    # both; of the reference 3, sum 7.
    memory.append(4, "frame 4", [0.2, 0.2, 0.6])
    fresh = 1.5 * sqrt(log(7) / 10)
    reference = 0.2 + 1.5 * sqrt(log(7) / 11)
    assert memory.scores == pytest.approx({0: reference, 1: 0.26 + fresh, 3: 0.6 + fresh})
    assert memory.frames == [0, 3, 4]


def test_a_bank_that_always_scores_has_counted_and_smoothed_since_the_start():
    memory = bank(2, always_score=True)
    assert memory.needs_relevance
    memory.append(1, None, [1.0])
    memory.append(2, None, [0.4, 0.6])
    # n of frame 1 is 3 and of frame 2 is 2, of the reference 3, sum 8.
    memory.append(3, None, [0.2, 0.3, 0.5])
    assert memory.frames == [0, 2, 3]
    assert memory.scores == pytest.approx(
        {
            0: 0.2 * (0.2 * 1.0 + 0.8 * 0.4) + 0.8 * 0.2 + 1.5 * sqrt(log(8) / 11),
            1: 0.2 * 0.6 + 0.8 * 0.3 + 1.5 * sqrt(log(8) / 11),
            2: 0.5 + 1.5 * sqrt(log(8) / 10),
        }
    )


@pytest.mark.parametrize("always_score", [False, True])
@pytest.mark.parametrize("n_frames", [1, 3])
def test_neither_the_reference_nor_the_new_frame_ever_leaves(always_score, n_frames):
    memory = bank(n_frames, always_score=always_score)
    for frame in range(1, 40):
        n_old = len(memory.frames)
        # The reference gets no attention at all, and the older a frame, the more.
        relevance = [0.0, *(1.0 / k for k in range(1, n_old))] if memory.needs_relevance else ()
        memory.append(frame, None, relevance)
        assert memory.frames[0] == 0
        assert memory.frames[-1] == frame
        assert memory.frames == sorted(memory.frames)
        assert len(memory.frames) == min(frame, n_frames) + 1


def test_relevance_is_the_fraction_of_the_objects_attention():
    weights = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.4, 0.1]])  # 2 tokens, 2 frames
    # 1.0 * (0.3, 0.7) + 0.5 * (0.5, 0.5) = (0.55, 0.95)
    fractions = frame_relevance(weights, torch.tensor([1.0, 0.5]))
    assert fractions == pytest.approx([0.55 / 1.5, 0.95 / 1.5])
    assert frame_relevance(weights, torch.zeros(2)) == [0.0, 0.0]


def test_a_thirtieth_of_a_clip_is_written_but_not_more_than_every_fifth_frame():
    lengths = {None: 5, 1: 5, 60: 5, 150: 5, 300: 10, 910: 30, 1000: 33}
    assert {n: write_every_frames(n) for n in lengths} == lengths


ALL = torch.ones(32, 32).bool()


@torch.inference_mode()
def test_every_frame_is_remembered_for_the_next(small_rmem, draw):
    model, frames = small_rmem(size=(32, 32)), draw(3, 3, 32, 32)
    encoded = [model.network.encode(frame.unsqueeze(0)) for frame in frames]
    results = []
    for written in (torch.zeros, torch.ones):
        session = model.session(32, 32, prompt=Prompt(ALL.numpy()))
        session.start(encoded[0], ALL)
        session.write(session.propagate(encoded[1]), written(32, 32))
        assert session.bank.frames == [0]
        results.append(session.propagate(encoded[2]).logits)
    assert (results[0] - results[1]).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("n_frames", "every", "written"),
    [
        (None, None, [0, 5, 10]),
        (150, None, [0, 5, 10]),
        (303, None, [0, 10]),  # 300 from the prompted frame on
        (303, 3, [0, 3, 6, 9]),
    ],
)
@torch.inference_mode()
def test_frames_are_written_at_the_distance_of_the_settings_or_of_the_number_of_frames(
    small_rmem, draw, n_frames, every, written
):
    model = small_rmem(size=(32, 32), memory={"write_every_frames": every})
    prompt = Prompt(np.ones((32, 32), np.uint8), 3, n_frames=n_frames)
    session = model.session(32, 32, prompt=prompt)
    encoded = model.network.encode(draw(1, 3, 32, 32))
    session.start(encoded, ALL)
    for _ in range(10):
        session.write(session.propagate(encoded), ALL)
    assert session.bank.frames == written
