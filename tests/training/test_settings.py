import pytest
from pydantic import ValidationError

from fgstp.training.settings import AugmentationSettings, TrainSettings


def test_the_defaults_are_the_papers():
    settings = TrainSettings()
    assert (settings.epochs, settings.learning_rate, settings.drop_every_epochs) == (60, 1e-4, 45)
    assert (settings.targets_per_step, settings.gradient_clip_value) == (6, 0.5)
    varied = settings.augmentation
    assert (varied.flip_fraction, varied.rotation_fraction, varied.mask_noise_fraction) == (
        0.5,
        0.2,
        0.0015,
    )
    assert (varied.rotation_degrees, varied.sharpness) == ((-15, 14), (0, 3))


@pytest.mark.parametrize(
    ("targets", "window", "expected"),
    [(6, 4, 2), (6, 3, 2), (8, 4, 2), (5, 4, 1), (1, 4, 1), (9, 4, 2), (10, 4, 3)],
)
def test_a_step_has_the_nearest_whole_number_of_windows(targets, window, expected):
    settings = TrainSettings(targets_per_step=targets, window_targets=window)
    assert settings.windows_per_step == expected


def test_without_windows_a_step_has_exactly_its_targets():
    settings = TrainSettings(windows=False, steps_per_epoch=7)
    assert (settings.targets_per_window, settings.windows_per_step) == (1, 6)
    assert settings.targets_per_epoch == 42
    assert TrainSettings().targets_per_epoch is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"epoch": 3},
        {"epochs": 0},
        {"learning_rate": 0},
        {"learning_rate": float("inf")},
        {"precision": "16"},
        {"monitor": "loss"},
        {"time_limit_s": 0},
        {"devices": 0},
        {"nodes": 2, "rendezvous": "node1"},
        {"augmentation": {"flip_fraction": 1.5}},
        {"augmentation": {"brightness": (1.5, 0.5)}},
        {"augmentation": {"rotation_degrees": (0.5, 1.0)}},
    ],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        TrainSettings.model_validate(wrong)


def test_windows_of_a_step_must_be_shared_out_evenly():
    settings = TrainSettings(targets_per_step=32, devices=2, nodes=4, rendezvous="node1:29400")
    assert (settings.n_processes, settings.windows_per_step) == (8, 8)
    with pytest.raises(ValidationError, match=r"2 windows .* 3 processes .* a multiple of 12"):
        TrainSettings(devices=3)


def test_several_machines_must_find_each_other():
    with pytest.raises(ValidationError, match=r"nodes is 2, but rendezvous .* node1:29400"):
        TrainSettings(nodes=2)


def test_what_may_change_between_two_runs_decides_nothing():
    one = TrainSettings(epochs=3, workers=2, time_limit_s=5, patience=2, devices=2)
    assert one.decisive() == TrainSettings().decisive()
    for change in (
        {"learning_rate": 1e-3},
        {"windows": False},
        {"augmentation": AugmentationSettings(flip_fraction=0)},
        {"monitor": "val_iou"},
    ):
        assert TrainSettings(**change).decisive() != one.decisive()
