import json
import pickle

import cv2
import numpy as np
import pytest
import torch
from torchvision.models.optical_flow import raft_large

from fgstp.core.errors import UserError
from fgstp.models.mg.flow import DisFlow, VideoFlow, coloured, other_frame, resized_field
from fgstp.models.mg.raft import RaftFlow, flow_pictures


def texture(height, width, seed=0):
    noise = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def drifting(n_frames, height, width, *, right_px, down_px):
    """A texture that moves by so much from frame to frame."""
    scene = texture(height + 40, width + 40)
    return np.stack(
        [scene[20 - t * down_px :, 20 - t * right_px :][:height, :width] for t in range(n_frames)]
    )


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
def test_flow_is_where_the_pixels_go(preset):
    first, second = drifting(2, 80, 120, right_px=3, down_px=-2)
    field = DisFlow(preset)(first, second)
    assert field.shape == (2, 80, 120)
    assert field.dtype == np.float32
    inner = field[:, 15:-15, 15:-15]
    np.testing.assert_allclose(inner.mean(axis=(1, 2)), [3, -2], atol=0.25)
    assert np.abs(inner - np.array([3, -2]).reshape(2, 1, 1)).mean() < 0.3


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (11, 40), (16, 100), (63, 65)])
def test_small_and_flat_frames_have_flow(size):
    # Without padding, OpenCV ends the process on some of these.
    frame = texture(*size)
    for preset in ("ultrafast", "medium"):
        field = DisFlow(preset)(frame, np.roll(frame, 1, axis=1))
        assert field.shape == (2, *size)
        assert np.isfinite(field).all()


def test_a_field_is_resized_bilinearly_with_half_pixel_centres():
    x = np.arange(8, dtype=np.float32)
    field = np.broadcast_to(x, (2, 4, 8))
    small = resized_field(field, 4, 4)
    np.testing.assert_allclose(small[1, 0], [0.5, 2.5, 4.5, 6.5])
    np.testing.assert_allclose(small[0, 0], np.array([0.5, 2.5, 4.5, 6.5]) / 2)
    flat = resized_field(np.full((2, 40, 60), 3.0, np.float32), 20, 15)  # scaled with its axes
    np.testing.assert_allclose(flat.mean((1, 2)), [3.0 * 15 / 60, 3.0 * 20 / 40])


@pytest.mark.parametrize(
    ("number", "gap", "n_frames", "other"),
    [(3, 2, 10, 5), (3, -2, 10, 1), (9, 1, 10, 8), (8, 2, 10, 6), (0, -1, 10, 1), (1, -2, 10, 3)],
)
def test_a_missing_gap_is_replaced_by_the_opposite_one(number, gap, n_frames, other):
    assert other_frame(number, gap, n_frames) == other


@pytest.mark.parametrize("gap", [-2, -1, 1, 2, 7])
def test_clips_shorter_than_a_gap_have_flow_all_the_same(gap):
    for n_frames in range(1, 8):
        others = [other_frame(number, gap, n_frames) for number in range(n_frames)]
        assert all(0 <= other < n_frames for other in others)
        if n_frames > 1:  # a single frame has no other
            assert all(number != other for number, other in enumerate(others))


def test_the_flow_of_a_video_goes_as_far_as_its_gaps():
    frames, gaps = drifting(5, 64, 96, right_px=2, down_px=1), (-2, 1)
    flow = VideoFlow(DisFlow(), gaps, 32, 32)
    fields = list(flow.compute(frames, range(5)))
    for number, of_frame in enumerate(fields):
        assert of_frame.shape == flow.shape == (2, 2, 32, 32)
        assert of_frame.dtype == np.float16
        for gap, field in zip(gaps, of_frame, strict=True):
            distance = other_frame(number, gap, 5) - number  # the opposite gap at one of the ends
            expected = [2 * distance * 32 / 96, 1 * distance * 32 / 64]
            got = field[:, 8:-8, 8:-8].astype(float).mean(axis=(1, 2))
            np.testing.assert_allclose(got, expected, atol=0.08)
    again = pickle.loads(pickle.dumps(flow)).compute(frames, [3, 0])  # in another process
    np.testing.assert_array_equal(np.stack(list(again)), np.stack([fields[3], fields[0]]))


