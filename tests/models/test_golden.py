"""Every network against recorded values of the published one, and its number of parameters."""

import pytest
import torch
from torch.nn import functional

from fgstp.models.registry import create_model, model_info
from fgstp.models.rmem.session import label_probabilities
from fgstp.models.session import Prompt
from fgstp.models.xmem_pp.memory import XmemMemorySettings, similarity

LEVELS = ("P3", "P4", "P5")
MAPS = ("S_g", "S_5", "S_4", "S_3")


@pytest.fixture(scope="module")
def published(golden):
    """A model with the weights of a published network, and what is recorded of it."""

    def build(name, table, case, **settings):
        reference, found = golden(table), model_info(name).published(settings)
        recorded = reference.models[case]
        model = create_model(name, {**found.settings, **settings})
        network, theirs = model.network.eval(), reference.weights(recorded.get("scale"))
        network.load_state_dict(found.weights_for(network, theirs, case))
        return reference, recorded, model

    return build


def levels(name, pyramid):
    return {f"{name}.{level}": maps for level, maps in zip(LEVELS, pyramid, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "table", "case"),
    [
        ("fgstp", "fgstp", "fgstp"),
        ("fgstp", "fgstp", "fgstp_scaled"),
        ("slt_net", "slt_short", "slt_short"),
    ],
)
@torch.inference_mode()
def test_networks_of_triples(published, name, table, case):
    reference, recorded, model = published(name, table, case)
    network, frames = model.network, reference.normalised_frames(recorded["seed"])
    features = [network.encode(frame) for frame in frames]
    outputs = levels("encoder.frame1", features[0])
    for pair, neighbour in (("pair12", features[1]), ("pair13", features[2])):
        outputs |= levels(f"ctc.{pair}", network.ctc(features[0], neighbour))
    if name == "fgstp":
        outputs |= levels("fsp.pair12", network.relate(features[0], features[1]))
    names = [f"{pair}.{maps}" for pair in ("pair12", "pair13") for maps in MAPS]
    outputs |= dict(zip([*names, "final"], network(*frames), strict=True))
    inputs = {f"frame{number}": frame for number, frame in enumerate(frames, start=1)}
    reference.check(inputs, recorded["inputs"])
    reference.check(outputs, recorded["outputs"])


@pytest.mark.slow
@pytest.mark.parametrize("case", ["sinet_v2", "sinet_v2_scaled"])
@torch.inference_mode()
def test_sinet_v2(published, case):
    reference, recorded, model = published("sinet_v2", "sinet_v2", case)
    network, frame = model.network, reference.normalised_frames(recorded["seed"])[0]
    outputs = levels("backbone", network.encoder.backbone(frame))
    outputs |= levels("reduced", network.encoder(frame))
    outputs |= dict(zip(MAPS, network(frame), strict=True))
    reference.check({"frame": frame}, recorded["inputs"])
    reference.check(outputs, recorded["outputs"])


@pytest.mark.parametrize("case", ["mg", "mg_scaled"])
@torch.inference_mode()
def test_motion_grouping(published, case):
    reference, recorded, model = published("mg", "mg", case)
    generator = torch.Generator().manual_seed(recorded["seed"])
    coarse = torch.rand(1, 3, 8, 14, generator=generator)
    fine = torch.rand(1, 3, 128, 224, generator=generator)
    coarse = functional.interpolate(coarse, size=(128, 224), mode="bilinear")
    pictures = 2 * (0.8 * coarse + 0.2 * fine) - 1
    network = model.network
    features = network.encoder(pictures)
    tokens = network.tokens(features)
    outputs = {"encoder": features, "tokens": tokens, "slots": network.slot_attention(tokens)}
    outputs |= network(pictures)._asdict()
    reference.check({"flow_picture": pictures}, recorded["inputs"])
    reference.check(outputs, recorded["outputs"], ["alpha"])


def zooms(seed, n_frames):
    """Two clips at three zooms."""
    generator = torch.Generator().manual_seed(seed)
    scene = torch.rand(2, 1, 3, 24, 24, generator=generator)
    noise = torch.rand(2, n_frames, 3, 192, 192, generator=generator)
    scene = functional.interpolate(scene[:, 0], size=(192, 192), mode="bilinear")
    large = (0.7 * scene[:, None] + 0.3 * noise).flatten(0, 1)
    middle, small = (
        functional.interpolate(large, size=(side, side), mode="bilinear") for side in (128, 64)
    )
    return {"image_s": small, "image_m": middle, "image_l": large}


