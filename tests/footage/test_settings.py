import pytest
from pydantic import ValidationError

from fgstp.core.config import check_seed
from fgstp.core.errors import UserError
from fgstp.footage.settings import IngestSettings


def faulty(change):
    *blocks, name = change[0].split(".")
    settings = {name: change[1]}
    for block in reversed(blocks):
        settings = {block: settings}
    return {"source": "gasvid"} | settings


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("source", "youtube", "choose one of annotated, composite, folder"),
        ("clip_length_frames", 2, "greater than or equal to 3"),
        ("clip_lenght_frames", 150, "there is no such setting"),
        ("synthetic.seconds", 0, "greater than 0"),
        ("synthetic.height_px", 31, "greater than or equal to 32"),
        ("synthetic.fps", 15, "there is no such setting"),
        ("span.mode", "stretched", "'robust' or 'fixed'"),
        ("span.low_percentile", 99.95, "low end of a span must lie below its high end"),
        ("span.low_counts", 65535, "low end of a span must lie below its high end"),
        ("span.high_counts", 65536, "less than or equal to 65535"),
        ("categories.close_below_m", 14.5, "close_below_m must not exceed long_from_m"),
        ("categories.complex_from_fraction", 1.1, "less than or equal to 1"),
        ("duplicates.threshold", 0, "greater than 0"),
        ("duplicates.threshold", 1.5, "less than or equal to 1.01"),
        ("validation.fraction", -0.1, "greater than or equal to 0"),
        ("validation.gap_clips", 0, "greater than or equal to 1"),
        ("pseudo_masks.polarity", "cold", "'bright', 'dark' or 'both'"),
        ("pseudo_masks.percentile", 50, "less than 50"),
        ("pseudo_masks.opening_px", 4, "must be odd"),
        ("pseudo_masks.opening_px", -1, "greater than or equal to 1"),
        ("parallel.jobs", 0, "-1 .all processors. or at least 1"),
        ("contact_sheet.frames_per_clip", 0, "greater than or equal to 1"),
    ],
)
def test_values_out_of_range_are_refused(setting, value, message):
    with pytest.raises(ValidationError, match=message) as error:
        IngestSettings.model_validate(faulty((setting, value)))
    assert error.value.error_count() == 1
    # The fault is found where it is: in the setting, or in its block where two disagree.
    place = ".".join(map(str, error.value.errors()[0]["loc"]))
    assert setting.startswith(place)
    assert place


def test_no_synthetic_video_at_all_is_refused():
    none = {"train_videos_per_category": 0, "test_videos_per_category": 0}
    with pytest.raises(ValidationError, match="at least one training or test video"):
        IngestSettings(source="synthetic", synthetic=none)


def test_labels_may_be_numbers():
    settings = IngestSettings.model_validate(faulty(("masks.labelmap", {1: "gas", "2": "void"})))
    assert settings.masks.labelmap == {"1": "gas", "2": "void"}


def test_settings_do_not_change():
    settings = IngestSettings(source="folder")
    with pytest.raises(ValidationError, match="frozen"):
        settings.source = "gasvid"


@pytest.mark.parametrize("seed", [-1, 1.0, "1", True, None])
def test_a_seed_that_is_no_whole_number_is_refused(seed):
    with pytest.raises(UserError, match=r"The seed is .*; choose a whole number from 0 to ") as e:
        check_seed(seed)
    assert repr(seed) in str(e.value)


def test_a_seed_passes_as_it_is():
    assert [check_seed(seed) for seed in (0, 42)] == [0, 42]
