import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fgstp.core.errors import UserError
from fgstp.core.files import atomic_path, check_can_be_written, code_digest, write_text
from fgstp.core.temporaries import TEMPORARY_PREFIX, sweep, temporary_name


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_only_at_the_end(tmp_path):
    path = tmp_path / "new" / "sub folder" / "café.csv"
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        # Beside the file, so that renaming is all that is left to do.
        assert temporary.parent == path.parent
        assert temporary.suffix == ".csv"
        assert temporary.name.startswith(TEMPORARY_PREFIX)
    assert path.read_text() == "new"
    assert names(path.parent) == ["café.csv"]


def test_an_old_file_is_replaced_at_once(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        file_number = temporary.stat().st_ino
    assert path.read_text() == "new"
    assert path.stat().st_ino == file_number  # renamed: a copy would be seen half done


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, UserError])
@pytest.mark.parametrize("old", [None, "old"])
def test_when_the_block_raises_the_old_file_stays(tmp_path, error, old):
    path = tmp_path / "a.txt"
    if old:
        path.write_text(old)
    with pytest.raises(error, match="mine"), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise error("mine")
    assert names(tmp_path) == (["a.txt"] if old else [])
    if old:
        assert path.read_text() == "old"


def test_a_block_that_writes_nothing_is_told(tmp_path):
    with (
        pytest.raises(UserError, match=r"Cannot write .*a.txt: No such file or directory;"),
        atomic_path(tmp_path / "a.txt"),
    ):
        pass
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["file/a.txt", "file/sub/a.txt", "folder"])
def test_a_place_that_cannot_be_written_is_named_and_stays(tmp_path, name):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    path = tmp_path / name
    with pytest.raises(UserError) as error:
        write_text(path, "new")
    assert str(error.value).startswith(f"Cannot write {path}: ")
    assert str(error.value).endswith("; free some space or choose a folder that can be written.")
    assert names(tmp_path) == ["file", "folder"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the disk that is always full")
def test_a_full_disk_is_told_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with (
        pytest.raises(UserError, match=f"Cannot write {path}: No space left on device; free some"),
        atomic_path(path) as temporary,
    ):
        temporary.symlink_to("/dev/full")
        temporary.write_text("new")
    assert names(tmp_path) == ["a.txt"]
    assert path.read_text() == "old"


def test_two_files_of_one_folder_do_not_share_a_temporary_file(tmp_path):
    with atomic_path(tmp_path / "a") as one:
        write_text(tmp_path / "b", "Öl\n")
        one.write_text("1")
    assert (tmp_path / "a").read_text() == "1"
    assert (tmp_path / "b").read_bytes() == b"\xc3\x96l\n"


def test_code_that_changed_has_another_digest(tmp_path):
    (tmp_path / "package/deep").mkdir(parents=True)
    module = tmp_path / "package/deep/module.py"
    module.write_text("a = 1\n")
    alone = tmp_path / "alone.py"
    alone.write_text("b = 2\n")
    before = code_digest([tmp_path / "package", alone])
    (tmp_path / "package/notes.txt").write_text("no code")
    assert code_digest([tmp_path / "package", alone]) == before
    module.write_text("a = 2\n")
    changed = code_digest([tmp_path / "package", alone])
    alone.write_text("b = 3\n")
    assert len({before, changed, code_digest([tmp_path / "package", alone])}) == 3


def test_a_file_that_cannot_be_read_is_no_fault_of_the_one_that_is_written(tmp_path):
    (tmp_path / "folder").mkdir()
    for source, reason in ((tmp_path / "no", "No such file"), (tmp_path / "folder", "directory")):
        with (
            pytest.raises(UserError, match=f"{source}: .*{reason}") as caught,
            atomic_path(tmp_path / "copy") as temporary,
        ):
            shutil.copyfile(source, temporary)
        assert "free some space" not in str(caught.value)
    assert names(tmp_path) == ["folder"]


@pytest.mark.parametrize("name", ["a" * 250, "ä" * 125, "frames.npy"])
def test_names_of_any_length_have_temporary_files(tmp_path, name):
    write_text(tmp_path / name, "new")
    assert (tmp_path / name).read_text() == "new"
    assert names(tmp_path) == [name]


def test_only_what_dead_processes_left_is_swept(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    own = temporary_name("a.npy")
    dead = own.replace(str(os.getpid()), str(ended.pid))
    elsewhere = re.sub(r"\.[0-9a-f]{8}-", ".00000000-", own)
    deep = tmp_path / "deep"
    (deep / dead).mkdir(parents=True)
    for path in (deep / dead / "x", deep / own, tmp_path / dead, deep / elsewhere, deep / "a"):
        path.touch()
    (tmp_path / ".tmp-a.json").touch()  # of an older version
    (tmp_path / f"{TEMPORARY_PREFIX}link").symlink_to(deep)
    sweep(tmp_path)
    assert names(tmp_path) == ["deep"]
    assert names(deep) == sorted([own, elsewhere, "a"])
    sweep(tmp_path / "no such folder")


def test_a_place_that_cannot_be_written_is_told_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    check_can_be_written(tmp_path / "new/folder/a.json")
    check_can_be_written(tmp_path / "file")
    for place in (tmp_path, tmp_path / "file/a.json", tmp_path / "file/b/a.json"):
        with pytest.raises(UserError, match="Cannot write"):
            check_can_be_written(place)
    assert names(tmp_path) == ["file"]
