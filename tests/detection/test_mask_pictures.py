import cv2
import numpy as np
import pytest

from fgstp.detection.mask_pictures import mask_pictures
from fgstp.footage.masks import find_masks
from fgstp.footage.settings import IngestSettings
from fgstp.reporting.check import check_footage

SIZE = (60, 80)


def video(path, n_frames=30):
    path.parent.mkdir(parents=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), 10, SIZE[::-1])
    rng = np.random.default_rng(0)
    for _ in range(n_frames):
        writer.write(rng.integers(0, 255, (*SIZE, 3)).astype(np.uint8))
    writer.release()
    return path


def masks_of(source, folder, new_report, results):
    with mask_pictures(new_report(str(source)), folder) as write:
        for result in results:
            write(result)
    return folder / f"{source.stem}_masks"


def test_ingest_takes_them_for_the_masks_of_the_video(new_report, results_at, tmp_path):
    source = video(tmp_path / "pads/pad.mkv")
    results = list(results_at(np.arange(30) / 10, SIZE, alarm_at=2))
    masks_of(source, source.parent, new_report, results)
    settings = IngestSettings.model_validate({"source": "folder", "clip_length_frames": 10})
    [checked] = check_footage(source.parent, settings)
    assert checked.facts["masks"] == "annotated"
    assert checked.facts["annotated"] == "100%"
    assert checked.facts["gas"] == f"{np.mean([each.region for each in results]):.2%}"


def test_they_are_the_regions(new_report, results_at, tmp_path):
    source = video(tmp_path / "pads/pad.mkv")
    results = list(results_at(np.arange(30) / 10, SIZE, alarm_at=2))[::5]
    found = find_masks(masks_of(source, tmp_path, new_report, results), source, {})
    assert sorted(found.numbers) == [0, 5, 10, 15, 20, 25]
    for result in results:
        np.testing.assert_array_equal(found.read(result.number, SIZE), result.region)


def test_pictures_give_their_names_to_their_masks(new_report, results_at, tmp_path):
    frames = tmp_path / "pads/pad"
    frames.mkdir(parents=True)
    for number in range(4):
        cv2.imwrite(str(frames / f"ir_{100 + number}_raw.png"), np.zeros(SIZE, np.uint8))
    masks = masks_of(frames, tmp_path, new_report, results_at(range(4), SIZE, alarm_at=2))
    assert {path.stem for path in masks.iterdir()} == {path.stem for path in frames.iterdir()}
    assert sorted(find_masks(masks, frames, {}).numbers) == [0, 1, 2, 3]


@pytest.mark.parametrize("state", ["frozen", "too_dark"])
def test_what_cannot_be_seen_has_no_mask(new_report, results_at, tmp_path, state):
    source = video(tmp_path / "pads/pad.mkv")
    results = [result._replace(state=state) for result in results_at([0, 1], SIZE)]
    assert list(masks_of(source, tmp_path, new_report, results).iterdir()) == []


def test_masks_of_an_earlier_watch_are_replaced(new_report, results_at, tmp_path):
    source = video(tmp_path / "pads/pad.mkv")
    for n_frames in (5, 2):
        masks = masks_of(source, tmp_path, new_report, results_at(range(n_frames), SIZE))
    assert sorted(path.name for path in masks.iterdir()) == ["000000.png", "000001.png"]