@pytest.fixture(scope="module")
def raft_file(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("raft") / "raft.pth"
    torch.save(raft_large(weights=None).state_dict(), path)
    return path


@pytest.mark.slow
def test_raft_reads_its_weights_from_a_file(raft_file):
    frame, other = drifting(2, 50, 131, right_px=2, down_px=1)
    flow = RaftFlow(raft_file, n_updates=2)
    field = flow(frame, other)
    assert field.shape == (2, 50, 131)
    assert field.dtype == np.float32
    # By hand: repeated at the right and at the bottom to 128 x 136, three channels in [-1, 1].
    padded = (np.pad(each, ((0, 78), (0, 5)), mode="edge") for each in (frame, other))
    pair = [torch.from_numpy(each).view(1, 1, 128, 136).repeat(1, 3, 1, 1) for each in padded]
    network = raft_large(weights=None).eval()
    network.load_state_dict(torch.load(raft_file, weights_only=True))
    with torch.inference_mode():
        expected = network(*(2 * (each / 255) - 1 for each in pair), num_flow_updates=2)[-1]
    np.testing.assert_allclose(field, expected[0, :, :50, :131], atol=1e-3)


@pytest.mark.slow
def test_raft_takes_twenty_updates(raft_file):
    flow = RaftFlow(raft_file)
    network, calls = flow.network, []
    network.update_block.register_forward_hook(lambda *_: calls.append(1))
    flow(*drifting(2, 128, 128, right_px=2, down_px=1))
    assert len(calls) == 20


@pytest.mark.parametrize("content", [{"fnet.conv1.weight": torch.zeros(3)}, {}, None])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    path = tmp_path / "raft.pth"
    if content is not None:
        torch.save(content, path)
    frame = texture(16, 16)
    with pytest.raises(UserError, match=r"raft\.pth.*\.$"):
        RaftFlow(path)(frame, frame)


def test_facts_tell_apart_what_computes_fields(tmp_path):
    files = [tmp_path / "a.pth", tmp_path / "b.pth"]
    for number, file in enumerate(files):
        file.write_bytes(bytes([number]))
    estimators = DisFlow("fast"), DisFlow("medium"), *(RaftFlow(file) for file in files)
    flows = [VideoFlow(each, (1, 2), 16, 24) for each in estimators]
    flows += [VideoFlow(DisFlow("fast"), (1, 3), 16, 24), VideoFlow(DisFlow("fast"), (1, 2), 8, 24)]
    assert len({json.dumps(flow.facts) for flow in flows}) == 6
    assert RaftFlow(files[0]).facts == RaftFlow(files[0]).facts


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told(raft_file):
    with pytest.raises(UserError, match=r"flow\.device"):
        _ = RaftFlow(raft_file, "cuda").network


@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_raft_is_the_same_on_a_gpu(raft_file):
    pair = drifting(2, 128, 160, right_px=2, down_px=1)
    on_cpu, on_gpu = (RaftFlow(raft_file, device, 4)(*pair) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(on_gpu, on_cpu, atol=5e-2)


def test_colours_show_direction_and_speed():
    colours = {  # Middlebury's 55 hues, from red; a pixel at rest is white
        (1, 0): (255, 0, 0),
        (0, 1): (255, 229.5, 0),  # between hues 13 and 14
        (-1, 0): (0, 208, 255),  # the middle of the 55
        (0, -1): (88, 0, 255),
        (0.5, 0): (255, 127.5, 127.5),
        (0, 0): (255, 255, 255),
    }
    flow = torch.tensor(list(colours), dtype=torch.float32).T.reshape(1, 2, 2, 3)
    got = (flow_pictures(3.0 * flow)[0].flatten(1).T + 1) / 2 * 255
    np.testing.assert_allclose(got, [*colours.values()], atol=1.5)


def test_each_field_is_divided_by_its_own_greatest_speed(draw):
    slow, fast = draw(2, 2, 6, 7)
    together = flow_pictures(torch.stack([slow, 50 * fast]))
    for field, picture in zip((100 * slow, fast), together, strict=True):
        alone = flow_pictures(field.unsqueeze(0))[0]
        torch.testing.assert_close(alone, picture, atol=2.1 / 255, rtol=0)
    assert together.min() >= -1
    assert together.max() <= 1
    assert together.min() < -0.5  # a pixel of full colour is there


def test_colours_without_torch_are_the_same():
    """But for levels that rounding decides."""
    rng = np.random.default_rng(0)
    fields = rng.normal(0, 3, (3, 2, 2, 20, 30)).astype(np.float16).astype(np.float32)
    fields[0, 0] = 0  # at rest
    fields[1, 1, 1] = 0  # to the left and to the right
    expected = flow_pictures(torch.from_numpy(fields.reshape(6, 2, 20, 30))).numpy()
    differences = np.abs(coloured(fields).reshape(expected.shape) - expected)
    assert differences.max() < 1.01 / 127.5
    assert (differences > 1e-6).mean() < 1e-3
