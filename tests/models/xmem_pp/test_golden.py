import pytest
import torch

from fgstp.models.xmem_pp.memory import similarity
from fgstp.models.xmem_pp.model import XmemModel, XmemSettings, published

# The published figures count the given frame in both limits: 6 and 3.
LIMITS = {"t_max_frames": 5, "t_min_frames": 2, "n_prototypes": 32, "top_k": 30}
LOOPS = {  # every so many frames, elements of the long-term memory
    "loop12": (2, 10_000),
    "loop20": (1, 10_000),
    "loop20_overflow": (1, 112),
}


@pytest.fixture(scope="module")
def recorded(golden):
    return golden("xmem").models["xmem"]


@pytest.fixture(scope="module")
def network(golden, recorded):
    found = published({})
    network = XmemModel(XmemSettings(**found.settings)).network.eval()
    network.load_state_dict(found.weights_for(network, golden("xmem").weights(), "xmem"))
    return network


@pytest.fixture(scope="module")
def video(golden, recorded):
    def draw(n_frames):
        frames, mask = golden("xmem").video(recorded["seed"], n_frames)
        return frames, mask[None, None].float()

    return draw


def check(golden, name, tensor, values):
    """Probabilities to 5e-5 in mean and deviation; everything as for the other networks."""
    golden("xmem").check(name, tensor, values)
    if "prob" in name:
        flat = tensor.double().flatten()
        assert abs(flat.mean() - values["mean"]) <= 5e-5, name
        assert abs(flat.std() - values["std"]) <= 5e-5, name


@pytest.mark.slow
def test_every_part_computes_what_the_published_network_computes(golden, recorded, network, video):
    frames, mask = video(2)
    outputs = {}
    with torch.inference_mode():
        first, second = (network.encode_key(frame[None]) for frame in frames)
        outputs |= {f"encode_key.frame0.{name}": x for name, x in first._asdict().items()}
        value, sensory = network.encode_value(
            frames[:1], first.f16, mask, network.no_sensory(first.f16), deep_update=True
        )
        outputs |= {"encode_value.value": value, "encode_value.sensory": sensory}
        similarities = similarity(
            *(x.flatten(2) for x in (first.key, first.shrinkage, second.key, second.selection))
        )
        outputs["similarity"] = similarities
        read = (value.flatten(2) @ similarities.softmax(1)).view_as(value)
        outputs["read.frame1"] = read
        found = network.segment(second, read, sensory, (160, 160), update=True)
        outputs |= {f"segment.frame1.{name}": x for name, x in found._asdict().items()}

    golden("xmem").check("frames", frames, recorded["inputs"]["frames"])
    golden("xmem").check("mask", mask, recorded["inputs"]["mask"])
    assert outputs.keys() == {name for name in recorded["outputs"] if "loop" not in name}
    for name, output in outputs.items():
        check(golden, name, output, recorded["outputs"][name])


@pytest.mark.slow
@pytest.mark.parametrize("loop", LOOPS)
def test_a_mask_is_propagated_as_the_published_model_does(
    golden, recorded, network, propagated, video, loop
):
    every, limit = LOOPS[loop]
    trace = recorded["trace_working_and_long_elements"][loop]
    frames, mask = video(len(trace))
    outputs, counts = {}, []

    def watch(session):
        memory = session.memory
        n_long = 0 if memory.long_term is None else memory.long_term.n_elements
        kept = (*memory.working, *memory.permanent)
        counts.append([sum(each.n_elements for each in kept), n_long])
        outputs[f"{loop}.sensory.last"] = session.sensory[0]

    limits = LIMITS | {"memory_every_frames": every, "long_term_limit_elements": limit}
    probs, _ = propagated(network, frames, mask, watch, **limits)
    outputs |= {f"{loop}.prob.t{t:02}": prob for t, prob in enumerate(probs)}
    counts.append(counts[-1])  # the published model does not write the last frame

    name = f"{loop.removesuffix('_overflow')}.frames"
    golden("xmem").check(name, frames, recorded["inputs"][name])
    assert counts == trace
    assert outputs.keys() == {name for name in recorded["outputs"] if f"{loop}." in name}
    for name, output in outputs.items():
        check(golden, name, output, recorded["outputs"][name])
