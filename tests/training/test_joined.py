"""Processes that others have started train together: torchrun, Kubeflow, and `srun` as they do.

What `deploy/slurm/train_together.sh` gives the processes of `srun` is tested in `test_deploy.py`.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

pytestmark = pytest.mark.slow

TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
LIMIT_S = 600


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return str(free.getsockname()[1])


@pytest.fixture
def pods(port, monkeypatch):
    """Starts a command once a pod, with the variables of Kubeflow's PyTorchJob or its trainer."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def variables(number, kind):
        if kind == "job":
            facts = {"WORLD_SIZE": "2", "RANK": str(number)}
            return facts | {"MASTER_ADDR": "localhost", "MASTER_PORT": port}
        facts = {"NNODES": "2", "NPROC_PER_NODE": "1", "NODE_RANK": str(number)}
        facts |= {"MASTER_ADDR": "localhost", "MASTER_PORT": port}
        return {f"PET_{name}": value for name, value in facts.items()}

    with ExitStack() as after:

        def start(command, kind="job"):
            started = [
                subprocess.Popen(
                    command,
                    env=os.environ | variables(number, kind),
                    text=True,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
                for number in (0, 1)
            ]
            for process in started:
                after.callback(process.communicate)
                after.callback(process.kill)
            return started

        yield start


def told(processes):
    """What processes print that end well."""
    answers = [process.communicate(timeout=LIMIT_S) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    return [stdout for stdout, _ in answers]


def wait_for(path, processes):
    give_up = time.monotonic() + LIMIT_S
    while not path.exists():
        assert all(process.poll() is None for process in processes)
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_two_machines_train_together_as_processes_do_that_a_launcher_started(
    command, tmp_path, monkeypatch
):
    # Both machines are this one; each has one device. torchrun gives its processes one thread.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    several = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = command(devices=1, nodes=2, rendezvous="localhost:29517", epochs=1)
    processes = [subprocess.Popen(both, **several) for _ in range(2)]
    answers = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    told = [stdout for stdout, _ in answers]
    assert told[0] == told[1]  # the weights too
    assert told[0].startswith("1 1 ")
    checkpoint = (tmp_path / "run/best.ckpt").read_bytes()
    shutil.rmtree(tmp_path / "run")

    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    script = command(devices=1, epochs=1)[1]  # as many devices as the launcher says
    answer = subprocess.run([*torchrun, script], timeout=300, check=False, **several)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == "".join(told)
    assert (tmp_path / "run/best.ckpt").read_bytes() == checkpoint


def test_pods_of_kubeflow_end_with_the_weights_of_processes_of_one_machine(command, pods, tmp_path):
    alone = subprocess.run(
        command(epochs=1), timeout=LIMIT_S, check=True, capture_output=True, text=True
    ).stdout
    checkpoint = (tmp_path / "run/best.ckpt").read_bytes()
    script = command(devices=1, epochs=1)
    for launcher, kind in (([], "job"), (TORCHRUN, "trainer")):
        shutil.rmtree(tmp_path / "run")
        start = [*launcher, script[1]] if launcher else script
        assert told(pods(start, kind)) == [alone, alone]
        assert (tmp_path / "run/best.ckpt").read_bytes() == checkpoint


@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_process_ends_the_other_and_started_again_they_end_alike(
    command, pods, tmp_path, monkeypatch, killed
):
    whole = told(pods(command(devices=1, epochs=3)))
    expected = (tmp_path / "run/best.ckpt").read_bytes()
    shutil.rmtree(tmp_path / "run")

    gate = tmp_path / "gate"
    monkeypatch.setenv("GATE", str(gate))
    both = pods(command("[tiny_model.At(1, tiny_model.wait_at_gate)]", devices=1, epochs=3))
    wait_for(gate, both)
    both[killed].kill()
    gate.unlink()
    _, errors = both[1 - killed].communicate(timeout=60)
    assert both[killed].wait() == -signal.SIGKILL
    assert both[1 - killed].returncode == 1
    sentence = errors.splitlines()[-1]
    assert "Another process of this training has ended" in sentence
    assert "start all of them again" in sentence

    assert told(pods(command(devices=1, epochs=3))) == whole
    assert (tmp_path / "run/best.ckpt").read_bytes() == expected
