"""Locks among processes: real ones, some of which are killed."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from fgstp.core.errors import UserError
from fgstp.core.lock import Owner, locked
from fgstp.core.process import start_of

HOLD = """
import sys, time
from pathlib import Path
from fgstp.core.lock import locked
with locked(Path(sys.argv[1]), shared=sys.argv[2] == "reads"):
    print("has it", flush=True)
    time.sleep(float(sys.argv[3]))
"""
# Takes the lock again and again, tells when another process has it too, and is killed in the end.
CROWD = """
import os, signal, sys, time
from pathlib import Path
from fgstp.core.lock import locked
from fgstp.core.process import start_of
path, inside = Path(sys.argv[1]), Path(sys.argv[2])
for turn in range(20):
    with locked(path, wait_s=60):
        if inside.exists() and start_of(int(inside.read_text())) is not None:
            print("two at once")
        inside.write_text(str(os.getpid()))
        time.sleep(0.001)
        if turn == 19:
            os.kill(os.getpid(), signal.SIGKILL)
        inside.unlink()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model"


@pytest.fixture
def hold(path):
    """Starts a process that has a lock on the path for a time."""
    with ExitStack() as ended:

        def start(kind, seconds=60):
            command = [sys.executable, "-c", HOLD, str(path), kind, str(seconds)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            ended.callback(process.communicate)
            ended.callback(process.kill)
            assert process.stdout.readline() == "has it\n"
            return process

        yield start


def other(path, **changes):
    """The lock of a writer with these facts."""
    owner = Owner.of_this_process()._replace(**changes)
    path.with_name(f".{path.name}.lock").write_text(json.dumps(owner))
    return owner


def files(path):
    return sorted(each.name for each in path.parent.iterdir())


@pytest.mark.parametrize(
    ("theirs", "ours", "is_refused"),
    [
        ("writes", "writes", True),
        ("writes", "reads", True),
        ("reads", "writes", True),
        ("reads", "reads", False),
    ],
)
def test_one_writes_or_several_read(hold, path, theirs, ours, is_refused):
    process = hold(theirs)
    before = files(path)
    if is_refused:
        with pytest.raises(UserError) as caught, locked(path, shared=ours == "reads"):
            pass
        sentence = str(caught.value)
        done = {"writes": "written", "reads": "read"}[theirs]
        assert sentence.startswith(f"{path} is being {done} by process {process.pid} since 20")
        assert sentence.endswith("; wait until it has ended, or end it.")
    else:
        with locked(path, shared=True):
            assert len(files(path)) == 2
    assert files(path) == before
    process.send_signal(signal.SIGKILL)
    process.wait()
    with locked(path, shared=ours == "reads"):
        pass
    with locked(path):
        pass
    assert files(path) == []


def test_what_a_block_ends_with_does_not_matter(path):
    with pytest.raises(KeyboardInterrupt), locked(path):
        assert files(path) == [".model.lock"]
        raise KeyboardInterrupt
    assert files(path) == []


def test_waiting_ends_with_the_other(hold, path):
    hold("writes", seconds=0.3)
    with locked(path, wait_s=60):
        assert files(path) == [".model.lock"]
    with pytest.raises(UserError), locked(path), locked(path, wait_s=0.1):
        pass


@pytest.mark.parametrize(
    "changes",
    [
        {"pid": 2**22 + 1},  # above the largest number of Linux
        {"began": "1"},  # its number belongs to another process now
        {"pid": 0, "began": ""},
    ],
)
def test_the_lock_of_a_process_that_is_gone_is_taken_over(path, changes):
    other(path, **changes)
    with locked(path):
        assert json.loads((path.parent / ".model.lock").read_text())[0] == os.getpid()
        assert files(path) == [".model.lock"]
    other(path, **changes)
    with locked(path, shared=True):
        pass


def test_a_killed_process_that_is_not_collected_is_gone(hold, path):
    process = hold("writes")
    process.send_signal(signal.SIGKILL)
    while start_of(process.pid) is not None:  # a zombie, as its parent has not asked for it
        time.sleep(0.01)
    with locked(path):
        pass


def test_a_process_of_another_machine_may_still_run(path):
    owner = other(path, host="node7", pid=2**22 + 1)
    with pytest.raises(UserError) as caught, locked(path):
        pass
    lock = path.parent / ".model.lock"
    assert f"process {owner.pid} on node7 since {owner.since}" in str(caught.value)
    assert str(caught.value).endswith(f"or, if it is gone, remove {lock}.")
    lock.unlink()
    with locked(path):
        pass


@pytest.mark.parametrize("text", ["", "[1", "{}", "7", '["a", "b", "c", "d"]', "[1, 2]"])
def test_a_lock_that_its_process_could_not_write_is_taken_over(path, monkeypatch, text):
    monkeypatch.setattr("fgstp.core.lock.BLANK_S", 0.1)
    (path.parent / ".model.lock").write_text(text)
    with locked(path):
        pass
    assert files(path) == []


def test_of_two_that_take_over_a_lock_the_later_one_does_not_take_it_from_the_first(
    path, monkeypatch
):
    other(path, began="1")
    looked = Owner.is_running

    def is_running(owner):
        if owner.began == "1":
            other(path, host="node7")  # the first one takes over, just now
        return looked(owner)

    monkeypatch.setattr(Owner, "is_running", is_running)
    with pytest.raises(UserError, match="on node7"), locked(path):
        pass
    assert files(path) == [".model.lock"]


def test_a_lock_that_went_to_another_process_stays(path):
    with locked(path):
        other(path, host="node7")
    assert files(path) == [".model.lock"]


def test_a_fork_does_not_release_the_lock_of_its_parent(path):
    with ExitStack() as lock:
        lock.enter_context(locked(path))
        if (child := os.fork()) == 0:
            lock.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert files(path) == [".model.lock"]
    assert files(path) == []


def test_among_many_processes_that_are_killed_one_has_the_lock_at_a_time(path):
    command = [sys.executable, "-c", CROWD, str(path), str(path.parent / "inside")]
    crowd = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(5)]
    assert [each.communicate(timeout=60)[0] for each in crowd] == [""] * 5
    assert {each.returncode for each in crowd} == {-signal.SIGKILL}
    with locked(path):
        pass


# ------------------------------------------------------------------------ folders


def test_folders_are_made_and_go_unless_something_came_into_them(tmp_path):
    with locked(tmp_path / "a/b/model"):
        assert (tmp_path / "a/b").is_dir()
    assert not (tmp_path / "a").exists()
    with locked(tmp_path / "a/b/model"):
        (tmp_path / "a/file").touch()
    assert sorted(each.name for each in (tmp_path / "a").iterdir()) == ["file"]
    with locked(tmp_path / "c/model", shared=True):
        assert not (tmp_path / "c").exists()


def test_a_folder_that_cannot_be_written_is_told_to_writers_alone(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file/model"
    with pytest.raises(UserError, match=r"Cannot write .*/\.model\.lock: "), locked(path):
        pass
    with locked(path, shared=True):
        pass
