"""Mistakes on Kedro's command line and in the files of configuration end in one sentence."""

import shutil
import sys
from pathlib import Path

import pytest
from kedro.framework.cli.cli import KedroCLI

REPOSITORY = Path(__file__).parents[2]
BOMB = "a0: &a0 [1, 1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 99))


@pytest.fixture
def refused(monkeypatch, capfd):
    """Run a command of Kedro that must be refused; returns its only line."""

    def run(*arguments, folder=REPOSITORY):
        monkeypatch.chdir(folder)
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            KedroCLI(REPOSITORY).main(list(arguments))
        printed = "".join(capfd.readouterr())
        assert caught.value.code == 1
        assert printed.startswith("Error: ")
        assert printed.count("\n") == 1
        return printed

    return run


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--env=tset", "(did you mean test?)"),
        ("--env=test --pipelines=trian", "(did you mean train?)"),
        ("--env=test --pipeline=nothing", "choose one of"),
        (
            "--env=test --pipelines=report --nodes=compare_model",
            "(did you mean report.compare_models?)",
        ),
        (
            "--env=test --pipelines=report --from-nodes=nothing",
            "choose one of report.compare_models",
        ),
        ("--env=test --pipelines=report --to-outputs=report_pag", "(did you mean report_page?)"),
        ("--env=test --pipelines=report --tags=nothing", "no nodes"),
        ("--env=test --runner=SequentialRuner", "(did you mean SequentialRunner?)"),
        ("--env=test --runner=no.such.Runner", "no.such.Runner"),
        ("--env=test --pipelines=report --runner=ParallelRunner", "leave it out"),
        ("--env=test --no-such-option", "--no-such-option"),
        ("--env=test --params=a", "`a`"),
        ("--env=test --params=a=[1", "Invalid YAML"),
        ("--env=test --params=data=", "--params=data=data"),
        ("--env=test --params=data=null", "--params=data=data"),
        ("--env=test --params=data=${nothing}", "nothing"),
        ("--env=test --params=trian.epochs=3", "(did you mean train?)"),
        ("--env=test --params=train.epochz=3", "(did you mean epochs?)"),
        ("--env=test --params=model=fgsp", "(did you mean fgstp?)"),
        ("--env=test --params=seed=.inf", "seed"),
        ("--env=test --params=ingest.synthetic.fps_hz=1e-9", "greater than or equal to 0.1"),
        ("--env=test --config=nothing.yml", "nothing.yml"),
    ],
)
def test_options(refused, options, said):
    assert said in refused("run", *options.split())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("viz run --no-browser --env=tset", "(did you mean test?)"),
        ("viz --env=test nothing", "nothing"),
        ("viz run --no-browser --env=test --pipeline=trian", "(did you mean train?)"),
        ("viz run --no-browser --env=test --params=model=fgsp", "(did you mean fgstp?)"),
        ("viz run --no-browser --env=test --params=a", "`a`"),
        ("viz run --no-browser --env=test --load-file=nothing.json", "nothing.json"),
        ("viz run --no-browser --port=x", "'x'"),
        ("viz build --no-such-option", "--no-such-option"),
        ("catalog describe-datasets --env=test --pipeline=trian", "(did you mean train?)"),
        ("catalog describe-datasets --env=tset", "(did you mean test?)"),
        ("catalog nothing", "nothing"),
        ("ipython --env=tset", "(did you mean test?)"),
        ("jupyter lab --env=tset", "(did you mean test?)"),
        ("registry describe nothing", "nothing"),
        ("plumes render --category=close_clear", "--seed"),
    ],
)
def test_other_commands_and_those_of_plug_ins(refused, command, said):
    if command.startswith("viz"):
        pytest.importorskip("kedro_viz", reason='needs pip install "fgstp[viz]"')
    assert said in refused(*command.split())


def test_jupyter_that_is_not_installed(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "notebook", None)
    assert "pip install notebook" in refused("jupyter", "notebook", "--env=test")


@pytest.mark.parametrize("command", ["catalog", "plumes"])
def test_a_group_without_a_command_shows_its_help(command, monkeypatch, capfd):
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(SystemExit):
        KedroCLI(REPOSITORY).main([command])
    assert "".join(capfd.readouterr()).startswith("Usage: ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("parameters_train.yml", b"train: {epochs: 3"),
        ("parameters_train.yml", b"train: *nothing"),
        ("parameters_train.yml", b"train:\n\tepochs: 3"),
        ("parameters_train.yml", b"train: !!python/object:os.system x"),
        ("parameters_train.yml", b"[1, 2]"),
        ("parameters_train.yml", b"\xff\xfe\x00"),
        ("parameters_train.yml", b"train: {epochs: 3, epochs: 4}"),
        ("parameters_train.yml", b"train: &all [*all]"),
        ("parameters_train.yml", b"train: " + b"[" * 5000 + b"]" * 5000),
        ("parameters_train.yml", b"train: {epochs: '${nothing}'}"),
        ("parameters_train.yml", BOMB.encode()),
        ("globals.yml", BOMB.encode()),
        ("catalog.yml", b"clips: {type: pandas.CSVDatasett, filepath: x}"),
        ("catalog.yml", b"clips: {filepath: x}"),
    ],
)
def test_files_of_configuration(refused, tmp_path, name, text):
    conf = shutil.copytree(REPOSITORY / "conf", tmp_path / "conf")
    (conf / "test" / name).write_bytes(text)
    refused("run", "--env=test", "--pipelines=report", f"--conf-source={conf}")


def test_the_folder_of_the_project(refused):
    assert f"cd {REPOSITORY}" in refused("run", "--env=test", folder=REPOSITORY / "src")
