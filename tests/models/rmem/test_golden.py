"""RMem against recorded values of the published networks."""

import pytest
import torch

from fgstp.models.rmem.model import RmemModel, RmemSettings, published
from fgstp.models.rmem.session import label_probabilities
from fgstp.models.session import Prompt

SIZE = (160, 160)
N_FRAMES = 12
LOOPS = {"loop12": 1, "loop12_all_ids": 10, "loop12_forced": 1}  # objects that may be found


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((base, scaled), marks=() if scaled else pytest.mark.slow)
        for base in ("aotl", "deaotl")
        for scaled in ("", "_scaled")  # where attention is sharper and mistakes are seen
    ],
    ids="".join,
)
def case(request, golden):
    """A published network, and what is recorded of it."""
    base, scaled = request.param
    reference = golden(f"rmem_{base}")
    recorded = reference.models[f"rmem_{base}{scaled}"]
    theirs = published({"base": base})
    memory = {"bank_frames": 4, "write_every_frames": 1}
    model = RmemModel(RmemSettings(**theirs.settings, memory=memory))
    network = model.network.eval()
    weights = reference.weights(recorded.get("scale"))
    network.load_state_dict(theirs.weights_for(network, weights, "they do not fit"))
    frames, mask = reference.video(recorded["seed"], N_FRAMES)
    with torch.inference_mode():
        encoded = network.encode(frames)
    return reference, recorded, model, encoded, mask


@torch.inference_mode()
def test_single_outputs(case):
    reference, recorded, model, encoded, mask = case
    network, mask = model.network, mask.long().unsqueeze(0)
    frames, _ = reference.video(recorded["seed"], N_FRAMES)
    reference.check("frames", frames, recorded["inputs"]["frames"])
    reference.check("mask", mask.unsqueeze(0), recorded["inputs"]["mask"])
    first = encoded.part(0, 1)
    embedding = network.identify(mask)
    referred = network.reference(first, embedding)
    entry, previous = network.write(referred.seen, embedding)
    after = network.propagate(encoded.part(1, 2), [entry], previous)
    outputs = {
        **{f"encoder.frame0.{level}": maps for level, maps in first._asdict().items()},
        "id_embedding.frame0": embedding,
        "reference.logits": referred.logits[:, :2],
        "frame1.logits_stride4": after.logits[:, :2],
        "frame1.logits_stride4.all_ids": after.logits,
    }
    assert outputs.keys() == {name for name in recorded["outputs"] if "loop" not in name}
    for name, output in outputs.items():
        reference.check(name, output, recorded["outputs"][name])


@pytest.mark.parametrize(
    "loop",
    [
        pytest.param(loop, marks=() if loop == "loop12_forced" else pytest.mark.slow)
        for loop in LOOPS
    ],
)
@torch.inference_mode()
def test_loops(case, loop):
    reference, recorded, model, encoded, mask = case
    session = model.session(*SIZE, prompt=Prompt(mask.numpy()))
    session.n_labels = 1 + LOOPS[loop]
    session.start(encoded.part(0, 1), mask > 0)
    memory, evicted, scores, pixels = {}, {}, {}, {}
    for t in range(1, N_FRAMES):
        segmented = session.propagate(encoded.part(t, t + 1))
        p = label_probabilities(segmented, SIZE)
        check_probability(
            reference, 1 - p[0], recorded["outputs"][f"{loop}.foreground.t{t:02}"], f"{loop} {t}"
        )
        labels = p.argmax(0)
        pixels[f"t{t:02}"] = int((labels > 0).sum())
        if loop == "loop12_forced":
            labels = torch.zeros_like(labels)
            labels[40 + 4 * t : 80 + 4 * t, 40:80] = 1
        before = session.bank.frames.copy()
        session.write(segmented, labels)
        memory[f"t{t:02}"] = session.bank.frames.copy()
        if left := set(before) - set(session.bank.frames):
            (evicted[f"t{t:02}"],) = left
            scores[f"t{t:02}"] = [score for old, score in session.bank.scores.items() if old]
    assert memory == recorded["memory_after_frame"][loop]
    assert evicted == recorded["evicted_at_frame"][loop]
    assert scores == {
        frame: pytest.approx(values, abs=1e-4)
        for frame, values in recorded["scores_at_evictions"][loop].items()
    }
    counted = recorded["foreground_pixels_of_label_map"][loop]
    assert pixels == {frame: pytest.approx(n, abs=5) for frame, n in counted.items()}


def check_probability(reference, output, recorded, name):
    """Probabilities are compared more closely than logits."""
    reference.check(name, output, recorded)
    values = output.double()
    assert abs(values.mean() - recorded["mean"]) <= 5e-5, name
    assert abs(values.std() - recorded["std"]) <= 5e-5, name
