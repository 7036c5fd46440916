import os
from pathlib import Path

import pytest

from fgstp.core.errors import UserError
from fgstp.footage.frame_sources import PictureSequence, VideoFile
from fgstp.footage.settings import FolderSettings, IngestSettings
from fgstp.footage.sources import Search
from fgstp.footage.sources.folder import find_in_folder
from fgstp.footage.video import LeakSchedule, RefusedVideo, Video

SETTINGS = FolderSettings(path="meine Aufnahmen (Öl)")


def found_in(raw, folder, **settings):
    settings = IngestSettings(source="folder", folder=folder, **settings)
    return find_in_folder(Search(raw, None, settings, seed=1))


@pytest.fixture
def root(tmp_path):
    return tmp_path / SETTINGS.path


@pytest.fixture
def find(root):
    """Makes files, empty because they are looked for and not into, and finds the videos."""

    def make_and_find(*names, table=None, **settings):
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        if table is not None:
            (root / "videos.csv").write_text(table, "utf-8")
        return found_in(root.parent, SETTINGS, **settings)

    return make_and_find


def names(found):
    return [video.name for video in found]


def the(found, name):
    (video,) = (video for video in found if video.name == name)
    return video


# ------------------------------------------------------------------ without a table


def test_files_and_folders_are_found_in_natural_order(find, root):
    found = find("leak 10.mp4", "leak 2.AVI", "léak/1.png", "b/images/0.jpg", "notes.txt", ".x.mp4")
    assert names(found) == ["b", "leak 2", "leak 10", "léak"]
    assert the(found, "leak 10").frames == VideoFile(root / "leak 10.mp4")
    assert the(found, "léak").frames == PictureSequence((root / "léak/1.png",))
    assert the(found, "b").frames == PictureSequence((root / "b/images/0.jpg",))


@pytest.mark.parametrize("path", [SETTINGS.path, "train"])  # whose own name says nothing
def test_every_third_is_for_test_and_the_guess_is_remarked(tmp_path, footage, path):
    (tmp_path / path).mkdir()
    for number in range(7):
        (tmp_path / path / f"{number}.mp4").touch()
    footage.pictures(tmp_path / path / "3_masks", 255 * footage.masks(2))
    found = found_in(tmp_path, FolderSettings(path=path))
    assert [video.split for video in found] == [
        *("train", "train", "test", "train", "train", "test", "train")
    ]
    for video in found:
        assert video.remarks == (f"no table: split {video.split} guessed, every third is for test",)
        assert (video.distance_m, video.background, video.schedule) == (None, None, None)


def test_without_masks_to_train_on_all_are_for_test(find):
    found = find("a.mp4", "b.mp4", "train/c.mp4")
    assert [video.split for video in found] == ["test", "test", "train"]
    assert found[0].remarks == ("no table: split test guessed, no video has masks to train on",)
    computed = {"pseudo_masks": {"enabled": True}}
    assert [video.split for video in find(**computed)] == ["train", "train", "train"]


@pytest.mark.parametrize(
    ("folder", "split"),
    [("train", "train"), ("val", "validation"), ("valid", "validation"), ("test", "test")],
)
def test_the_split_is_guessed_by_the_name_of_the_folder(find, folder, split):
    (video,) = find(f"{folder}/a.mp4")
    assert (video.name, video.split) == (f"{folder}_a", split)
    assert video.remarks == (f"no table: split {split} guessed, by its folder {folder}",)


def test_masks_of_a_file_are_numbered_and_those_of_a_folder_paired_by_name(find):
    found = find(
        *("a.mp4", "b.mp4", "a_masks/000007.png"),
        *("c/x.png", "c/y.png", "c_masks/y.png", "d/images/1.jpg", "d/masks/1.png"),
    )
    masks = {video.name: video.masks and list(video.masks.files) for video in found}
    assert masks == {"a": [7], "b": None, "c": [1], "d": [0]}
    for video in found:
        assert video.mask_source == ("none" if video.name == "b" else "annotated")


def test_unsound_masks_refuse_their_video_only(find):
    found = find("a.mp4", "a_masks/first.png", "b.mp4")
    assert isinstance(found[0], RefusedVideo)
    assert found[0].error.startswith("a: 1 of the 1 masks in ")
    assert isinstance(found[1], Video)


@pytest.mark.parametrize(
    ("video", "masks"),
    [
        ("a.mp4", "a_masks"),
        ("a.mp4", "GT_a"),
        ("a.mp4", "masks"),
        ("a.mp4", "a.json"),
        ("a/1.png", "a_gt"),
        ("a/1.png", "a/masks"),
        ("a/images/1.png", "a/GT"),
        ("JPEGImages/480p/a/1.png", "Annotations"),
    ],
)
def test_masks_that_are_a_link_to_nothing_refuse_their_video(find, root, video, masks):
    find(video, "other/b.mp4")
    (root / masks).symlink_to(root / "nowhere")
    found = find()
    bad = [each for each in found if isinstance(each, RefusedVideo)]
    assert any(Path(masks).name in each.error and "a" in each.name.split("_") for each in bad)
    assert [each.name for each in found if isinstance(each, Video)] == ["other_b"]
    assert len(bad) == 1


