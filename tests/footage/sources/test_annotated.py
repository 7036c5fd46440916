import numpy as np
import pandas as pd
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.settings import IngestSettings
from fgstp.footage.sources import Search
from fgstp.footage.sources.annotated import find_annotated
from fgstp.footage.video import RefusedVideo, Video

TABLE = pd.DataFrame(
    {
        "video": ["MOV_1467", "MOV_1472"],
        "split": ["test", ""],
        "distance_m": ["4.6", "18.6"],
        "background": ["complex", ""],
        "leak0_start_s": ["18", "4"],
    }
)


def found_in(raw, table):
    return find_annotated(Search(raw, table, IngestSettings(source="annotated"), seed=1))


@pytest.fixture
def raw(tmp_path, write_picture):
    """Makes annotated clips, such as `train/clip`, of three frames and a mask for each."""

    def make(*clips, images=("2.jpg", "10.jpg", "1.jpg"), masks=("1.png", "2.png", "10.png")):
        for clip in clips:
            folder = tmp_path / "gasvid_annotated" / clip
            folder.mkdir(parents=True, exist_ok=True)
            for part, names in (("images", images), ("masks", masks)):
                for name in names:
                    write_picture(folder / part / name, np.full((6, 8), 255, np.uint8))
        return tmp_path

    return make


def test_clips_are_videos_in_the_split_of_their_folder(raw):
    root = raw("val/b", "test/c", "train/a", "train/A 1")
    found = found_in(root, TABLE)
    assert [(video.name, video.split) for video in found] == [
        *(("A 1", "train"), ("a", "train"), ("b", "validation"), ("c", "test"))
    ]
    for video in found:
        assert isinstance(video, Video)
        assert [path.name for path in video.frames.files] == ["1.jpg", "2.jpg", "10.jpg"]
        assert [video.masks.files[n].name for n in range(3)] == ["1.png", "2.png", "10.png"]
        assert video.mask_source == "annotated"
        assert (video.distance_m, video.background, video.schedule) == (None, None, None)


@pytest.mark.parametrize(
    ("clip", "distance_m", "background"),
    [
        ("MOV_1467_3", 4.6, "complex"),
        ("2017-1467", 4.6, "complex"),  # a year is no video of the set
        ("seq_1472", 18.6, None),
        ("MOV_1468", None, None),
        ("MOV_146", None, None),
    ],
)
def test_facts_come_from_the_video_whose_number_the_name_holds(raw, clip, distance_m, background):
    (video,) = found_in(raw(f"train/{clip}"), TABLE)
    assert (video.name, video.split) == (clip, "train")
    assert (video.distance_m, video.background) == (distance_m, background)
    # Where in the video the clip lies is not known, so its leak class is neither.
    assert video.schedule is None


def test_a_clip_in_two_splits_is_refused_in_both(raw):
    root = raw("train/a", "test/a", "train/b")
    found = {(video.name, video.split): video for video in found_in(root, TABLE)}
    assert isinstance(found["b", "train"], Video)
    for split in ("train", "test"):
        refused = found["a", split]
        assert isinstance(refused, RefusedVideo)
        assert refused.error == (
            f"a is in train and in test of {root / 'gasvid_annotated'}; a clip may be for one "
            "split only: remove one of them"
        )


def test_masks_without_a_frame_refuse_their_clip_only(raw):
    raw("train/a")
    root = raw("train/b", masks=("1.png", "3.png"))
    sound, refused = found_in(root, TABLE)
    assert isinstance(sound, Video)
    assert refused.split == "train"
    assert refused.error.startswith("b: 1 of the 2 masks in ")
    assert "belong to no frame, the first is 3.png; give a mask the name of its frame" in (
        refused.error
    )


def test_clips_without_masks_or_frames(raw):
    raw("train/a", masks=())
    root = raw("train/b", images=(), masks=())
    without_masks, without_frames = found_in(root, TABLE)
    assert without_masks.mask_source == "none"
    assert without_masks.masks is None
    assert without_frames.frames.n_frames_hint() == 0


@pytest.mark.parametrize("there", ["", "train", "other/clip"])
def test_without_any_clip_the_layout_is_told(tmp_path, there):
    if there:
        (tmp_path / "gasvid_annotated" / there).mkdir(parents=True)
    with pytest.raises(UserError, match="There is no clip in") as error:
        found_in(tmp_path, TABLE)
    assert str(tmp_path / "gasvid_annotated") in str(error.value)
    assert "put {train,val,test}/<clip>/{images,masks}/ there" in str(error.value)
    assert "ingest.source" in str(error.value)
