import cv2
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from fgstp.core.errors import UserError
from fgstp.models.blocks.frames import network_input, normalised, probabilities
from fgstp.models.blocks.losses import structure_loss
from fgstp.models.blocks.triple_network import neighbours
from fgstp.models.fgstp import FgstpModel, FgstpSettings
from fgstp.models.sampling import Batch
from fgstp.models.session import Prompt
from fgstp.models.settings import NormalisationSettings

IMAGENET = NormalisationSettings()


def naive(model, frames, size=(64, 64)):
    """Three frames encoded for every target."""
    maps = []
    with torch.inference_mode():
        for i in range(len(frames)):
            numbers = [i, *neighbours(i, len(frames), model.settings.neighbours)]
            triple = network_input(torch.from_numpy(frames[numbers]), *size, IMAGENET)
            logits = model.network.eval()(*triple.unsqueeze(1))[8]
            maps.append(probabilities(logits, *frames.shape[1:])[0].numpy())
    return np.array(maps)


@pytest.mark.parametrize(
    ("mode", "variant", "batch_frames"),
    [
        ("centred", "paper", 1),
        ("centred", "paper", 16),
        ("centred", "released", 3),
        ("forward", "paper", 3),
        ("causal", "released", 2),
    ],
)
def test_cached_features_predict_what_three_encodings_a_frame_predict(
    small_model, clip, mode, variant, batch_frames
):
    model = small_model(neighbours=mode, variant=variant, batch_frames=batch_frames)
    maps = model.predict(clip())
    assert maps.dtype == np.float32
    assert maps.shape == (7, 40, 56)
    assert 0 <= maps.min() < 0.4
    assert 0.6 < maps.max() <= 1
    np.testing.assert_allclose(maps, naive(model, clip()), atol=1e-4)


@pytest.mark.parametrize("name", ["fgstp_no_ctc", "fgstp_no_fsp", "fgstp_no_ctc_no_fsp"])
def test_ablations_predict_too(small_model, clip, name):
    model = small_model(name)
    assert model.name == name
    np.testing.assert_allclose(model.predict(clip()), naive(model, clip()), atol=1e-4)


def test_each_frame_of_a_clip_is_encoded_once(small_model, clip):
    model = small_model()
    counted = []
    model.network.encoder.register_forward_pre_hook(lambda _, frames: counted.append(len(*frames)))
    model.predict(clip(7))
    assert counted == [3, 3, 1]


def test_the_network_works_at_the_size_of_the_settings(small_model, clip):
    model = small_model(network_size=(96, 64))
    seen = []
    model.network.encoder.register_forward_pre_hook(lambda _, x: seen.append(x[0].shape[-2:]))
    maps = model.predict(clip(2))
    assert maps.shape == (2, 40, 56)
    assert seen == [(96, 64)]
    np.testing.assert_allclose(maps, naive(model, clip(2), (96, 64)), atol=1e-4)


def test_a_clip_on_disk_of_one_frame_is_predicted_and_not_changed(small_model, clip, tmp_path):
    np.save(tmp_path / "clip.npy", clip(1))
    frames = np.load(tmp_path / "clip.npy", mmap_mode="r")
    assert small_model().predict(frames).shape == (1, 40, 56)
    np.testing.assert_array_equal(frames, clip(1))


@pytest.mark.parametrize("training", [True, False])
def test_predicting_leaves_the_network_in_its_mode_and_changes_nothing(small_model, clip, training):
    model = small_model()
    model.train(training)
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    first = model.predict(clip())
    assert model.network.training == training
    np.testing.assert_array_equal(first, model.predict(clip()))
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_a_first_mask_makes_no_difference(small_model, clip):
    model = small_model()
    mask = np.ones((40, 56), np.uint8)
    np.testing.assert_array_equal(model.predict(clip(), prompt=Prompt(mask)), model.predict(clip()))
    with pytest.raises(UserError, match=r"\(40, 56\); it has \(4, 5\)"):
        model.predict(clip(), prompt=Prompt(np.ones((4, 5), np.uint8)))


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((0, 8, 8), np.uint8),
        np.zeros((8, 8), np.uint8),
        np.zeros((2, 8, 8, 3), np.uint8),
        np.zeros((2, 8, 8), np.float32),
    ],
)
def test_frames_of_another_form_are_refused(small_model, frames):
    with pytest.raises(UserError, match=r"uint8 array \(T, H, W\)"):
        small_model().predict(frames)


