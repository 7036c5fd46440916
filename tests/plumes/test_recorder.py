import numpy as np
import pytest

from fgstp.plumes.conditions import CameraConditions
from fgstp.plumes.fields import power_law_field
from fgstp.plumes.recorder import Recorder

SHAPE = (61, 83)  # odd on purpose


def _video(n_frames=24, noise=2.0):
    rng = np.random.default_rng(1)
    still = 120.0 + 40.0 * power_law_field(rng, SHAPE, slope=3.0, largest_px=20)
    frames = [still + rng.normal(0.0, noise, SHAPE) for _ in range(n_frames)]
    return [np.clip(frame, 0, 255).astype(np.uint8) for frame in frames]


def _recorded(frames, codec, quantiser, interval=8.0):
    conditions = CameraConditions(
        codecs=(codec,), quantiser=(quantiser, quantiser), key_frame_interval=(interval, interval)
    )
    recorder = Recorder(np.random.default_rng(2), conditions, SHAPE)
    return np.array([recorder.record(frame) for frame in frames])


def _loss(frames, codec, quantiser):
    recorded = _recorded(frames, codec, quantiser)
    assert recorded.shape == (len(frames), *SHAPE)
    assert recorded.dtype == np.uint8
    return np.abs(recorded.astype(int) - frames).mean()


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_frames_come_without_delay_and_coarser_quantisers_lose_more(codec):
    frames = _video()
    losses = [_loss(frames, codec, quantiser) for quantiser in (8.0, 24.0, 36.0)]
    assert losses[0] < 1.5 < losses[-1]
    assert losses == sorted(losses)


def test_both_codecs_lose_about_the_same_at_the_same_quantiser():
    frames = _video()
    for quantiser in (20.0, 30.0):
        one, other = (_loss(frames, codec, quantiser) for codec in ("h264", "mpeg4"))
        assert 0.5 < one / other < 2.0


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_still_blocks_are_skipped_until_the_next_key_frame(codec):
    recorded = _recorded(_video(25, noise=1.0), codec, 30.0)
    same = (recorded[1:] == recorded[:-1]).mean(axis=(1, 2))
    keys = np.arange(7, 24, 8)  # changes to frames 8, 16 and 24
    others = np.setdiff1d(np.arange(24), keys)
    assert np.median(same[others]) > 0.5
    assert same[keys].mean() < np.median(same[others]) - 0.2
