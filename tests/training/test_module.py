import numpy as np
import pytest
import torch
from tiny_model import TinyModel, tiny

from fgstp.core.errors import UserError
from fgstp.models.blocks.frames import normalised
from fgstp.models.blocks.losses import hybrid_loss
from fgstp.models.settings import NormalisationSettings
from fgstp.training.data import SampleOrder, collated
from fgstp.training.module import TrainingModule, overlap, validation_scores
from fgstp.training.settings import TrainSettings


def test_the_loss_is_that_of_independent_triples(clips, build):
    clips.add_blob(6)
    model = build()
    model.network.eval()  # batch normalisation must not see which frames come together
    samples = clips.samples(model.sampling, (64, 64))
    batch = collated([samples[key] for key in SampleOrder([6], 3, seed=1)])
    loss, _ = model.training_step(batch, 0.0)

    terms = []
    inputs = normalised(batch.frames, NormalisationSettings())
    for frames, masks in zip(inputs, batch.masks, strict=True):
        for target in range(3):
            # Frame k of a window precedes its target k, which is its frame k + 1.
            triple = (frames[target + 1], frames[target], frames[target + 2])
            outputs = model.network(*(frame[None] for frame in triple))
            terms.append(sum(hybrid_loss(outputs, masks[target][None], (1.0,) * 9)))
    torch.testing.assert_close(loss, torch.stack(terms).mean(), rtol=1e-4, atol=1e-4)


def test_a_prediction_that_is_not_finite_is_no_score(clips):
    name = clips.add_blob(9, "validation")
    module = TrainingModule(tiny(), TrainSettings(), clips.store)
    torch.nn.init.constant_(module.model.network.last.bias, torch.nan)
    with pytest.raises(UserError, match=rf"no longer finite after epoch 1, on the clip {name}"):
        module.validation_step(clips.row(name), 0)


def test_scores_count_empty_frames_properly():
    # Four frames: half found; gas missed; a false alarm; rightly nothing.
    masks = np.zeros((4, 2, 4), bool)
    masks[0, 0], masks[1, :, :2] = True, True
    found = np.zeros_like(masks)
    found[0, 0, :2], found[2, 0, 0] = True, True
    scores = validation_scores(overlap(found, masks))
    assert scores["val_miou"] == pytest.approx((0.5 + 0 + 0 + 1) / 4)
    assert scores["val_miou_gas"] == pytest.approx((0.5 + 0) / 2)
    assert scores["val_iou"] == pytest.approx(2 / (4 + 4 + 1))
    nothing = validation_scores(overlap(*np.zeros((2, 2, 3, 3), bool)))
    assert nothing == {"val_miou": 1.0, "val_miou_gas": 0.0, "val_iou": 0.0}


@pytest.mark.parametrize(
    ("wanted", "frames", "scored"),
    [(None, slice(0, 21), [10, 15, 20]), (3, slice(5, 16), [10, 15])],
)
def test_validation_scores_annotated_frames_alone(sparse, monkeypatch, wanted, frames, scored):
    name = sparse.add_blob(21, "validation")  # annotated are 0, 5, ... 20; 5 is the first with gas
    module = TrainingModule(tiny(), TrainSettings(validation_frames=wanted), sparse.store)
    given = []

    def predict(frames, prompt):
        given.append((frames, prompt.masks))
        return prompt.masks.astype(np.float32)

    module.model.predict = predict
    monkeypatch.setattr(TinyModel, "prompt_kind", "all_masks")
    module.validation_step(sparse.row(name), 0)
    [(shown, masks)] = given
    np.testing.assert_array_equal(shown, sparse.clip(name).frames[frames])
    assert module._overlaps[name].shape[1] == len(scored) + (wanted is None)
    assert masks.any(axis=(1, 2)).sum() == len(scored) + 1


@pytest.mark.parametrize(("wanted", "expected"), [(None, slice(0, 9)), (3, slice(3, 6))])
def test_validation_is_at_the_clips_own_size_without_a_stretch(clips, wanted, expected):
    name = clips.add_blob(9, "validation")
    module = TrainingModule(tiny(), TrainSettings(validation_frames=wanted), clips.store)
    asked = []

    def predict(frames, prompt):
        asked.append(np.array(frames))
        # Surest at 0.5, just not gas; 0.51 in one row.
        rows = np.where(np.arange(frames.shape[1]) == 7, 0.51, 0.5).astype(np.float32)
        return np.broadcast_to(rows[:, None], frames.shape)

    module.model.predict = predict
    logged = {}
    module.log = lambda key, value, **more: logged.update({key: value})
    module.log_dict = lambda values, **more: logged.update(values)
    module.validation_step(clips.row(name), 0)
    module.on_validation_epoch_end()
    np.testing.assert_array_equal(asked, [clips.clip(name).frames[expected]])
    # A row of 32 is found; gas is 10 x 12, in all frames but the first. The second is not counted.
    with_gas = 12 / (32 + 120 - 12)
    assert logged["val_miou_gas"] == pytest.approx(with_gas)
    assert logged["val_miou"] == pytest.approx(with_gas * (7 / 8 if wanted is None else 1))
