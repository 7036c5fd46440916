"""What `deploy/` gives to schedulers: shards are numbered as `fgstp detect` wants them."""

import copy
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import kubernetes_validate
import pytest
import submitit
import yaml
from mlflow import MlflowClient
from submitit.helpers import CommandFunction

from fgstp.cli import main


@pytest.fixture(scope="module")
def jobs(repository):
    return {
        name: yaml.safe_load((repository / f"deploy/kubernetes/{name}.yml").read_text("utf-8"))
        for name in ("detect", "merge")
    }


def _container(job):
    [container] = job["spec"]["template"]["spec"]["containers"]
    return container


def _parsed(arguments):
    """The options as `fgstp detect` understands them, without running it."""
    assert arguments[:2] == ["fgstp", "detect"]
    command = main.commands["detect"]
    assert isinstance(command, click.Command)
    return command.make_context("detect", list(arguments[2:])).params


@pytest.mark.parametrize("version", ["1.29", kubernetes_validate.latest_version()])
def test_jobs_fit_the_schema_of_kubernetes(jobs, version):
    for job in jobs.values():  # 1.29 is the first in which indexes of a job can fail one by one
        kubernetes_validate.validate(job, version, strict=True)
    wrong = copy.deepcopy(jobs["detect"])
    wrong["spec"]["completion"] = wrong["spec"].pop("completions")
    with pytest.raises(kubernetes_validate.ValidationError, match="completion"):
        kubernetes_validate.validate(wrong, version, strict=True)


def test_jobs_claim_what_they_mount(jobs):
    for name, job in jobs.items():
        assert job["metadata"]["name"] == f"fgstp-{name}"
        pod = job["spec"]["template"]["spec"]
        assert pod["restartPolicy"] in ("Never", "OnFailure")  # all that a job may have
        assert pod["securityContext"]["runAsNonRoot"] is True
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert {mount["name"] for mount in _container(job)["volumeMounts"]} <= volumes
        assert {"requests", "limits"} == set(_container(job)["resources"])


