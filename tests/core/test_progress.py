import time

import pytest

from fgstp.core import progress
from fgstp.core.errors import UserError
from fgstp.core.progress import Counter, shared_bar


class Bar:
    """Stands in for tqdm: remembers what it was told."""

    def __init__(self, total=None, unit=None, desc=None):
        self.told = {"total": total, "unit": unit, "desc": desc}
        self.n = 0
        self.steps = []
        Bar.last = self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, step):
        self.n += step
        self.steps.append(step)


@pytest.fixture(autouse=True)
def bar(monkeypatch):
    monkeypatch.setattr(progress, "tqdm", Bar)
    monkeypatch.setattr(progress, "POLL_S", 0.001)


def wait_for(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_the_counters_of_all_workers_are_added_up(tmp_path):
    with shared_bar(100, "frames", "ingest", tmp_path) as folder:
        one, other = Counter(folder / "0"), Counter(folder / "1")
        one(10)
        other(20)
        wait_for(lambda: Bar.last.n == 30)
        one(15)
        wait_for(lambda: Bar.last.n == 45)
    assert Bar.last.told == {"total": 100, "unit": " frames", "desc": "ingest"}


def test_the_last_steps_are_shown_before_the_bar_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "POLL_S", 60)
    with shared_bar(100, "frames", "ingest", tmp_path) as folder:
        Counter(folder / "0")(100)
    assert Bar.last.n == 100


def test_the_bar_never_goes_back(tmp_path):
    with shared_bar(100, "frames", "ingest", tmp_path) as folder:
        path = folder / "0"
        Counter(path)(50)
        wait_for(lambda: Bar.last.n == 50)
        seen = len(Bar.last.steps)
        path.write_text("")  # caught while it is being written
        wait_for(lambda: len(Bar.last.steps) > seen + 1)
        path.write_text("60")
    assert Bar.last.n == 60
    assert min(Bar.last.steps) >= 0


def test_the_counters_go_with_the_bar_also_after_an_error(tmp_path):
    with pytest.raises(ValueError, match="mine"), shared_bar(0, "frames", "x", tmp_path) as folder:
        assert folder.parent == tmp_path
        Counter(folder / "0")(1)
        raise ValueError("mine")
    assert list(tmp_path.iterdir()) == []
    assert Bar.last.n == 1
    assert Bar.last.told["total"] is None  # unknown, and not 0 of 0


def test_work_goes_on_without_its_counter(tmp_path):
    counter = Counter(tmp_path / "gone" / "0")
    counter(3)
    counter(4)
    assert counter.count == 7


def test_what_killed_runs_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / ".progress-old").mkdir()
    (tmp_path / ".progress-old" / "0").write_text("3")
    (tmp_path / "a.json").touch()
    with shared_bar(10, "frames", "ingest", tmp_path) as folder:
        assert {path.name for path in tmp_path.iterdir()} == {"a.json", folder.name}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert Bar.last.n == 0


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(UserError, match=r"Cannot write in .*file: Not a directory; .* written"),
        shared_bar(10, "frames", "ingest", tmp_path / "file"),
    ):
        pass
