import numpy as np
import pytest
from PIL import Image

from fgstp.core.errors import UserError
from fgstp.detection.sources import find_sources


@pytest.fixture
def footage(tmp_path):
    for name in ("a/1.mp4", "a/2.mkv", "a/notes.md", "b/0001.png", "b/0002.png", "c.avi"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def found(folder, *names):
    return [str(path.relative_to(folder)) for path in find_sources(names)]


def test_files_folders_and_patterns(footage, monkeypatch):
    assert found(footage, f"{footage}/c.avi") == ["c.avi"]
    assert found(footage, f"{footage}/a") == ["a/1.mp4", "a/2.mkv"]
    assert found(footage, f"{footage}/b") == ["b"]  # its pictures are one video
    assert found(footage, f"{footage}/*/*.m*4", f"{footage}/c.avi") == ["a/1.mp4", "c.avi"]
    assert found(footage, f"{footage}/**/1.mp4") == ["a/1.mp4"]
    monkeypatch.chdir(footage)
    assert [str(path) for path in find_sources(["a/*.mkv", "c.avi"])] == ["a/2.mkv", "c.avi"]


def test_each_video_is_watched_once(footage):
    assert found(footage, f"{footage}/a", f"{footage}/a/2.mkv") == ["a/1.mp4", "a/2.mkv"]


def test_a_video_has_one_name_however_it_is_spelled(footage, monkeypatch):
    monkeypatch.chdir(footage)
    names = ["c.avi", "./c.avi", "a/../c.avi", str(footage / "c.avi")]
    assert [str(path) for path in find_sources(names)] == ["c.avi"]


@pytest.mark.parametrize(("n_pages", "found"), [(1, ["."]), (2, ["1.tif", "2.tif"])])
def test_a_folder_of_tiff_is_one_video_unless_they_are_stacks(tmp_path, n_pages, found):
    pages = [Image.fromarray(np.full((4, 6), 30_000, np.uint16))] * n_pages
    for number in (1, 2):
        pages[0].save(tmp_path / f"{number}.tif", save_all=True, append_images=pages[1:])
    paths = find_sources([str(tmp_path)])
    assert [str(path.relative_to(tmp_path)) for path in paths] == found


def test_a_folder_without_footage_is_told(footage):
    (footage / "empty").mkdir()
    with pytest.raises(UserError, match="neither videos nor pictures"):
        find_sources([f"{footage}/empty"])


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_not_this_folder(footage, monkeypatch, name):
    monkeypatch.chdir(footage)
    with pytest.raises(UserError, match="empty"):
        find_sources([name])


def test_a_list_names_others(footage):
    (footage / "list.txt").write_text(f"# pads\nc.avi\n\n{footage}/a/*\n")
    assert found(footage, f"{footage}/list.txt")[:2] == ["c.avi", "a/1.mp4"]


@pytest.mark.parametrize("name", ["missing.mp4", "*.mov", "no/where", "list.txt"])
def test_a_name_that_leads_to_nothing_is_told(footage, name):
    if name == "list.txt":
        (footage / name).write_text("missing.mp4\n")
    with pytest.raises(UserError, match="There is no footage"):
        find_sources([f"{footage}/{name}"])
