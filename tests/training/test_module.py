import numpy as np
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.models.frames import normalised
from fgstp.models.losses import hybrid_loss
from fgstp.models.settings import NormalisationSettings
from fgstp.training.loaders import train_loader
from fgstp.training.module import Overlap, TrainingModule
from fgstp.training.samples import WindowOrder, WindowSamples
from fgstp.training.settings import AugmentationSettings, TrainSettings


@pytest.fixture
def batches(clips):
    """Gives all batches of an epoch of windows, or of triples."""

    def make(settings, size=(64, 64)):
        found = clips.masked()
        windows = WindowSamples(
            clips.store,
            found,
            n_targets=settings.targets_per_window,
            offsets=(-1, 1),
            size=size,
            augmentation=AugmentationSettings(enabled=False),
        )
        order = WindowOrder(found, settings.targets_per_window, seed=1)
        return list(
            train_loader(
                windows, order, samples_per_step=settings.windows_per_step, workers=0, cuda=False
            )
        )

    return make


def test_the_loss_is_that_of_independent_triples(clips, batches, build):
    clips.add_blob(6)
    model = build()
    model.network.eval()  # batch normalisation must not see which frames come together
    settings = TrainSettings(window_targets=3, targets_per_step=6)
    module = TrainingModule(model, settings, clips.store, 1)
    module.log = module.log_dict = lambda *args, **more: None
    [batch] = batches(settings)
    loss = module.training_step(batch, 0)

    sample = batch.batch()
    terms = []
    inputs = normalised(sample.frames, NormalisationSettings())
    for frames, masks in zip(inputs, sample.masks, strict=True):
        for target in range(3):
            # Frame k of a window precedes its target k, which is its frame k + 1.
            triple = (frames[target + 1], frames[target], frames[target + 2])
            outputs = model.network(*(frame[None] for frame in triple))
            terms.append(sum(hybrid_loss(outputs, masks[target][None], (1.0,) * 9)))
    torch.testing.assert_close(loss, torch.stack(terms).mean(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("n_targets", "ratio"), [(4, 6 / 12), (2, 4 / 6)])
def test_windows_save_encoder_passes(clips, batches, build, n_targets, ratio):
    clips.add_blob(8)
    model = build()
    encoded = []
    encode = model.network.encode
    model.network.encode = lambda frames: encoded.append(len(frames)) or encode(frames)

    def passes(**changes):
        settings = TrainSettings(targets_per_step=4, **changes)
        encoded.clear()
        with torch.no_grad():
            for batch in batches(settings, size=(32, 32)):
                model.training_step(batch.batch(), 0.0)
        return sum(encoded)

    assert passes(windows=False) == 8 * 3
    assert passes(window_targets=n_targets) == pytest.approx(ratio * 8 * 3)


def test_a_loss_that_is_not_finite_names_the_clips(clips, batches, build):
    for seed in range(2):
        clips.add_blob(4, seed=seed)
    model = build()
    settings = TrainSettings(window_targets=4, targets_per_step=8)
    module = TrainingModule(model, settings, clips.store, 1)
    [batch] = batches(settings)
    with torch.no_grad():
        model.network.fusion[2].bias.fill_(torch.nan)
    with pytest.raises(UserError, match=r"became nan in epoch 1.*V_000[01], V_000[01]; lower"):
        module.training_step(batch, 0)


def test_a_prediction_that_is_not_finite_is_no_score(clips, build):
    name = clips.add_blob(9, "validation")
    model = build()
    module = TrainingModule(model, TrainSettings(), clips.store, 1)
    with torch.no_grad():
        model.network.fusion[2].bias.fill_(torch.nan)
    with pytest.raises(UserError, match=rf"no longer finite after epoch 1, on the clip {name}; lo"):
        module.validation_step(name, 0)


def test_the_rate_drops_when_its_epoch_begins(clips, build):
    def rates(every):
        module = TrainingModule(
            build(), TrainSettings(learning_rate=1.0, drop_every_epochs=every), clips.store, 1
        )
        configured = module.configure_optimizers()
        optimiser, schedule = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
        found = {}
        for epoch in range(1, 61):
            found[epoch] = optimiser.param_groups[0]["lr"]
            optimiser.step()
            schedule.step()
        return found

    paper = rates(45)
    assert paper[1] == paper[44] == 1.0
    assert paper[45] == paper[60] == pytest.approx(0.1)
    often = rates(20)
    assert [often[e] for e in (19, 20, 39, 40, 60)] == pytest.approx([1, 0.1, 0.1, 0.01, 0.001])


def test_scores_count_empty_frames_properly():
    # Four frames: half found; gas missed; a false alarm; rightly nothing.
    masks = np.zeros((4, 2, 4), bool)
    masks[0, 0], masks[1, :, :2] = True, True
    found = np.zeros_like(masks)
    found[0, 0, :2], found[2, 0, 0] = True, True
    scores = Overlap.of(found, masks).scores()
    assert scores["val_miou"] == pytest.approx((0.5 + 0 + 0 + 1) / 4)
    assert scores["val_miou_gas"] == pytest.approx((0.5 + 0) / 2)
    assert scores["val_iou"] == pytest.approx(2 / (4 + 4 + 1))
    nothing = Overlap.of(np.zeros((2, 3, 3), bool), np.zeros((2, 3, 3), bool)).scores()
    assert nothing == {"val_miou": 1.0, "val_miou_gas": 0.0, "val_iou": 0.0}


@pytest.mark.parametrize(("wanted", "expected"), [(None, slice(0, 9)), (3, slice(3, 6))])
def test_validation_is_at_the_clips_own_size_without_a_stretch(clips, build, wanted, expected):
    name = clips.add_blob(9, "validation")
    module = TrainingModule(build(), TrainSettings(validation_frames=wanted), clips.store, 1)
    asked = []

    def predict_clip(frames):
        asked.append(np.array(frames))
        # Surest at 0.5, just not gas; 0.51 in one row.
        maps = np.full(frames.shape, 0.5, np.float32)
        maps[:, 7] = 0.51
        return maps

    module.model.predict_clip = predict_clip
    logged = {}
    module.log = lambda key, value, **more: logged.update({key: value})
    module.log_dict = lambda values, **more: logged.update(values)
    module.validation_step(name, 0)
    module.on_validation_epoch_end()
    np.testing.assert_array_equal(asked, [clips.store.frames(name)[expected]])
    # A row of 32 is found; gas is 10 x 12, in all frames but the first. The second is not counted.
    with_gas = 12 / (32 + 120 - 12)
    assert logged["val_miou_gas"] == pytest.approx(with_gas)
    assert logged["val_miou"] == pytest.approx(with_gas * (7 / 8 if wanted is None else 1))
