import pytest
from pydantic import ValidationError

from fgstp.models.settings import GradientClip
from fgstp.training.settings import AugmentationSettings, TrainSettings


def test_the_defaults_are_the_papers():
    settings, varied = TrainSettings(), AugmentationSettings()
    assert (settings.epochs, settings.learning_rate, settings.drop_every_epochs) == (60, 1e-4, 45)
    assert settings.targets_per_step == 6
    assert settings.gradient_clip == GradientClip(by="value", at=0.5)
    assert (varied.flip_fraction, varied.rotation_fraction) == (0.5, 0.2)
    assert (varied.rotation_degrees, varied.sharpness) == ((-15, 14), (0, 3))
    assert varied.mask_noise_fraction == 0.0015


@pytest.mark.parametrize(
    "wrong",
    [
        *({"epoch": 3}, {"epochs": 0}, {"learning_rate": 0}, {"learning_rate": float("inf")}),
        *({"precision": "16"}, {"monitor": "loss"}, {"time_limit_s": 0}, {"devices": 0}),
        *({"gradient_clip": {"by": "norm", "at": 0}}, {"nodes": 2, "rendezvous": "node1"}),
        *({"augmentation": {"flip_fraction": 1.5}}, {"augmentation": {"brightness": (1.5, 0.5)}}),
        {"augmentation": {"rotation_degrees": (0.5, 1.0)}},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        TrainSettings.model_validate(wrong)


def test_several_machines_must_find_each_other():
    with pytest.raises(ValidationError, match="rendezvous is not set"):
        TrainSettings(nodes=2)


def test_what_may_change_between_two_runs_decides_nothing():
    one = TrainSettings(epochs=3, workers=2, time_limit_s=5, patience=2, accumulate_grad_batches=2)
    assert one.decisive() == TrainSettings().decisive()
    for change in (
        {"learning_rate": 1e-3},
        {"window_targets": 1},
        {"augmentation": AugmentationSettings(flip_fraction=0)},
        {"monitor": "val_iou"},
    ):
        assert TrainSettings(**change).decisive() != one.decisive()