def test_frames_are_normalised_in_three_equal_channels():
    frames = torch.arange(0, 240, dtype=torch.uint8).reshape(2, 10, 12)
    result = network_input(frames, 10, 12, IMAGENET)
    assert result.dtype == torch.float32
    for channel, (mean, std) in enumerate([(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]):
        torch.testing.assert_close(result[:, channel], (frames / 255 - mean) / std)


def test_the_normalisation_is_a_setting_that_prediction_keeps_to(small_model, draw):
    own = {"mean": [0.2] * 3, "std": [0.1] * 3}
    frames = torch.full((1, 4, 4), 51, dtype=torch.uint8)
    dark = network_input(frames, 4, 4, NormalisationSettings.model_validate(own))
    torch.testing.assert_close(dark, torch.zeros(1, 3, 4, 4), atol=1e-6, rtol=0)
    torch.manual_seed(0)
    usual = small_model()
    torch.manual_seed(0)
    other = small_model(normalisation=own)
    clip = (255 * torch.rand(3, 64, 64)).to(torch.uint8).numpy()
    assert abs(usual.predict(clip) - other.predict(clip)).max() > 1e-6
    with pytest.raises(ValidationError):
        NormalisationSettings(std=(0.0, 0.1, 0.1))


def test_frames_are_resized_with_anti_aliasing():
    # Two white columns in four become grey; sampled in their middle they would stay white.
    stripes = np.tile(np.uint8([0, 255, 255, 0]), (64, 16))
    small = network_input(torch.from_numpy(stripes[None]), 16, 16, IMAGENET)[0, 0] * 0.229 + 0.485
    assert (small[:, 1:-1] - 0.5).abs().max() < 0.02
    # Enlarging is plain bilinear, as OpenCV does it.
    grey = np.random.default_rng(0).integers(0, 256, (20, 30)).astype(np.uint8)
    large = network_input(torch.from_numpy(grey[None]), 50, 40, IMAGENET)[0, 0] * 0.229 + 0.485
    expected = cv2.resize(grey.astype(np.float32), (40, 50)) / 255
    np.testing.assert_allclose(large, expected, atol=1e-5)


def windows(draw, masks):
    """Two windows of four frames with two triples each."""
    frames = draw(2, 4, 1, 64, 64)
    return Batch(frames, masks, torch.tensor([[[1, 0, 2], [2, 1, 3]], [[0, 0, 1], [3, 2, 3]]]))


def test_a_training_step_is_the_sum_of_nine_losses_over_all_triples(small_model, draw):
    weights = (1.0, 0.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0)
    model = small_model(loss={"output_weights": weights})
    batch = windows(draw, (draw(2, 2, 1, 64, 64) > 0).float())
    loss, parts = model.training_step(batch, 0.0)

    expected = {"bce": 0.0, "iou": 0.0}
    for w in range(2):
        for t in range(2):
            triple = normalised(batch.frames[w, batch.targets[w, t]], IMAGENET).unsqueeze(1)
            for output, weight in zip(model.network(*triple), weights, strict=True):
                term = structure_loss(output, batch.masks[w, t].unsqueeze(0))
                for name in expected:
                    expected[name] += weight * getattr(term, name) / 4
    assert parts.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(parts[name], value.detach(), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(loss.detach(), parts["bce"] + parts["iou"])
    assert loss.requires_grad
    assert not any(part.requires_grad for part in parts.values())


@pytest.mark.parametrize(("name", "encoded"), [("fgstp", 8), ("fgstp_no_ctc", 4)])
def test_frames_of_a_window_are_encoded_once_and_only_where_needed(
    small_model, draw, name, encoded
):
    model = small_model(name)
    counted = []
    model.network.encoder.register_forward_pre_hook(lambda _, x: counted.append(len(x[0])))
    loss, _ = model.training_step(windows(draw, torch.zeros(2, 2, 1, 64, 64)), 0.0)
    assert counted == [encoded]
    if name == "fgstp_no_ctc":
        other = windows(draw, torch.zeros(2, 2, 1, 64, 64))
        assert not torch.equal(model.training_step(other, 0.0)[0], loss)


def test_the_network_learns_a_blob_from_a_few_steps(draw):
    torch.manual_seed(0)
    model = FgstpModel(FgstpSettings(encoder={"name": "pvt_v2_b0"}, height_px=64, width_px=64))
    frames, masks = 0.5 + 0.02 * draw(4, 3, 1, 64, 64), torch.zeros(4, 1, 1, 64, 64)
    for number in range(4):
        place = slice(8 * number + 4, 8 * number + 28)
        frames[number, :, :, place, 16:40] += 0.45
        masks[number, :, :, place, 16:40] = 1
    batch = Batch(frames, masks, torch.tensor([[[0, 1, 2]]]).expand(4, -1, -1))
    optimiser = torch.optim.Adam(model.network.parameters(), lr=1e-3)
    losses = []
    for _ in range(12):
        optimiser.zero_grad()
        loss, _ = model.training_step(batch, 0.0)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"variant": "other"},
        {"neighbours": "backward"},
        {"batch_frames": 0},
        {"height_px": 0},
        {"encoder": {"name": "resnet50"}},
        {"loss": {"output_weights": [1.0] * 8}},
        {"loss": {"output_weights": [-1.0] * 9}},
        {"loss": {"bce": "median"}},
        {"unknown": 1},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        FgstpSettings.model_validate(wrong)


def test_the_settings_of_the_paper_are_the_default():
    settings = FgstpSettings()
    assert (settings.encoder.name, settings.encoder.weights) == ("pvt_v2_b5", None)
    assert (settings.height_px, settings.width_px) == (352, 352)
    assert (settings.variant, settings.neighbours, settings.loss.bce) == (
        "paper",
        "centred",
        "weighted",
    )
    assert settings.loss.output_weights == (1.0,) * 9
