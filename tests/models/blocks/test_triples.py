"""Models that relate a frame to two neighbours: FGSTP, its ablations, and SLT-Net."""

import numpy as np
import pytest
import torch

from fgstp.models.blocks.frames import normalised
from fgstp.models.blocks.losses import structure_loss
from fgstp.models.registry import create_model
from fgstp.models.sampling import Batch

RELEASED = {"variant": "released"}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("fgstp", {"batch_frames": 1}),
        ("fgstp", {"batch_frames": 16, "network_size": (96, 64)}),
        ("fgstp", {"neighbours": "forward", "normalisation": {"mean": [0.2] * 3}}),
        ("fgstp", {"neighbours": "causal", **RELEASED}),
        ("fgstp_no_ctc", {}),
        ("fgstp_no_fsp", RELEASED),
        ("fgstp_no_ctc_no_fsp", {}),
        ("slt_net", {}),
        ("slt_net", {"neighbours": "centred", "variant": "paper"}),
    ],
)
def test_cached_features_predict_what_three_encodings_a_frame_predict(
    small_model, clip, one_by_one, name, settings
):
    model, frames, seen = small_model(name, **settings), clip(6), []
    encoder = model.triple_network.encoder
    with encoder.register_forward_pre_hook(lambda _, x: seen.append(tuple(x[0].shape))):
        maps = model.predict(frames)
    size = settings.get("network_size", (64, 64))
    assert {shape[2:] for shape in seen} == {size}
    assert sum(shape[0] for shape in seen) == 6  # each frame is encoded once
    assert max(shape[0] for shape in seen) <= model.settings.batch_frames
    assert (maps.dtype, maps.shape) == (np.float32, (6, 40, 56))
    assert 0 <= maps.min() < maps.max() - 0.1 <= 0.9
    np.testing.assert_allclose(maps, one_by_one(model, frames), atol=1e-4)


def windows(draw):
    """Two windows of four frames with two triples each."""
    triples = torch.tensor([[[1, 0, 2], [2, 1, 3]], [[0, 0, 1], [3, 2, 3]]])
    return Batch(draw(2, 4, 1, 64, 64), (draw(2, 2, 1, 64, 64) > 0).float(), triples)


WEIGHTS = (1.0, 0.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0)


@pytest.mark.parametrize(
    ("name", "loss"), [("fgstp", {"output_weights": WEIGHTS}), ("slt_net", {"bce": "mean"})]
)
def test_a_training_step_is_the_sum_of_nine_losses_over_all_triples(small_model, draw, name, loss):
    model, batch = small_model(name, loss=loss), windows(draw)
    total, parts = model.training_step(batch, 0.0)
    expected = {"bce": 0.0, "iou": 0.0}
    for w, t in np.ndindex(2, 2):
        frames = batch.frames[w, batch.targets[w, t]]
        triple = normalised(frames, model.settings.normalisation).unsqueeze(1)
        for output, weight in zip(
            model.network(*triple), model.settings.loss.output_weights, strict=True
        ):
            term = structure_loss(output, batch.masks[w, t].unsqueeze(0), model.settings.loss.bce)
            for part in expected:
                expected[part] += weight * getattr(term, part) / 4
    assert parts.keys() == expected.keys()
    for part, value in expected.items():
        torch.testing.assert_close(parts[part], value.detach(), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(total.detach(), parts["bce"] + parts["iou"])


@pytest.mark.parametrize(("name", "encoded"), [("fgstp", 8), ("fgstp_no_ctc", 4)])
def test_frames_of_a_window_are_encoded_once_and_only_where_needed(
    small_model, draw, name, encoded
):
    model, batch, counted = small_model(name), windows(draw), []
    model.network.encoder.register_forward_pre_hook(lambda _, x: counted.append(len(x[0])))
    loss, _ = model.training_step(batch, 0.0)
    assert counted == [encoded]
    others = batch._replace(frames=batch.frames.flip(1))
    assert not torch.equal(model.training_step(others, 0.0)[0], loss)


@pytest.mark.parametrize("name", ["fgstp", "slt_net"])
def test_the_network_learns_a_blob_from_a_few_steps(blobs, learned, name):
    torch.manual_seed(0)
    settings = {"encoder": {"name": "pvt_v2_b0"}, "height_px": 64, "width_px": 64}
    frames, masks = blobs(3, 3)
    batch = Batch(frames, masks[:, 1:2], torch.tensor([[[1, 0, 2]]]).expand(3, -1, -1))
    first, last = learned(create_model(name, settings), batch, 10)
    assert last < 0.7 * first
