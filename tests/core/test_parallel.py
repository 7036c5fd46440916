import os
import sys

import pytest
from joblib import delayed
from pydantic import ValidationError
from tqdm import tqdm

from fgstp.core.errors import UserError
from fgstp.core.parallel import ParallelSettings, in_parallel

ALONE, LOKY = ParallelSettings(backend="sequential"), ParallelSettings(jobs=2)


def check_order(parallel):
    numbers = list(range(50))
    results = in_parallel([delayed(divmod)(n, 7) for n in numbers], parallel)
    assert results == [divmod(n, 7) for n in numbers]


def check_bar(parallel):
    with tqdm(total=5, disable=False) as bar:
        in_parallel([delayed(abs)(n) for n in range(5)], parallel, bar)
        assert bar.n == 5


@pytest.mark.parametrize("parallel", [ALONE, LOKY])
@pytest.mark.parametrize("check", [check_order, check_bar])
def test_results_come_in_order_and_all_are_counted(check, parallel):
    check(parallel)


def test_sequential_stays_in_this_process_and_loky_leaves_it():
    work = [delayed(os.getpid)() for _ in range(2)]
    assert in_parallel(work, ALONE) == [os.getpid()] * 2
    assert os.getpid() not in in_parallel(work, LOKY)


@pytest.mark.parametrize("parallel", [ALONE, LOKY])
def test_an_error_of_the_work_comes_through(parallel):
    with pytest.raises(ZeroDivisionError):
        in_parallel([delayed(divmod)(1, n) for n in (1, 0, 1)], parallel)


def test_an_unknown_back_end_is_told_with_those_there_are():
    with pytest.raises(ValidationError, match="'loky', 'sequential', 'ray' or 'dask'"):
        ParallelSettings(backend="slurm")


@pytest.mark.parametrize(("backend", "package"), [("ray", "ray"), ("dask", "distributed")])
def test_a_back_end_that_is_not_installed_is_told(backend, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValidationError, match=rf'pip install "fgstp\[{backend}\]"'):
        ParallelSettings(backend=backend)


@pytest.mark.slow
def test_a_cluster_that_runs_is_joined_and_left(cluster):
    parallel = ParallelSettings(backend=cluster, jobs=4)  # more than its two workers
    check_order(parallel)
    check_bar(parallel)
    assert os.getpid() not in in_parallel([delayed(os.getpid)()] * 4, parallel)
    with pytest.raises(ZeroDivisionError):
        in_parallel([delayed(divmod)(1, n) for n in (1, 0, 1)], parallel)
    check_order(parallel)


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
