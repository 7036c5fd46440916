import numpy as np
import pytest

from fgstp.plumes.conditions import CameraConditions
from fgstp.plumes.mount import Mount


def _track(seconds=600, step_s=0.1, seed=1, **changes):
    conditions = CameraConditions(**({"jitter_fraction": 0.0} | changes))
    mount = Mount(np.random.default_rng(seed), conditions, 320, step_s)
    return np.array([mount.step() for _ in range(round(seconds / step_s))])


def test_a_firm_mount_does_not_move():
    assert not _track().any()


def test_jitter_has_the_strength_asked_for_and_some_cameras_have_none():
    track = _track(jitter_fraction=1.0, jitter_px=(0.1, 0.1))
    assert track.std(axis=0) == pytest.approx([0.1, 0.1], rel=0.1)
    still = [not _track(1, seed=seed, jitter_fraction=0.5).any() for seed in range(200)]
    assert np.mean(still) == pytest.approx(0.5, abs=0.1)


def test_bumps_come_as_often_as_asked_ring_and_leave_the_camera_displaced():
    track = _track(36_000, bumps_per_hour=6.0)
    moves = np.abs(np.diff(track, axis=0)).max(axis=1) > 1e-3
    gaps = np.diff(np.flatnonzero(moves)) > 100
    assert gaps.sum() + 1 == pytest.approx(60, abs=20)
    assert moves.mean() < 0.02
    rests = track[np.flatnonzero(~moves)]
    assert 0.3 < rests.std(axis=0).mean() < 20.0
