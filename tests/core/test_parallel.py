import os
import signal
import sys
import time

import pytest
from joblib import delayed
from pydantic import ValidationError
from tqdm import tqdm

from fgstp.core import parallel
from fgstp.core.errors import UserError
from fgstp.core.parallel import Counter, ParallelSettings, in_parallel, shared_bar

ALONE, LOKY = ParallelSettings(backend="sequential"), ParallelSettings(jobs=2)


def check_order(settings):
    numbers = list(range(50))
    results = in_parallel([delayed(divmod)(n, 7) for n in numbers], settings)
    assert results == [divmod(n, 7) for n in numbers]


def check_bar(settings):
    with tqdm(total=5, disable=False) as bar:
        in_parallel([delayed(abs)(n) for n in range(5)], settings, bar)
        assert bar.n == 5


@pytest.mark.parametrize("settings", [ALONE, LOKY])
@pytest.mark.parametrize("check", [check_order, check_bar])
def test_results_come_in_order_and_all_are_counted(check, settings):
    check(settings)


def test_sequential_stays_in_this_process_and_loky_leaves_it():
    work = [delayed(os.getpid)() for _ in range(2)]
    assert in_parallel(work, ALONE) == [os.getpid()] * 2
    assert os.getpid() not in in_parallel(work, LOKY)


@pytest.mark.parametrize("settings", [ALONE, LOKY])
def test_an_error_of_the_work_comes_through(settings):
    with pytest.raises(ZeroDivisionError):
        in_parallel([delayed(divmod)(1, n) for n in (1, 0, 1)], settings)


@pytest.mark.parametrize(("backend", "package"), [("ray", "ray"), ("dask", "distributed")])
def test_a_back_end_that_is_not_installed_is_told(backend, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValidationError, match=rf'pip install "fgstp\[{backend}\]"'):
        ParallelSettings(backend=backend)


@pytest.mark.slow
def test_a_cluster_that_runs_is_joined_and_left(cluster):
    settings = ParallelSettings(backend=cluster, jobs=4)  # more than its two workers
    check_order(settings)
    check_bar(settings)
    assert os.getpid() not in in_parallel([delayed(os.getpid)()] * 4, settings)
    with pytest.raises(ZeroDivisionError):
        in_parallel([delayed(divmod)(1, n) for n in (1, 0, 1)], settings)
    check_order(settings)


def die_once(sign):
    """Kill the worker at work, the first time."""
    if not sign.exists():
        sign.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


@pytest.mark.slow
def test_work_of_a_worker_that_was_killed_is_done_again(cluster, tmp_path):
    work = [delayed(die_once)(tmp_path / "sign"), *(delayed(abs)(n) for n in range(4))]
    settings = ParallelSettings(backend=cluster, jobs=2)
    assert in_parallel(work, settings) == ["done", 0, 1, 2, 3]


@pytest.mark.slow
def test_a_dask_cluster_is_started_where_there_is_none():
    distributed = pytest.importorskip("distributed", reason='needs pip install "fgstp[dask]"')
    work = [delayed(os.getpid)() for _ in range(4)]
    assert os.getpid() not in in_parallel(work, ParallelSettings(backend="dask", jobs=2))
    with pytest.raises(ValueError, match="No clients"):
        distributed.Client.current()


@pytest.mark.slow
def test_a_ray_cluster_is_started_where_there_is_none(monkeypatch):
    ray = pytest.importorskip("ray", reason='needs pip install "fgstp[ray]"')
    monkeypatch.setenv("RAY_ADDRESS", "local")
    check_order(ParallelSettings(backend="ray", jobs=2))
    assert not ray.is_initialized()


@pytest.mark.parametrize(
    ("backend", "package", "variable"),
    [("ray", "ray", "RAY_ADDRESS"), ("dask", "distributed", "DASK_SCHEDULER_ADDRESS")],
)
def test_a_wrong_address_is_told(backend, package, variable, monkeypatch):
    pytest.importorskip(package, reason=f'needs pip install "fgstp[{backend}]"')
    monkeypatch.setenv(variable, "nowhere")
    if backend == "dask":
        import dask

        monkeypatch.setitem(dask.config.config, "scheduler-address", "nowhere")
    with pytest.raises(UserError, match=rf"No cluster can be joined: .*nowhere.*; .* {variable}"):
        in_parallel([delayed(abs)(1)], ParallelSettings(backend=backend))


# ---------------------------------------------------------------- progress bar


class Bar:
    """Stands in for tqdm and records its arguments and steps."""

    def __init__(self, total=None, unit=None, desc=None):
        self.arguments = {"total": total, "unit": unit, "desc": desc}
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


@pytest.fixture
def bar(monkeypatch):
    monkeypatch.setattr(parallel, "ProgressBar", Bar)
    monkeypatch.setattr(parallel, "POLL_S", 0.001)
    return Bar


def wait_for(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_the_counters_of_all_workers_are_added_up(bar, tmp_path):
    with shared_bar(100, "frames", "ingest", tmp_path) as folder:
        one, other = Counter(folder / "0"), Counter(folder / "1")
        one(10)
        other(20)
        wait_for(lambda: bar.last.n == 30)
        one(15)
        wait_for(lambda: bar.last.n == 45)
    assert bar.last.arguments == {"total": 100, "unit": " frames", "desc": "ingest"}


def test_the_last_steps_are_shown_before_the_bar_ends(bar, tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "POLL_S", 60)
    with shared_bar(100, "frames", "ingest", tmp_path) as folder:
        Counter(folder / "0")(100)
    assert bar.last.n == 100


def test_the_bar_never_goes_back(bar, tmp_path):
    with shared_bar(100, "frames", "ingest", tmp_path) as folder:
        path = folder / "0"
        Counter(path)(50)
        wait_for(lambda: bar.last.n == 50)
        seen = len(bar.last.steps)
        path.write_text("")  # caught while it is being written
        wait_for(lambda: len(bar.last.steps) > seen + 1)
        path.write_text("60")
    assert bar.last.n == 60
    assert min(bar.last.steps) >= 0


def test_the_counters_go_with_the_bar_also_after_an_error(bar, tmp_path):
    with pytest.raises(ValueError, match="mine"), shared_bar(0, "frames", "x", tmp_path) as folder:
        assert folder.parent == tmp_path
        Counter(folder / "0")(1)
        raise ValueError("mine")
    assert list(tmp_path.iterdir()) == []
    assert bar.last.n == 1
    assert bar.last.arguments["total"] is None  # unknown, and not 0 of 0


def test_work_goes_on_without_its_counter(tmp_path):
    counter = Counter(tmp_path / "gone" / "0")
    counter(3)
    counter(4)
    assert counter.count == 7


def test_what_killed_runs_left_is_removed_and_nothing_else(bar, tmp_path):
    (tmp_path / ".tmp-progress-old").mkdir()
    (tmp_path / ".tmp-progress-old" / "0").write_text("3")
    (tmp_path / "a.json").touch()
    with shared_bar(10, "frames", "ingest", tmp_path) as folder:
        assert {path.name for path in tmp_path.iterdir()} == {"a.json", folder.name}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert bar.last.n == 0


def test_a_folder_that_cannot_be_written_is_told(bar, tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(UserError, match=r"Cannot write in .*file: Not a directory; .* written"),
        shared_bar(10, "frames", "ingest", tmp_path / "file"),
    ):
        pass