def test_each_pod_of_the_indexed_job_watches_its_shard(jobs):
    spec, container = jobs["detect"]["spec"], _container(jobs["detect"])
    assert spec["completionMode"] == "Indexed"
    assert spec["parallelism"] <= spec["completions"]
    assert spec["maxFailedIndexes"] <= spec["completions"]
    # backoffLimitPerIndex needs pods that are not restarted in place.
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    shell = [*container["command"], "echo " + container["args"][0].removeprefix("exec ")]
    shards = []
    for index in range(spec["completions"]):
        answer = subprocess.run(
            shell,
            env={"JOB_COMPLETION_INDEX": str(index), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        shards.append(_parsed(answer.stdout.split())["shard"])
    n_shards = spec["completions"]
    assert shards == [slice(first, None, n_shards) for first in range(n_shards)]


def test_the_merge_is_of_the_same_archive(jobs):
    merge = _parsed(_container(jobs["merge"])["command"])
    [command] = _container(jobs["detect"])["args"]
    for option in ("manifest", "out"):
        assert re.search(rf"--{option} (\S+)", command)[1] == str(merge[option])
    assert merge["merge"] is True


@pytest.mark.parametrize(
    ("script", "environment", "wanted"),
    [
        (
            "detect.sh",
            {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "20"},
            {"shard": slice(2, None, 20), "merge": False, "quiet": True},
        ),
        ("merge.sh", {}, {"merge": True, "quiet": True}),
    ],
)
def test_scripts_of_slurm_call_fgstp(repository, tmp_path, script, environment, wanted):
    program = tmp_path / "fgstp"
    program.write_text('#!/bin/sh\necho fgstp "$@"\n')
    program.chmod(0o755)
    answer = subprocess.run(
        [repository / "deploy/slurm" / script, "archive.csv", "out", "--quiet"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    options = _parsed(answer.stdout.split())
    assert (str(options["manifest"]), str(options["out"])) == ("archive.csv", "out")
    assert {name: options[name] for name in wanted} == wanted


def _kedro(repository, tmp_path, script, *arguments, task="1"):
    """What a script of Slurm calls."""
    program = tmp_path / "kedro"
    program.write_text('#!/bin/sh\necho kedro "$@"\n')
    program.chmod(0o755)
    return subprocess.run(
        [repository / "deploy/slurm" / script, *arguments],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_ARRAY_TASK_ID": task},
        capture_output=True,
        text=True,
        check=False,
    )


def test_tasks_of_the_array_train_each_model_with_each_seed_once(repository, tmp_path):
    given = ("train.sh", "base", "3", "fgstp", "wisp")
    calls = [_kedro(repository, tmp_path, *given, task=str(task)).stdout for task in range(1, 7)]
    assert calls == [
        f"kedro run --pipelines=train --env=base --params=model={model},train.seed_index={seed}\n"
        for model in ("fgstp", "wisp")
        for seed in (1, 2, 3)
    ]
    beyond = _kedro(repository, tmp_path, *given, task="7")
    assert (beyond.returncode, beyond.stdout) == (1, "")
    assert "There are 6 trainings, but this is task 7" in beyond.stderr


def test_the_collector_evaluates_each_model_and_reports_once(repository, tmp_path):
    answer = _kedro(repository, tmp_path, "collect.sh", "base", "fgstp", "wisp")
    assert answer.stdout.splitlines() == [
        "kedro run --pipelines=evaluate --env=base --params=model=fgstp",
        "kedro run --pipelines=evaluate --env=base --params=model=wisp",
        "kedro run --pipelines=report --env=base",
    ]


def test_processes_of_srun_get_the_variables_of_torchrun(repository, tmp_path):
    programs = {
        "scontrol": 'printf "node1\\nnode2\\n"',
        # Stands in for srun: two machines with two processes each, one after the other.
        "srun": """for rank in 0 1 2 3; do
            SLURM_PROCID=$rank SLURM_LOCALID=$((rank % 2)) SLURM_NTASKS=4 "$@"; done""",
        "kedro": "echo $RANK $LOCAL_RANK $WORLD_SIZE $LOCAL_WORLD_SIZE"
        ' $MASTER_ADDR $MASTER_PORT kedro "$@"',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    answer = subprocess.run(
        [repository / "deploy/slurm/train_together.sh", "base", "fgstp"],
        env={
            "PATH": f"{tmp_path}:/usr/bin:/bin",
            "SLURM_JOB_NODELIST": "node[1-2]",
            "SLURM_NTASKS_PER_NODE": "2",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    command = "kedro run --pipelines=train --env=base --params=model=fgstp"
    assert answer.stdout.splitlines() == [
        f"{rank} {rank % 2} 4 2 node1 29500 {command}" for rank in range(4)
    ]


@pytest.mark.slow
def test_the_array_and_the_collector_run_as_jobs_of_a_scheduler(kedro, repository, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(kedro.project, project)
    programs = Path(sys.executable).parent  # `kedro` among them
    environment = kedro.environment(tmp_path) | {"PATH": f"{programs}:{os.environ['PATH']}"}
    ingested = [sys.executable, "-m", "kedro", "run", "--env=test", "--pipelines=ingest"]
    subprocess.run(ingested, cwd=project, env=environment, check=True, capture_output=True)

    executor = submitit.LocalExecutor(tmp_path / "logs")
    executor.update_parameters(timeout_min=10)

    def submitted(script, *arguments, task=1):
        command = ["bash", str(repository / "deploy/slurm" / script), "test", *arguments]
        own = environment | {"SLURM_ARRAY_TASK_ID": str(task)}
        return executor.submit(CommandFunction(command, cwd=str(project), env=own))

    for job in [submitted("train.sh", "2", "fgstp", task=task) for task in (1, 2)]:
        job.result()  # an error, with what the script printed, if it failed
    submitted("collect.sh", "fgstp").result()

    data = project / "data"
    one, two = (data / f"06_models/fgstp/seed_{seed}/best.ckpt" for seed in (1, 2))
    assert one.read_bytes() != two.read_bytes()
    assert (data / "08_reporting/metrics/fgstp.json").is_file()
    assert (data / "08_reporting/report.html").is_file()
    runs = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").search_runs(["1"])
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert [run.data.tags["pipelines"] for run in runs].count("train") == 2
