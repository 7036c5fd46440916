from threading import Barrier, Thread

import pytest

from fgstp.core.errors import UserError
from fgstp.core.folders import atomic_folder


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    folder = tmp_path / "below/out"
    for name in ("first", "second"):
        with atomic_folder(folder) as temporary:
            (temporary / name).write_text(name)
            if name == "second":
                assert content(folder) == {"first": "first"}
    assert content(folder) == {"second": "second"}
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


def test_an_error_leaves_what_was_there(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "old").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_folder(folder) as temporary:
        (temporary / "new").write_text("new")
        raise ZeroDivisionError
    assert content(folder) == {"old": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_of_several_that_write_the_same_one_is_kept_whole(tmp_path):
    folder, barrier = tmp_path / "out", Barrier(8)

    def write(number):
        with atomic_folder(folder) as temporary:
            for name in "abc":
                (temporary / name).write_text(str(number))
            barrier.wait(10)  # so that all end at once

    threads = [Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(content(folder)) == 3
    assert len(set(content(folder).values())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("a file")
    for folder in (tmp_path / "file/out", tmp_path / "file"):
        with pytest.raises(UserError, match="Cannot write"), atomic_folder(folder):
            pass
    assert (tmp_path / "file").read_text() == "a file"