@pytest.mark.parametrize("masks", ["a_masks.zip", "a_masks.dvc", "a_gt.mp4", "a_masks.npy", "a_gt"])
def test_masks_of_no_kind_that_is_read_refuse_their_video(find, masks):
    found = find("a.mp4", masks, "b.mp4")
    assert isinstance(the(found, "a"), RefusedVideo)
    assert isinstance(the(found, "b"), Video)
    found = find("a_masks/0.png")
    assert isinstance(the(found, "a"), Video)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '{"camera": "GF320", "fps": 15}'),
        ("a.json", "not even JSON"),
        ("a.json", '["annotations"]'),
        ("a.xml", '<?xml version="1.0"?><NonRealTimeMeta lastUpdate="2026"/>'),
        ("a.xml", "<!DOCTYPE plist SYSTEM 'x'><plist>"),
    ],
)
def test_a_document_beside_a_video_is_not_taken_for_masks(find, root, caplog, name, content):
    find("a.mp4")
    (root / name).write_text(content)
    with caplog.at_level("INFO"):
        found = find("a.mp4", "a_masks/0.png")
    assert the(found, "a").masks.numbers == {0: None}.keys()
    assert name in caplog.text


LABELME = '{"shapes": [{"label": "gas", "points": [[0, 0], [3, 0], [3, 3]]}], "imagePath": "0.png"'
BESIDE_FRAMES = [
    ("0.json", LABELME + ', "imageHeight": 6, "imageWidth": 8}'),
    (
        "_annotations.coco.json",  # as Roboflow has it
        '{"images": [{"id": 1, "file_name": "0.png", "height": 6, "width": 8}], "annotations": []}',
    ),
    ("0.txt", "0 .1 .1 .2 .2 .3 .3"),
]


@pytest.mark.parametrize(("name", "content"), BESIDE_FRAMES)
def test_an_export_may_lie_beside_the_frames(find, root, caplog, name, content):
    find("a/0.png", "a/1.png", "b/0.png")
    (root / "a" / name).write_text(content)
    with caplog.at_level("INFO"):
        found = find()
    assert the(found, "a").masks.numbers == {0: None}.keys()
    assert the(found, "a").masks.remarks == ()
    assert the(found, "b").masks is None
    assert name not in caplog.text


def test_documents_beside_the_frames_are_no_export(find, root, caplog):
    for number in range(40):
        find(f"a/{number}.png")
        (root / "a" / f"{number}.json").write_text('{"temperature_c": 21.5}')
        (root / "a" / f"{number}.txt").write_text("21.5 degrees")
    with caplog.at_level("INFO"):
        found = find()
    assert the(found, "a").masks is None
    assert "0.json and 39 others like it" in caplog.text
    assert "0.txt and 39 others like it" in caplog.text
    (root / "a" / "via.json").write_text('{"0.png": {"regions": [{}]}}')
    assert isinstance(the(find(), "a"), RefusedVideo)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '{"version": "5", "shapes": [{"label": "gas", "poi'),
        ("a.json", '{"images": [], "annotations": 3, "categories": []}'),
        ("a.json", '{"_via_img_metadata": {"0.png": {"regions": []}}}'),
        ("a.json", '[{"annotations": [{"result": []}], "data": {}}]'),
        ("a.json", ""),
        ("a.xml", "<annotations><image"),
        ("a.xml", "<annotation><object/></annotation>"),
    ],
)
def test_a_broken_or_foreign_export_beside_a_video_refuses_it(find, root, name, content):
    find("a.mp4", "b.mp4")
    (root / name).write_text(content)
    found = find()
    assert name in the(found, "a").error
    assert isinstance(the(found, "b"), Video)


def test_entries_that_are_no_footage_are_refused_or_logged(find, caplog):
    with caplog.at_level("INFO"):
        found = find("a.mp4", "notes.txt", "b.seq", "sub/readme.md", "lost_masks/1.png")
    assert [(video.name, type(video)) for video in found] == [
        *(("a", Video), ("b.seq", RefusedVideo), ("lost_masks", RefusedVideo))
    ]
    assert all(name in caplog.text for name in ("notes.txt", "readme.md"))


def test_no_folder_and_an_empty_folder_are_refused(find, root):
    with pytest.raises(UserError, match=r"There is no folder .*; put footage there or") as error:
        find()
    assert str(root) in str(error.value)
    root.mkdir()
    with pytest.raises(UserError, match="neither a video nor a folder of frames in") as error:
        find("notes.txt", "sub/notes.txt")
    assert str(root) in str(error.value)
    assert "correct ingest.folder.path" in str(error.value)


