import pytest
import torch
from torch.nn import functional

from fgstp.models.zoomnext.model import ZoomNextModel, ZoomNextSettings, published
from fgstp.models.zoomnext.network import ZoomNext


def zooms(seed, n_frames):
    """Two clips at three zooms, as the golden values were recorded with."""
    generator = torch.Generator().manual_seed(seed)
    scene = torch.rand(2, 1, 3, 24, 24, generator=generator)
    noise = torch.rand(2, n_frames, 3, 192, 192, generator=generator)
    scene = functional.interpolate(scene[:, 0], size=(192, 192), mode="bilinear")
    large = (0.7 * scene[:, None] + 0.3 * noise).flatten(0, 1)
    middle, small = (
        functional.interpolate(large, size=(side, side), mode="bilinear") for side in (128, 64)
    )
    return {"image_s": small, "image_m": middle, "image_l": large}


def recorded_levels(network, inputs):
    """All outputs that were recorded, caught on their way through the network."""
    outputs, calls = {}, []
    hooks = [network.encoder.register_forward_hook(lambda *args: calls.append(args[2]))]
    for name, units in (("siu", network.siu), ("rgpu", network.rgpu)):
        for level, unit in zip((2, 3, 4, 5), units, strict=True):

            def keep(module, args, output, key=f"{name}.level{level}"):
                outputs[key] = output

            hooks.append(unit.register_forward_hook(keep))
    outputs["logits"] = network(**inputs)
    for hook in hooks:
        hook.remove()
    size = inputs["image_m"].shape[-1]
    (middle,) = (maps for maps in calls if maps[0].shape[-1] == size // 4)
    return outputs | {f"encoder.m.level{i}": maps for i, maps in enumerate(middle, start=2)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "n_frames", "scaled"),
    [
        (f"zoomnext_{version}", n_frames, scaled)
        for version, n_frames in (("video", 5), ("image", 1))
        for scaled in ("", "_scaled")
    ],
)
def test_it_computes_what_the_published_network_computes(golden, file, n_frames, scaled):
    reference = golden(file)
    recorded = reference.models[file + scaled]
    model = ZoomNextModel(ZoomNextSettings(**published({"n_frames": n_frames}).settings))
    weights = reference.weights(recorded.get("scale"))
    network = model.network.eval()
    network.load_state_dict(published({"n_frames": n_frames}).weights_for(network, weights, file))

    inputs = zooms(recorded["seed"], n_frames)
    for name, tensor in inputs.items():
        reference.check(name, tensor, recorded["inputs"][name])
    with torch.inference_mode():
        outputs = recorded_levels(network, inputs)
    assert outputs.keys() == recorded["outputs"].keys()
    for name, output in outputs.items():
        reference.check(name, output, recorded["outputs"][name])


@pytest.mark.parametrize(("file", "n_frames"), [("zoomnext_video", 5), ("zoomnext_image", 1)])
def test_published_names_become_ours_one_to_one(golden, file, n_frames):
    shapes = golden(file).shapes()
    assert len(shapes) == 1572
    with torch.device("meta"):
        network = ZoomNext(n_frames=n_frames)
        theirs = {key: torch.empty(shape) for key, shape in shapes.items()}
    weights = published({"n_frames": n_frames}).weights_for(
        network, theirs, file
    )  # refuses what does not fit
    n_unused = {5: 2, 1: 2 + 4 * 3}[n_frames]  # the normaliser; three temporal weights a level
    assert len(weights) == 1572 - n_unused


def test_the_full_network_has_the_published_number_of_parameters():
    with torch.device("meta"):
        video, image = ZoomNext(), ZoomNext(n_frames=1)
    parts = {
        "encoder": size(video.encoder),
        "aspp": size(video.reduce[3]),
        "tra": [size(each) for each in video.reduce[:3]],
        "siu": [size(each) for each in video.siu],
        "rgpu": [size(each) for each in video.rgpu],
        "tra_1": size(video.smooth),
        "predictor": size(video.predictor),
    }
    assert parts == {
        "encoder": 81_443_008,
        "aspp": 238_592,
        "tra": [36_992, 73_856, 184_448],
        "siu": [262_643] * 4,
        "rgpu": [422_688 + 500] * 4,
        "tra_1": 36_992,
        "predictor": 18_529,
    }
    assert size(video) == 84_775_741
    # The published image version holds 20 weights a level on which nothing depends.
    assert size(image) == 84_773_821 - 4 * 20


def size(module):
    return sum(parameter.numel() for parameter in module.parameters())
