import pytest
import torch
from torch.nn import functional

from fgstp.models.zoomnext.network import ZoomNext


@pytest.fixture
def network(randomised):
    def build(n_frames=2, **kwargs):
        with torch.no_grad():
            return randomised(ZoomNext("pvt_v2_b0", 16, n_frames, **kwargs))

    return build


def zooms(draw, n, height, width):
    large = draw(n, 3, int(1.5 * height), int(1.5 * width)).sigmoid()
    return [
        functional.interpolate(large, size=(int(z * height), int(z * width)), mode="bilinear")
        for z in (0.5, 1.0, 1.5)
    ]


@pytest.mark.parametrize("size", [(64, 64), (96, 128), (97, 131)])
def test_logits_have_the_size_of_the_middle_zoom(network, draw, size):
    with torch.inference_mode():
        assert network(1)(*zooms(draw, 1, *size)).shape == (1, 1, *size)


@pytest.mark.slow
def test_the_size_of_the_paper_gives_the_maps_of_the_paper(draw):
    network = ZoomNext("pvt_v2_b0", 16, 1).eval()
    with torch.inference_mode():
        images = zooms(draw, 1, 352, 352)
        levels = [[maps.shape[-1] for maps in network.levels(image)] for image in images]
        assert levels == [[44, 22, 11, 6], [88, 44, 22, 11], [132, 66, 33, 17]]
        assert network(*images).shape == (1, 1, 352, 352)


def test_every_zoom_has_a_say_in_the_logits(network, draw):
    net, images = network(), zooms(draw, 2, 64, 64)
    with torch.inference_mode():
        logits = net(*images)
        for number in range(3):
            others = list(images)
            others[number] = others[number].flip(-1)
            assert (net(*others) - logits).abs().max() > 1e-3


def test_clips_are_independent_and_frames_of_a_clip_are_not(network, draw):
    net = network()
    for unit in net.rgpu:
        unit.fuse.conv.weight.data *= 32  # the gates hide what is before it
    one, two = zooms(draw, 2, 64, 64), zooms(draw, 2, 64, 64)
    with torch.inference_mode():
        both = net(*(torch.cat(pair) for pair in zip(one, two, strict=True)))
        torch.testing.assert_close(both, torch.cat([net(*one), net(*two)]), atol=1e-4, rtol=1e-4)
        frozen = net(*(zoom[[0, 0]] for zoom in one))
    assert (frozen[0] - both[0]).abs().max() > 1e-3


def test_frames_are_normalised_inside_but_the_state_dict_does_not_know(network, draw):
    images = zooms(draw, 2, 64, 64)
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    inside, outside = network(mean=mean, std=std), network(mean=(0.0,) * 3, std=(1.0,) * 3)
    assert not {"mean", "std"} & inside.state_dict().keys()
    m, s = (torch.tensor(each).view(3, 1, 1) for each in (mean, std))
    with torch.inference_mode():
        expected = outside(*((image - m) / s for image in images))
        torch.testing.assert_close(inside(*images), expected, atol=1e-4, rtol=1e-4)


def test_the_image_version_is_the_video_version_without_its_operator(network, draw):
    video, image = network(2), ZoomNext("pvt_v2_b0", 16, 1).eval()
    for unit in video.rgpu:
        unit.operator.mix[2].weight.data.zero_()
    own = {name for name in video.state_dict() if ".operator." in name}
    assert video.state_dict().keys() - image.state_dict().keys() == own
    image.load_state_dict({k: w for k, w in video.state_dict().items() if k not in own})
    images = zooms(draw, 2, 64, 64)
    with torch.inference_mode():
        assert torch.equal(video(*images), image(*images))


def test_a_checkpointed_encoder_has_equal_gradients_and_keeps_less(draw):
    images = zooms(draw, 2, 64, 64)
    gradients, kept_bytes, state = [], [], None
    for checkpoint in (False, True):
        net = ZoomNext("pvt_v2_b0", 16, 2, checkpoint_encoder=checkpoint).train()
        state = state or net.state_dict()
        net.load_state_dict(state)
        kept = 0

        def pack(tensor):
            nonlocal kept
            kept += tensor.nbytes
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            net.encoder(images[1])[3].sum()
        net(*images).square().mean().backward()
        gradients.append({name: weight.grad for name, weight in net.named_parameters()})
        kept_bytes.append(kept)
    assert kept_bytes[1] < kept_bytes[0] / 3
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, msg=name)
