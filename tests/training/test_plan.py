from types import SimpleNamespace

import pytest

from fgstp.core.errors import UserError
from fgstp.models.sampling import FlowPairs, SpreadFrames, Windows
from fgstp.models.settings import OptimisationSettings
from fgstp.training.plan import plan_of
from fgstp.training.settings import TrainSettings

CLIPS = SpreadFrames(n_frames=8, largest_step=((0.0, 3),))
FLOW = FlowPairs((-1, 1), lambda frames, gap: None)


def plan(sampling, targets=None, **train):
    own = OptimisationSettings(targets_per_step=targets)
    model = SimpleNamespace(name="some_model", sampling=sampling, optimisation=own)
    return plan_of(model, TrainSettings(**train))


@pytest.mark.parametrize(
    ("sampling", "targets", "expected"),
    [
        # 90 steps of 8 targets are 720 targets an epoch for all.
        (Windows((-1, 1)), None, (2, 4, 360)),
        (Windows((), n_targets=5), None, (5, 2, 144)),
        (CLIPS, None, (8, 1, 90)),
        (CLIPS, 32, (8, 4, 92)),  # 22.5 steps, a half rounded up
        (FLOW, 16, (1, 16, 720)),
    ],
)
def test_all_models_see_as_many_targets_an_epoch(sampling, targets, expected):
    found = plan(sampling, targets, window_targets=2, targets_per_step=8, steps_per_epoch=90)
    assert found == expected


def test_an_epoch_without_end_has_all_samples():
    assert plan(CLIPS).samples_per_epoch is None


def test_samples_that_processes_cannot_share_are_refused():
    with pytest.raises(UserError, match=r"some_model has 1 samples of 8 frames.* multiple of 16"):
        plan(CLIPS, targets_per_step=8, window_targets=4, devices=2)
