import os
import re
import signal
import subprocess
import sys

import pytest

from fgstp.hooks import StopHooks

STOPPED_WHILE_IT_WRITES = """
import os, signal
import mlflow
from sqlalchemy import event
from sqlalchemy.engine import Engine
from fgstp.hooks import StopHooks

stopped = []

def stop(connection, cursor, statement, *_):
    if statement.startswith("INSERT") and not stopped:
        stopped.append(statement)
        os.kill(os.getpid(), signal.SIGINT)

mlflow.set_experiment("of the test")
print("run", mlflow.start_run().info.run_id)
StopHooks().before_pipeline_run()
event.listen(Engine, "after_cursor_execute", stop)
mlflow.log_metric("a", 1.0)
print("not stopped")
"""


@pytest.mark.slow
def test_a_run_that_is_stopped_while_it_records_is_killed_too(tracking, database):
    answer = subprocess.run(
        [sys.executable, "-c", STOPPED_WHILE_IT_WRITES],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"MLFLOW_TRACKING_URI": database},
    )
    assert "not stopped" not in answer.stdout
    run_id = re.search(r"^run (\S+)$", answer.stdout, re.M)[1]
    assert tracking.get_run(run_id).info.status == "KILLED"
    assert answer.returncode == 130
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("end", ["after_pipeline_run", "on_pipeline_error"])
def test_the_handlers_are_restored_after_the_run(end):
    before = [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)]
    hooks = StopHooks()
    hooks.before_pipeline_run()
    assert signal.getsignal(signal.SIGTERM) != before[1]
    getattr(hooks, end)()
    assert [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)] == before