@pytest.mark.slow
@pytest.mark.parametrize(("version", "n_frames"), [("video", 5), ("image", 1)])
@pytest.mark.parametrize("scaled", ["", "_scaled"])
@torch.inference_mode()
def test_zoomnext(published, version, n_frames, scaled):
    table = f"zoomnext_{version}"
    reference, recorded, model = published("zoomnext", table, table + scaled, n_frames=n_frames)
    network, inputs = model.network, zooms(recorded["seed"], n_frames)
    outputs, encoded = {}, []
    network.encoder.register_forward_hook(lambda *args: encoded.append(args[2]))
    for name, units in (("siu", network.siu), ("rgpu", network.rgpu)):
        for level, unit in zip((2, 3, 4, 5), units, strict=True):
            unit.register_forward_hook(
                lambda _, __, output, key=f"{name}.level{level}": outputs.update({key: output})
            )
    outputs["logits"] = network(**inputs)
    (middle,) = (maps for maps in encoded if maps[0].shape[-1] == 128 // 4)
    outputs |= {f"encoder.m.level{i}": maps for i, maps in enumerate(middle, start=2)}
    reference.check(inputs, recorded["inputs"])
    reference.check(outputs, recorded["outputs"])


# ------------------------------------------------------------------------- XMem++

# The published figures count the given frame in both limits: 6 and 3.
LIMITS = {"t_max_frames": 5, "t_min_frames": 2, "n_prototypes": 32, "top_k": 30}
XMEM_LOOPS = {  # every so many frames, elements of the long-term memory
    "loop12": (2, 10_000),
    "loop20": (1, 10_000),
    "loop20_overflow": (1, 112),
}


@pytest.fixture(scope="module")
def xmem(published):
    return published("xmem_pp", "xmem", "xmem")


@pytest.mark.slow
@torch.inference_mode()
def test_every_part_of_xmem(xmem):
    reference, recorded, model = xmem
    network, (frames, mask) = model.network, reference.video(recorded["seed"], 2)
    mask = mask[None, None].float()
    first, second = (network.encode_key(frame[None]) for frame in frames)
    value, sensory = network.encode_value(
        frames[:1], first.f16, mask, network.no_sensory(first.f16), deep_update=True
    )
    similarities = similarity(
        *(x.flatten(2) for x in (first.key, first.shrinkage, second.key, second.selection))
    )
    read = (value.flatten(2) @ similarities.softmax(1)).view_as(value)
    found = network.segment(second, read, sensory, (160, 160), update=True)
    outputs = {
        **{f"encode_key.frame0.{name}": x for name, x in first._asdict().items()},
        "encode_value.value": value,
        "encode_value.sensory": sensory,
        "similarity": similarities,
        "read.frame1": read,
        **{f"segment.frame1.{name}": x for name, x in found._asdict().items()},
    }
    inputs = {name: recorded["inputs"][name] for name in ("frames", "mask")}
    reference.check({"frames": frames, "mask": mask}, inputs)
    expected = {name: x for name, x in recorded["outputs"].items() if "loop" not in name}
    reference.check(outputs, expected, ["prob"])


@pytest.mark.slow
@pytest.mark.parametrize("loop", XMEM_LOOPS)
@torch.inference_mode()
def test_xmem_along_a_video(xmem, loop):
    reference, recorded, model = xmem
    every, limit = XMEM_LOOPS[loop]
    trace = recorded["trace_working_and_long_elements"][loop]
    limits = LIMITS | {"memory_every_frames": every, "long_term_limit_elements": limit}
    memory = XmemMemorySettings(**limits)
    model.settings = model.settings.model_copy(update={"memory": memory})
    frames, mask = reference.video(recorded["seed"], len(trace))
    session = model.session(160, 160, prompt=Prompt(mask.numpy()))
    first, *others = session.encode(frames)
    session.start(first, mask > 0)
    outputs, counts = {f"{loop}.prob.t00": mask.float().unsqueeze(0)}, []
    for t, each in enumerate(others, start=1):
        kept = (*session.memory.working, *session.memory.permanent)
        long_term = session.memory.long_term
        n_long = 0 if long_term is None else long_term.n_elements
        counts.append([sum(each.n_elements for each in kept), n_long])
        outputs[f"{loop}.sensory.last"] = session.sensory[0]
        outputs[f"{loop}.prob.t{t:02}"] = session.propagate(each)[0]
    outputs = {
        name: x.squeeze(0) if "prob" in name else x for name, x in outputs.items()
    }  # (160, 160)
    counts.append(counts[-1])  # the published model does not write the last frame
    name = f"{loop.removesuffix('_overflow')}.frames"
    reference.check({name: frames}, {name: recorded["inputs"][name]})
    assert counts == trace
    expected = {name: x for name, x in recorded["outputs"].items() if f"{loop}." in name}
    reference.check(outputs, expected, ["prob"])


# --------------------------------------------------------------------------- RMem

SIZE = (160, 160)
N_FRAMES = 12
RMEM_LOOPS = {"loop12": 1, "loop12_all_ids": 10, "loop12_forced": 1}  # objects that may be found


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((base, scaled), marks=() if scaled else pytest.mark.slow)
        for base in ("aotl", "deaotl")
        for scaled in ("", "_scaled")  # where attention is sharper and mistakes are seen
    ],
    ids="".join,
)
def rmem(request, published):
    """As `published`, with encoded frames and the mask of the first."""
    base, scaled = request.param
    memory = {"bank_frames": 4, "write_every_frames": 1}
    case = f"rmem_{base}{scaled}"
    reference, recorded, model = published("rmem", f"rmem_{base}", case, base=base, memory=memory)
    frames, mask = reference.video(recorded["seed"], N_FRAMES)
    with torch.inference_mode():
        return reference, recorded, model, model.network.encode(frames), mask