# --------------------------------------------------------------------- with a table


def test_a_table_describes_videos_with_and_without_suffix(find):
    table = (
        "# ours\nvideo,split,distance_m,background,fps_hz,leak0_start_s,masks\n"
        "léak 2.mp4,test,4.6,complex,1.5,18,by hand\n"
        "léak 1,train,,,,,\n"
        "frames,validation,,,,,\n"
        "train/c,train,,,,,\n"
    )
    found = find(
        *("léak 1.mkv", "léak 2.mp4", "frames/0.png", "train/c.avi", "by hand/3.png"), table=table
    )
    # The folder `by hand` holds pictures too, but is no footage.
    assert names(found) == ["léak 2", "léak 1", "frames", "train_c"]
    assert [video.split for video in found] == ["test", "train", "validation", "train"]
    video = found[0]
    assert (video.distance_m, video.background, video.fps_hz) == (4.6, "complex", 1.5)
    assert video.schedule == LeakSchedule(18, 198)
    assert list(video.masks.files) == [3]
    assert all(video.remarks == () for video in found)


def test_masks_that_the_table_names_must_be_there(find):
    (refused,) = find("a.mp4", table="video,split,masks\na,train,by hand\n")
    assert refused.split == "train"
    assert refused.error == (
        "a: the table names by hand for its masks, but it does not exist; correct the cell or "
        "empty it"
    )


@pytest.mark.parametrize("masks", ["../a_masks", "x/../../a_masks", "/a_masks"])
def test_masks_that_the_table_names_lie_in_the_folder(find, masks):
    found = find("a.mp4", "b.mp4", table=f"video,split,masks\na,train,{masks}\nb,train,\n")
    assert [type(video) for video in found] == [Video, RefusedVideo]
    assert "must lie in the folder" in the(found, "a").error


@pytest.mark.parametrize("name", ["by hand", "gt", "masks of a", "a_masks_v2"])
def test_masks_that_the_table_names_are_no_footage_whatever_their_name(find, name):
    (video,) = find("a.mp4", f"{name}/7.png", table=f"video,split,masks\na,train,{name}\n")
    assert list(video.masks.files) == [7]


def test_a_table_that_is_a_pipe_is_refused(find, root):
    root.mkdir()
    os.mkfifo(root / "videos.csv")
    with pytest.raises(UserError, match=r"videos\.csv cannot be read"):
        find("a.mp4")


def test_a_row_for_a_missing_video_is_refused(find, root):
    found = find("a.mp4", table="video,split\na,train\nb.mp4,test\n")
    assert isinstance(the(found, "a"), Video)
    refused = the(found, "b.mp4")
    assert refused.split == "test"
    assert refused.error == (
        f"b.mp4 is for test in {root / 'videos.csv'}, but is not in {root}; put it there or empty "
        "its split"
    )


def test_a_name_that_fits_two_files_is_refused_until_it_has_its_suffix(find, root):
    files = ("a.mp4", "a.avi")
    found = find(*files, table="video,split\na,train\n")
    [refused] = found
    assert refused.error == (
        f"a.avi and a.mp4 are both in {root}; remove one of them, or name it with its suffix"
    )
    found = find(*files, table="video,split\na.mp4,train\na.avi,\n")
    (video,) = found
    assert video.frames.path.name == "a.mp4"


def test_footage_that_no_row_names_is_refused(find, root):
    found = find("a.mp4", "b.mp4", "sub/0.png", table="video,split\na,train\n")
    assert [type(video) for video in found] == [Video, RefusedVideo, RefusedVideo]
    assert the(found, "b").error == (
        f"b.mp4 is in {root}, but no row of {root / 'videos.csv'} names it; add a row or remove it"
    )
    assert the(found, "sub").error.startswith(f"sub is in {root}, but no row of ")


def test_a_row_without_a_split_leaves_its_footage_out_in_silence(find):
    assert names(find("a.mp4", "b.mp4", table="video,split\na,train\nb,\n")) == ["a"]


def test_a_bad_cell_refuses_its_video_only(find, root):
    found = find("a.mp4", "b.mp4", table="video,split,distance_m\na,train,4.6\nb,train,near\n")
    assert isinstance(the(found, "a"), Video)
    assert the(found, "b").error.startswith(
        f"b in {root / 'videos.csv'}: distance_m is 'near': Input should be a valid number"
    )
    assert len(found) == 2


def test_the_table_may_have_another_name(find, root):
    find("a.mp4", "b.mp4")
    (root / "ours.csv").write_text("video,split\nb,test\na,\n")
    settings = FolderSettings(path=str(root), table="ours.csv")
    assert names(found_in(root.parent / "elsewhere", settings)) == ["b"]


def test_dots_in_the_name_of_a_folder_are_no_suffix(find):
    found = find("run 1.5/0.png", table="video,split\nrun 1,train\n")
    assert "run 1 is for train in" in the(found, "run 1").error
