import os

import pytest
from joblib import delayed

from fgstp.core.errors import UserError
from fgstp.core.parallel import ParallelSettings, workers


def run(work, **settings):
    return workers(ParallelSettings(**settings), "evaluate")(work)


@pytest.mark.parametrize("backend", ["sequential", "threading"])
def test_results_come_in_the_order_of_the_work(backend):
    numbers = list(range(50))
    assert run([delayed(divmod)(n, 7) for n in numbers], backend=backend, jobs=2) == [
        divmod(n, 7) for n in numbers
    ]


def test_sequential_stays_in_this_process_and_loky_leaves_it():
    work = [delayed(os.getpid)() for _ in range(2)]
    assert run(work, backend="sequential") == [os.getpid()] * 2
    assert os.getpid() not in run(work, backend="loky", jobs=2)


def test_as_many_at_a_time_as_the_settings_say():
    assert workers(ParallelSettings(jobs=3), "evaluate").n_jobs == 3
    assert workers(ParallelSettings(), "evaluate").n_jobs == -1


def test_an_error_of_the_work_comes_through():
    with pytest.raises(ZeroDivisionError):
        run([delayed(divmod)(1, 0)], backend="sequential")


@pytest.mark.parametrize("block", ["evaluate", "ingest"])
def test_an_unknown_back_end_is_told_with_its_setting(block):
    with pytest.raises(UserError) as error:
        workers(ParallelSettings(backend="slurm"), block)
    said = str(error.value)
    assert said.startswith(f"{block}.parallel.backend is 'slurm', which joblib does not know")
    assert "take loky, or sequential" in said
