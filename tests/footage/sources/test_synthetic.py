from collections import Counter
from dataclasses import fields, replace

import numpy as np
import pytest

from fgstp.footage.settings import IngestSettings, SyntheticSettings
from fgstp.footage.sources import Search
from fgstp.footage.sources.synthetic import SyntheticFootage, SyntheticSample, find_synthetic
from fgstp.plumes import CATEGORIES, SyntheticVideo
from fgstp.plumes.presets import PRESETS

SMALL = SyntheticSettings(
    train_videos_per_category=2,
    test_videos_per_category=1,
    seconds=2.0,
    fps_hz=5.0,
    height_px=40,
    width_px=48,
)
# Distances of the GasVid videos of each category, in metres.
DISTANCES_M = {
    "close_clear": {4.6},
    "medium_clear": {6.9, 9.8},
    "close_complex": {4.6},
    "long_clear": {18.6},
    "long_complex": {15.6, 18.6},
}


def found(settings, seed):
    settings = IngestSettings(source="synthetic", synthetic=settings)
    return find_synthetic(Search(None, None, settings, seed))


def test_each_category_has_its_videos():
    videos = found(SMALL, seed=0)
    counts = Counter((video.frames.category, video.split) for video in videos)
    assert counts == {
        (category, split): count
        for category in CATEGORIES
        for split, count in (("train", 2), ("test", 1))
    }
    assert len({video.name for video in videos}) == 15


def test_facts_are_those_of_the_category():
    for video in found(SMALL, seed=3):
        category = video.frames.category
        assert video.name.startswith(category)
        assert video.distance_m in DISTANCES_M[category]
        assert video.background == category.split("_")[1]
        assert video.mask_source == "synthetic"
        assert video.masks is None


def test_length_and_size_are_as_told():
    video = found(SMALL, seed=0)[0]
    assert video.frames.n_frames_hint() == 10
    assert video.frames.fps_hz() == 5.0
    assert next(video.frames.frames([])).grey.shape == (40, 48)
    shortest = found(SMALL.model_copy(update={"seconds": 0.01}), seed=0)[0]
    assert shortest.frames.n_frames_hint() == 1


def test_still_plumes_reach_the_video_that_is_rendered():
    footage = found(SMALL.model_copy(update={"still_plumes": 2}), seed=0)[0].frames
    video = SyntheticVideo(
        footage.category,
        footage.seed,
        n_frames=1,
        fps_hz=5.0,
        height_px=40,
        width_px=48,
        still_plumes=2,
    )
    shown = next(footage.frames([])).grey
    np.testing.assert_array_equal(shown, next(iter(video)).grey)
    without = next(found(SMALL, seed=0)[0].frames.frames([])).grey
    assert not np.array_equal(shown, without)


def test_no_two_videos_are_alike_and_the_seed_decides():
    hashes = [video.frames.content_hash() for seed in (0, 1) for video in found(SMALL, seed)]
    assert len(set(hashes)) == 30
    again = [video.frames.content_hash() for video in found(SMALL, 0)]
    assert again == hashes[:15]


def test_more_training_videos_leave_the_others_as_they_are():
    few = {video.name: video.split for video in found(SMALL, seed=1)}
    counts = {"train": 4, "validation": 1, "test": 2}
    names = {f"{split}_videos_per_category": count for split, count in counts.items()}
    many = {video.name: video.split for video in found(SMALL.model_copy(update=names), seed=1)}
    assert few.items() <= many.items()
    assert Counter(many.values()) == {split: 5 * count for split, count in counts.items()}


# -------------------------------------------------------------------------- footage

FOOTAGE = SyntheticFootage("close_clear", 1, n_frames=12, rate_hz=5.0, height_px=40, width_px=48)


@pytest.mark.parametrize("name", [field.name for field in fields(SyntheticFootage)])
def test_any_change_of_the_recipe_changes_signature_and_hash(name):
    others = {"category": "long_clear", "conditions": PRESETS["wide"]}
    value = others[name] if name in others else getattr(FOOTAGE, name) + 1
    other = replace(FOOTAGE, **{name: value})
    assert other.signature() != FOOTAGE.signature()
    assert other.content_hash() != FOOTAGE.content_hash()
    assert replace(other, **{name: getattr(FOOTAGE, name)}).signature() == FOOTAGE.signature()


def test_a_new_version_of_the_generator_changes_the_signature(monkeypatch):
    before = FOOTAGE.signature()
    monkeypatch.setattr("fgstp.footage.sources.synthetic.GENERATOR_VERSION", -1)
    assert FOOTAGE.signature() != before


def test_conditions_reach_the_video_that_is_rendered():
    footage = [
        found(SyntheticSettings(**(SMALL.model_dump() | {"conditions": name})), seed=0)[0].frames
        for name in ("demo", "wide")
    ]
    assert [each.conditions for each in footage] == [PRESETS["demo"], PRESETS["wide"]]
    one, other = (next(each.frames([])).grey for each in footage)
    assert not np.array_equal(one, other)


def test_a_sample_has_all_categories_in_turn():
    videos = list(SyntheticSample(7, 2.0, seed=3).videos("wide", 5.0))
    assert [video.frames.category for video in videos] == [*CATEGORIES, *CATEGORIES[:2]]
    assert {video.frames.n_frames for video in videos} == {10}
    assert len({video.frames.seed for video in videos}) == 7