@torch.inference_mode()
def test_single_outputs_of_rmem(rmem):
    reference, recorded, model, encoded, mask = rmem
    network, mask = model.network, mask.long().unsqueeze(0)
    frames, _ = reference.video(recorded["seed"], N_FRAMES)
    reference.check({"frames": frames, "mask": mask.unsqueeze(0)}, recorded["inputs"])
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
    expected = {name: x for name, x in recorded["outputs"].items() if "loop" not in name}
    reference.check(outputs, expected)


@pytest.mark.parametrize(
    "loop",
    [
        pytest.param(loop, marks=() if loop == "loop12_forced" else pytest.mark.slow)
        for loop in RMEM_LOOPS
    ],
)
@torch.inference_mode()
def test_rmem_along_a_video(rmem, loop):
    reference, recorded, model, encoded, mask = rmem
    session = model.session(*SIZE, prompt=Prompt(mask.numpy()))
    session.n_labels = 1 + RMEM_LOOPS[loop]
    session.start(encoded.part(0, 1), mask > 0)
    outputs, memory, evicted, scores, pixels = {}, {}, {}, {}, {}
    for t in range(1, N_FRAMES):
        segmented = session.propagate(encoded.part(t, t + 1))
        p = label_probabilities(segmented, SIZE)
        outputs[f"{loop}.foreground.t{t:02}"] = 1 - p[0]
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
    expected = {name: x for name, x in recorded["outputs"].items() if f"{loop}." in name}
    reference.check(outputs, expected, ["foreground"])
    assert memory == recorded["memory_after_frame"][loop]
    assert evicted == recorded["evicted_at_frame"][loop]
    assert scores == {
        frame: pytest.approx(values, abs=1e-4)
        for frame, values in recorded["scores_at_evictions"][loop].items()
    }
    counted = recorded["foreground_pixels_of_label_map"][loop]
    assert pixels == {frame: pytest.approx(n, abs=5) for frame, n in counted.items()}


# --------------------------------------------------------- numbers of parameters

AFFINE = 30_592  # scales and shifts of the encoder's normalisation: buffers in the published RMem


@pytest.mark.parametrize(
    ("name", "settings", "total"),
    [
        ("fgstp", {}, 82_701_819),
        ("fgstp", {"variant": "released"}, 82_701_819),
        ("mg", {}, 4_766_276),
        # Without the classifier of 1000 classes.
        ("sinet_v2", {}, 26_975_642 - 1000 * (2048 + 1)),
        ("slt_net", {}, 82_383_435),
        ("slt_net", {"long_term": True}, 82_383_435 + 82_303_001),
        ("xmem_pp", {}, 62_185_224),
        ("zoomnext", {}, 84_775_741),
        # The published image version holds 20 weights a level on which nothing depends.
        ("zoomnext", {"n_frames": 1}, 84_773_821 - 4 * 20),
        # Without linear_KMem of the three blocks, on which nothing depends.
        ("rmem", {}, 15_227_595 + AFFINE - 3 * (256 * 256 + 256)),
        ("rmem", {"base": "deaotl"}, 19_889_518 + AFFINE),
    ],
)
def test_the_networks_have_the_published_numbers_of_parameters(name, settings, total):
    with torch.device("meta"):
        network = create_model(name, settings).network
    assert size(network) == total
    if settings.get("long_term"):  # of the others, the tables of names hold the shapes
        parts = {"short": 82_383_435, "long": 82_303_001, "long.attend": 2 * 11_264, "long.mix": 15}
        assert {part: size(network.get_submodule(part)) for part in parts} == parts


def size(module):
    return sum(parameter.numel() for parameter in module.parameters())
