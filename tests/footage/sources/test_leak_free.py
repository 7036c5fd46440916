"""Sources `leak_free` and `composite`."""

import cv2
import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.settings import IngestSettings
from fgstp.footage.sources import Search, find_videos
from fgstp.footage.video import RefusedVideo

N, HEIGHT, WIDTH = 40, 48, 64


@pytest.fixture
def raw(tmp_path):
    """Two folders of 40 frames and a table, which makes one of them test footage."""
    rng = np.random.default_rng(1)
    for name in ("yard", "sky"):
        folder = tmp_path / "leak_free" / name
        folder.mkdir(parents=True)
        for number in range(N):
            frame = rng.integers(60, 64, (HEIGHT, WIDTH)).astype(np.uint8)
            cv2.imwrite(str(folder / f"{number:03d}.png"), frame)
    table = "video,split,fps_hz\nyard,train,30\nsky,test,30\n"
    (tmp_path / "leak_free" / "videos.csv").write_text(table)
    return tmp_path


def find(raw, *sources, seed=1, **settings):
    every = IngestSettings.model_validate({"source": sources, **settings})
    return find_videos(Search(raw, None, every, seed))


def frames(video):
    return list(video.frames.frames([]))


def test_leak_free_footage_has_empty_masks_and_says_so(raw):
    found = find(raw, "leak_free")
    assert [(video.name, video.split) for video in found] == [
        ("yard_leak_free", "train"),
        ("sky_leak_free", "test"),
    ]
    read = frames(found[0])
    assert len(read) == N
    assert not any(frame.mask.any() for frame in read)
    assert {frame.leak_class for frame in read} == {0}
    assert any("free of gas" in remark for remark in found[0].remarks)


def test_composites_keep_split_and_differ_from_each_other(raw):
    found = find(raw, "composite", composite={"per_video": 2, "seconds": 8})
    assert [(video.name, video.split) for video in found] == [
        ("yard_composite_1", "train"),
        ("yard_composite_2", "train"),
        ("sky_composite_1", "test"),
        ("sky_composite_2", "test"),
    ]
    one, two = (frames(video) for video in found[:2])
    # 30 Hz are thinned out to 15: 8 s are 120 frames.
    assert len(one) == 120
    assert found[0].frames.fps_hz() == 15.0
    assert not all(np.array_equal(a.grey, b.grey) for a, b in zip(one, two, strict=True))


def test_composites_depend_on_the_seed_and_on_the_footage(raw):
    hashes = [find(raw, "composite", seed=seed)[0].frames.content_hash() for seed in (1, 1, 2)]
    assert hashes[0] == hashes[1] != hashes[2]
    picture = raw / "leak_free" / "yard" / "003.png"
    cv2.imwrite(str(picture), np.zeros((HEIGHT, WIDTH), np.uint8))
    assert find(raw, "composite")[0].frames.content_hash() != hashes[0]


def test_several_sources_are_taken_together(raw):
    synthetic = {"train_videos_per_category": 1, "test_videos_per_category": 0}
    found = find(raw, "leak_free", "synthetic", "composite", synthetic=synthetic)
    assert len(found) == 2 + 5 + 2
    assert len({video.name for video in found}) == len(found)


def test_sixteen_bits_are_mapped_before_gas_is_drawn(raw):
    for picture in (raw / "leak_free" / "yard").iterdir():
        frame = np.linspace(20_000, 21_000, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
        cv2.imwrite(str(picture), frame.astype(np.uint16))
    first = frames(find(raw, "composite")[0])[0].grey
    assert first.dtype == np.uint8
    assert np.ptp(first) > 200


@pytest.mark.parametrize("source", ["leak_free", "composite"])
def test_a_refused_video_stays_refused(raw, source):
    (raw / "leak_free" / "videos.csv").unlink()
    (raw / "leak_free" / "gone.mp4").symlink_to(raw / "nowhere.mp4")
    found = find(raw, source)
    assert [isinstance(video, RefusedVideo) for video in found].count(True) == 1
    assert len(found) == 3


def test_a_missing_folder_names_its_setting(tmp_path):
    with pytest.raises(UserError, match=r"ingest\.leak_free\.path"):
        find(tmp_path, "composite")


@pytest.mark.parametrize("sources", [["composite", "composite"], []])
def test_a_source_is_named_once(sources):
    with pytest.raises(ValueError, match="none twice"):
        IngestSettings.model_validate({"source": sources})
