import numpy as np
import torch

from fgstp.models.rmem.session import label_probabilities
from fgstp.models.session import Prompt


def session_of(model, frames, labels, n_labels=2):
    session = model.session(32, 32, prompt=Prompt(labels.numpy()))
    session.n_labels = n_labels
    session.start(model.network.encode(frames[:1]), labels)
    return session


ALL = torch.ones(32, 32).bool()


@torch.inference_mode()
def test_frames_are_written_at_their_distance_and_the_bank_stays_small(small_rmem, draw):
    model = small_rmem(size=(32, 32), memory={"bank_frames": 2, "write_every_frames": 3})
    frames, labels = draw(14, 3, 32, 32), draw(32, 32) > 0
    session = session_of(model, frames, labels)
    contents = []
    for frame in frames[1:]:
        session.write(session.propagate(model.network.encode(frame.unsqueeze(0))), labels)
        contents.append(session.bank.frames.copy())
        assert len(session.bank.entries) == len(contents[-1])
    assert contents[:8] == [[0]] * 2 + [[0, 3]] * 3 + [[0, 3, 6]] * 3
    assert len(contents[8]) == 3
    assert contents[-1][-1] == 12


@torch.inference_mode()
def test_every_frame_is_remembered_for_the_next(small_rmem, draw):
    model, frames = small_rmem(size=(32, 32)), draw(3, 3, 32, 32)
    encoded = [model.network.encode(frame.unsqueeze(0)) for frame in frames]
    results = []
    for written in (torch.zeros, torch.ones):
        session = session_of(model, frames, ALL)
        session.write(session.propagate(encoded[1]), written(32, 32))
        assert session.bank.frames == [0]
        results.append(session.propagate(encoded[2]).logits)
    assert (results[0] - results[1]).abs().max() > 1e-4


@torch.inference_mode()
def test_identities_beyond_the_objects_are_left_out(small_rmem, draw):
    model, frames = small_rmem(size=(32, 32)), draw(2, 3, 32, 32)
    few, many = (
        session_of(model, frames, ALL, n).propagate(model.network.encode(frames[1:]))
        for n in (2, 11)
    )
    assert torch.equal(few.logits, many.logits[:, :2])
    one = label_probabilities(few, (20, 24))
    assert one.shape == (2, 20, 24)
    torch.testing.assert_close(one.sum(0), torch.ones(20, 24))
    assert (label_probabilities(many, (20, 24))[:2] - one).abs().max() > 1e-3


@torch.inference_mode()
def test_the_distance_of_writes_follows_the_number_of_frames_after_the_prompt(small_rmem, draw):
    model, written = small_rmem(size=(32, 32)), {}
    for n_frames in (None, 150, 303):
        prompt = Prompt(np.ones((32, 32), np.uint8), 3, n_frames=n_frames)
        session = model.session(32, 32, prompt=prompt)
        encoded = model.network.encode(draw(1, 3, 32, 32))
        session.start(encoded, ALL)
        for _ in range(10):
            session.write(session.propagate(encoded), ALL)
        written[n_frames] = session.bank.frames
    assert written == {None: [0, 5, 10], 150: [0, 5, 10], 303: [0, 10]}
