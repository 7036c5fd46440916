import pytest

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


def test_a_list_names_others(footage):
    (footage / "list.txt").write_text(f"# pads\nc.avi\n\n{footage}/a/*\n")
    assert found(footage, f"{footage}/list.txt")[:2] == ["c.avi", "a/1.mp4"]


@pytest.mark.parametrize("name", ["missing.mp4", "*.mov", "no/where", "list.txt"])
def test_a_name_that_leads_to_nothing_is_told(footage, name):
    if name == "list.txt":
        (footage / name).write_text("missing.mp4\n")
    with pytest.raises(UserError, match="There is no footage"):
        find_sources([f"{footage}/{name}"])
