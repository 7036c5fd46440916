from dataclasses import fields, replace

import numpy as np
import pytest

from fgstp.footage.sources.synthetic import SyntheticFootage
from fgstp.plumes import SyntheticVideo

FOOTAGE = SyntheticFootage("close_clear", 1, n_frames=12, rate_hz=5.0, height_px=40, width_px=48)


def test_frames_masks_and_classes_are_those_of_the_generator():
    frames = list(FOOTAGE)
    video = SyntheticVideo("close_clear", 1, n_frames=12, fps_hz=5.0, height_px=40, width_px=48)
    for frame, rendered in zip(frames, video, strict=True):
        assert frame.grey.shape == (40, 48)
        np.testing.assert_array_equal(frame.grey, rendered.grey)
        np.testing.assert_array_equal(frame.mask, rendered.mask)
        assert frame.leak_class == rendered.leak_class


def test_length_and_rate_are_known_without_rendering():
    assert FOOTAGE.n_frames_hint() == len(list(FOOTAGE)) == 12
    assert FOOTAGE.fps_hz() == 5.0


@pytest.mark.parametrize("name", [field.name for field in fields(SyntheticFootage)])
def test_any_change_of_the_recipe_changes_signature_and_hash(name):
    value = "long_clear" if name == "category" else getattr(FOOTAGE, name) + 1
    other = replace(FOOTAGE, **{name: value})
    assert other.signature() != FOOTAGE.signature()
    assert other.content_hash() != FOOTAGE.content_hash()
    assert replace(other, **{name: getattr(FOOTAGE, name)}).signature() == FOOTAGE.signature()


def test_a_new_version_of_the_generator_changes_the_signature(monkeypatch):
    before = FOOTAGE.signature()
    monkeypatch.setattr("fgstp.footage.sources.synthetic.GENERATOR_VERSION", -1)
    assert FOOTAGE.signature() != before
