"""How the samples of a model make steps, and the steps an epoch."""

from typing import NamedTuple

from fgstp.core.errors import UserError
from fgstp.models.registry import AnyModel
from fgstp.models.sampling import SpreadFrames, Windows
from fgstp.training.settings import TrainSettings


class Plan(NamedTuple):
    """Sizes of sample, step and epoch, of all processes together.

    Attributes:
        sample_targets: target frames of a sample.
        samples_per_step: samples of a step.
        samples_per_epoch: samples of an epoch at most; None: all.
    """

    sample_targets: int
    samples_per_step: int
    samples_per_epoch: int | None


def plan_of(model: AnyModel, settings: TrainSettings) -> Plan:
    """Plan the training of a model in its present stage.

    All models see as many target frames an epoch. A step has, to the nearest whole number of
    samples and at least one, the targets that the model's own settings or else
    `train.targets_per_step` say; an epoch that `train.steps_per_epoch` ends has so many targets as
    these steps of the block `train`.

    Args:
        model: the model.
        settings: how it is trained.

    Raises:
        UserError: a step cannot be shared out evenly among the processes.
    """
    n_targets = _sample_targets(model, settings)
    wanted = model.optimisation.targets_per_step or settings.targets_per_step
    n_samples = _nearest(wanted, n_targets)
    if n_samples % settings.n_processes:
        raise UserError(
            f"A step of {model.name} has {n_samples} samples of {n_targets} frames, which cannot "
            f"be shared out evenly among {settings.n_processes} processes (devices times nodes); "
            "let targets_per_step of its optimisation be a multiple of "
            f"{settings.n_processes * n_targets}."
        )
    if settings.targets_per_epoch is None:
        return Plan(n_targets, n_samples, None)
    n_steps = max(1, _nearest(settings.targets_per_epoch, n_samples * n_targets))
    return Plan(n_targets, n_samples, n_steps * n_samples)


def _sample_targets(model: AnyModel, settings: TrainSettings) -> int:
    sampling = model.sampling
    if isinstance(sampling, SpreadFrames):
        return sampling.n_frames
    if isinstance(sampling, Windows):
        return sampling.n_targets or settings.targets_per_window
    return 1  # two fields of one frame


def _nearest(total: int, part: int) -> int:
    """How often a part goes into a total, a half rounded up, at least once."""
    return max(1, (2 * total + part) // (2 * part))
