"""Two commands at once on the same data: each works, or says which other one runs."""

import os
import re
import signal
import subprocess
import time
from contextlib import ExitStack

import pytest

pytestmark = pytest.mark.slow

LONG = ["train.epochs=100000"]


@pytest.fixture(scope="module")
def ingested(kedro, tmp_path_factory):
    """A folder with ingested footage."""
    folder = tmp_path_factory.mktemp("runs")
    answer = kedro.run(folder, "--pipelines=ingest")
    assert answer.returncode == 0, answer.stderr
    return folder


@pytest.fixture
def start(kedro, ingested):
    """Starts a command in the background, which is ended after the test."""
    with ExitStack() as after:

        def run(*arguments, parameters=(), folder=ingested):
            process = subprocess.Popen(
                kedro.command(folder, *arguments, parameters=parameters),
                cwd=kedro.project,
                env=kedro.environment(folder),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            after.callback(process.communicate)
            after.callback(process.kill)
            return process

        yield run


def wait_for(path, process):
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def refused(answer, path, process, does):
    """Whether a command named the process that is in its way, in one sentence."""
    words = rf"Error: {path}\S* is being {does} by process {process.pid} since 20[-\d: ]+; .*\n"
    return answer.returncode == 1 and bool(re.fullmatch(words, answer.stderr))


def locks(data):
    return [*data.rglob(".*.lock*")]


def test_a_training_keeps_others_from_its_files_alone_and_however_it_ends(kedro, ingested, start):
    data = ingested / "data"
    model, state = data / "06_models/fgstp", data / "06_models/fgstp/seed_1/resume/0/state.ckpt"
    first = start("--pipelines=train", parameters=LONG)
    wait_for(state, first)

    same = kedro.run(ingested, "--pipelines=train,evaluate")
    assert refused(same, model, first, "written"), same.stderr
    ingest = kedro.run(ingested, "--pipelines=ingest")
    assert refused(ingest, data / "03_primary", first, "read"), ingest.stderr
    other = kedro.run(ingested, "--pipelines=train", parameters=["model=sinet_v2"])
    assert other.returncode == 0, other.stderr
    assert (data / "06_models/sinet_v2/seed_1/best.ckpt").exists()
    assert first.poll() is None

    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert locks(data)
    for stop in (signal.SIGINT, signal.SIGTERM):
        state.unlink()
        next_one = start("--pipelines=train", parameters=LONG)
        wait_for(state, next_one)
        os.killpg(next_one.pid, stop)
        assert next_one.wait(timeout=60) == 128 + stop
        assert not locks(data)


def test_two_commands_that_start_together(kedro, tmp_path, start):
    both = [start("--pipelines=ingest", folder=tmp_path) for _ in range(2)]
    answers = [subprocess.CompletedProcess("", each.wait(), *each.communicate()) for each in both]
    assert 0 in [answer.returncode for answer in answers]
    for answer, other in zip(answers, reversed(both), strict=True):
        assert answer.returncode == 0 or refused(answer, tmp_path, other, r"(?:written|read)")
    assert not locks(tmp_path)


def test_a_run_that_fails_leaves_no_lock(kedro, ingested):
    assert kedro.run(ingested, "--pipelines=evaluate", parameters=["model=mg"]).returncode == 1
    assert not locks(ingested)
