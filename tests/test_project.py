"""Pipelines, catalog, settings, stages of DVC and imports agree."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from kedro.config import OmegaConfigLoader
from kedro.framework.project import configure_project
from kedro.framework.project import pipelines as registered
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog

from fgstp.footage.settings import IngestSettings
from fgstp.models.registry import ModelsSettings, list_models
from fgstp.pipeline_registry import register_pipelines
from fgstp.scoring.protocols import EvaluateSettings
from fgstp.training.settings import TrainSettings

ENVIRONMENTS = ("base", "demo", "test")
BLOCKS = {  # the typed blocks of parameters
    "ingest": IngestSettings,
    "models": ModelsSettings,
    "train": TrainSettings,
    "evaluate": EvaluateSettings,
}
PLAIN = {"seed", "model"}  # parameters of one value
STAGES = ("ingest", "features", "train", "evaluate", "report")
SETTINGS = "data/02_intermediate/settings.yml"  # of the environment, merged with those of base
MODEL, SEED = "${item.model}", "${item.seed}"  # as dvc.yaml writes those of a stage
# Files without influence on results, on which no stage of DVC depends.
NO_INFLUENCE = {
    "__init__.py",
    "reporting/__init__.py",
    "pipelines/__init__.py",
    *(f"pipelines/{name}.py" for name in ("mlflow_client", "tracking")),
    # Settings of ingest, which other stages only pass on.
    *(f"plumes/{name}.py" for name in ("conditions", "presets")),
}
REPOSITORY = Path(__file__).parents[1]


def _yaml(*parts):
    return yaml.safe_load(REPOSITORY.joinpath(*parts).read_text("utf-8"))


@pytest.fixture(scope="module")
def pipelines():
    configure_project("fgstp")
    return register_pipelines()


@pytest.fixture(scope="module")
def catalog():
    """Paths of the catalog as they stand without `--params`: relative to the project."""
    loader = OmegaConfigLoader(str(REPOSITORY / "conf"), base_env="base", default_run_env="base")
    return loader["catalog"]


@pytest.fixture(scope="module")
def parameters():
    """Parameters of each environment after the soft merge with base."""
    from fgstp.settings import CONFIG_LOADER_ARGS

    conf = str(REPOSITORY / "conf")
    return {
        environment: OmegaConfigLoader(conf, env=environment, **CONFIG_LOADER_ARGS)["parameters"]
        for environment in ENVIRONMENTS
    }


# -------------------------------------------------------------- pipelines, catalog


def test_kedro_finds_a_pipeline_in_each_folder_and_the_default_is_their_sum(pipelines):
    folders = {
        path.parent.name for path in (REPOSITORY / "src/fgstp/pipelines").glob("*/pipeline.py")
    }
    assert set(pipelines) == folders | {"__default__"}
    assert "ingest" in folders
    every_node = {node.name for name in folders for node in pipelines[name].nodes}
    assert {node.name for node in pipelines["__default__"].nodes} == every_node
    for name in folders:  # groups in Kedro-Viz
        assert {node.namespace for node in pipelines[name].nodes} == {name}
    for pipeline in pipelines.values():
        assert all(node._name for node in pipeline.nodes)  # named, not described
    bootstrap_project(REPOSITORY)
    assert set(registered) == set(pipelines)


def test_no_dataset_is_kept_in_memory_and_none_is_unused(pipelines, catalog):
    used = {
        name
        for name in pipelines["__default__"].datasets()
        if not name.startswith(("params:", "parameters"))
    }
    assert used == {name for name in catalog if not name.startswith("_")}


def test_every_catalog_entry_can_be_built(catalog):
    entries = {name: entry for name, entry in catalog.items() if not name.startswith("_")}
    built = DataCatalog.from_config(entries)
    for name in entries:
        assert built[name] is not None


def test_no_path_is_a_parameter(parameters):
    assert "data/" not in str(parameters["base"])


def test_no_file_appears_from_nowhere(pipelines, catalog):
    """What no node writes is raw data; no node writes what it reads or another writes."""
    graph = pipelines["__default__"]
    for name in graph.inputs():
        assert name.startswith("param") or catalog[name]["metadata"]["kedro-viz"]["layer"] == "raw"
    for node in graph.nodes:
        assert not set(node.inputs) & set(node.outputs), node.name
    written = [name for node in graph.nodes for name in node.outputs]
    assert len(set(written)) == len(written)
    paths = [entry["filepath"] for entry in catalog.values() if "filepath" in entry]
    assert len(set(paths)) == len(paths)


def test_layers_of_kedro_viz_follow_the_data(pipelines, catalog):
    """A layer that follows itself is a circle, and Kedro-Viz then shows no layers."""
    order = ["raw", "intermediate", "primary", "feature", "models", "model_output", "reporting"]
    layer = {
        name: order.index(entry["metadata"]["kedro-viz"]["layer"])
        for name, entry in catalog.items()
        if not name.startswith("_")
    }
    for node in pipelines["__default__"].nodes:
        read = [layer[name] for name in node.inputs if name in layer]
        assert max(read) <= min(layer[name] for name in node.outputs), node.name


# ------------------------------------------------------------------------ settings


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_is_sound(environment, parameters):
    written = {name for name in parameters[environment] if not name.startswith("_")}
    assert written == {*BLOCKS, *PLAIN}
    for block, model in BLOCKS.items():
        model.model_validate(parameters[environment][block])


@pytest.mark.parametrize("block", BLOCKS)
def test_base_holds_only_what_differs_from_the_defaults(block):
    written = _yaml("conf", "base", f"parameters_{block}.yml")[block]
    expected = {"ingest": {"source": "gasvid"}, "models": {name: {} for name in list_models()}}
    assert written == expected.get(block, {})


@pytest.mark.slow
def test_an_environment_may_override_nothing_and_list_any_models(tmp_path, parameters, monkeypatch):
    """DVC reads what the stage `settings` writes, and finds each setting that it asks for."""
    for name in ("conf", "dvc.yaml", ".dvc", "src"):
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, tmp_path / name)
    (tmp_path / "conf/bare").mkdir()
    (tmp_path / "conf/dvc.yml").write_text("env: bare\nseeds: [1, 2]\n")
    (tmp_path / "conf/base/parameters_models.yml").write_text("models: {mg: {}, background: {}}")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    dvc = [sys.executable, "-m", "dvc"]
    # As in an activated environment: the commands of dvc.yaml start with `python`.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    subprocess.run([*dvc, "repro", "-q", "settings"], cwd=tmp_path, check=True)
    written = yaml.safe_load((tmp_path / SETTINGS).read_text())
    assert written["train"] == parameters["base"]["train"]
    listed = subprocess.run(
        [*dvc, "status", "train", "report"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    stages = {f"train@{model}-{seed}" for model in ("mg", "background") for seed in (1, 2)}
    assert set(re.findall(r"^(train@\S+):", listed.stdout, re.M)) == stages


def test_the_environment_for_tests_is_tiny(parameters):
    ingest = IngestSettings.model_validate(parameters["test"]["ingest"])
    size = ingest.synthetic
    videos = 5 * (size.train_videos_per_category + size.test_videos_per_category)
    assert size.height_px * size.width_px * size.seconds * size.fps_hz * videos < 5e6
    assert ingest.parallel.backend == "sequential"


def test_the_environment_without_a_choice_is_that_of_dvc():
    from fgstp.settings import CONFIG_LOADER_ARGS

    assert CONFIG_LOADER_ARGS["default_run_env"] == _yaml("conf", "dvc.yml")["env"]
    assert _yaml("dvc.yaml")["vars"] == ["conf/dvc.yml", "conf/base/parameters_models.yml"]


# ----------------------------------------------------------------------------- DVC


def _dvc_paths(stage, part):
    entries = _yaml("dvc.yaml")["stages"][stage].get(part, [])
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]


def _within(path, folders):
    return [folder for folder in folders if f"{path}/".startswith(f"{folder}/")]


def _path(catalog, name):
    """Path of a catalog entry as dvc.yaml writes it: a model's file has the model's name."""
    return catalog[name]["filepath"].replace("*", MODEL).replace("/fgstp.", f"/{MODEL}.")


# Folders of all models, of which a stage writes that of its model.
FOLDERS = {"features", "models", "predictions"}
# Nodes resume in these; DVC would delete them before the stage runs.
KEPT = {
    "ingest": {"data/03_primary/videos"},
    "features": {f"data/04_feature/{MODEL}"},
    "train": set(),
    "evaluate": {f"data/07_model_output/{MODEL}"},
    "report": set(),
}


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_has_the_outputs_of_the_catalog(stage, pipelines, catalog):
    outs = _dvc_paths(stage, "outs") + _dvc_paths(stage, "metrics")
    written = {name for name in pipelines[stage].all_outputs() if "filepath" in catalog[name]}
    paths = {_path(catalog, name) for name in written - FOLDERS}
    folders = {catalog[name]["filepath"] for name in written & FOLDERS}
    for path in paths:
        assert len(_within(path, outs)) == 1, path
    for folder in folders:
        assert any(out.startswith(f"{folder}/{MODEL}") for out in outs), folder
    for out in outs:
        assert out in paths or _within(out, folders), out
    kept = {
        next(iter(out))
        for out in _yaml("dvc.yaml")["stages"][stage]["outs"]
        if isinstance(out, dict) and next(iter(out.values())).get("persist")
    }
    assert kept == KEPT[stage]


def test_what_training_resumes_from_is_no_output_of_dvc():
    from fgstp.models.training_records import BEST
    from fgstp.training.job import RESUME_FOLDER

    outs = _dvc_paths("train", "outs")
    assert f"data/06_models/{MODEL}/seed_{SEED}/{BEST}" in outs
    assert not _within(f"data/06_models/{MODEL}/seed_{SEED}/{RESUME_FOLDER}", outs)
    assert f"/data/06_models/*/*/{RESUME_FOLDER}" in (REPOSITORY / ".dvcignore").read_text()


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_depends_on_what_the_catalog_reads(stage, pipelines, catalog):
    deps = _dvc_paths(stage, "deps")
    read = {name for name in pipelines[stage].inputs() if not name.startswith("param")}
    for name in read:
        path = catalog[name]["filepath"]
        # The file itself, or a folder that holds the files of all models or of the one.
        known = [_path(catalog, name), path.split("/*")[0], f"{path}/{MODEL}"]
        assert any(_within(each, deps) or each in deps for each in known), name
    assert "conf/base/catalog.yml" in deps
    for dep in deps:
        assert (REPOSITORY / dep).exists() or dep.startswith("data/"), dep
        assert not _within(dep, _dvc_paths(stage, "outs"))


def _imported(*places):
    """Files of the package that some files and folders import, directly or not."""
    source = REPOSITORY / "src"
    waiting = [path for place in places for path in place.rglob("*.py")]
    found = set()
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in getattr(node, "names", []) if alias.name]
            if isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{name}" for name in names)]
            elif not isinstance(node, ast.Import):
                continue
            for name in names:
                if name.startswith("fgstp."):
                    place = source / name.replace(".", "/")
                    files = [place.with_suffix(".py"), place / "__init__.py"]
                    waiting += [file for file in files if file.is_file()]
    return {path.relative_to(source / "fgstp").as_posix() for path in found}


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_depends_on_all_code_that_the_stage_runs(stage):
    source = REPOSITORY / "src/fgstp"
    loaded = _imported(source / "pipelines" / stage, source / "datasets")
    assert f"pipelines/{stage}/nodes.py" in loaded
    deps = _dvc_paths(stage, "deps")
    missing = {file for file in loaded if not _within(f"src/fgstp/{file}", deps)}
    if stage == "train":  # draws example pictures for MLflow alone
        missing = {file for file in missing if not file.startswith(("reporting/", "scoring/"))}
    assert missing <= NO_INFLUENCE


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_depends_on_the_parameters_of_the_pipeline(stage, pipelines):
    entry = _yaml("dvc.yaml")["stages"][stage]
    [settings] = entry.get("params", [{SETTINGS: []}])
    used = {
        name.removeprefix("params:")
        for name in pipelines[stage].inputs()
        if name.startswith("params:")
    } - {"model"}  # stands in the command
    assert list(settings) == [SETTINGS]
    assert set(settings[SETTINGS]) == {
        f"models.{MODEL}" if name == "models" else name for name in used
    }
    command = f"kedro run --pipelines={stage} --env=${{env}}"
    if "params:model" in pipelines[stage].inputs():
        command += f" --params=model={MODEL}"
    matrix = {"model": "${models}"} if "params:model" in pipelines[stage].inputs() else None
    if stage == "train":
        command += f",train.seed_index={SEED}"
        matrix = {"model": "${models}", "seed": "${seeds}"}
    assert (entry["cmd"], entry.get("matrix")) == (command, matrix)


# --------------------------------------------------------------------- the repository


def test_the_lock_pins_every_package_and_dependency_and_names_no_host():
    lines = (REPOSITORY / "requirements.lock").read_text().splitlines()
    packages = [line for line in lines if line.strip() and not line.startswith("#")]
    assert len(packages) > 50
    for line in packages:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[^\s;/:@]+( ;.*)?", line), line
        assert "/" not in line
    assert "://" not in "\n".join(lines)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    locked = {line.partition("==")[0] for line in packages}
    extras = ("torch", "pipelines", "live", "viz", "dev")
    for requirement in chain(project["dependencies"], *(optional[extra] for extra in extras)):
        name = re.match(r"[\w.-]+", requirement)[0]
        assert name == "fgstp" or re.sub(r"[._]", "-", name).lower() in locked, requirement


@pytest.mark.parametrize("file", ["Makefile", "pyproject.toml", ".ci/run", ".dvc/config"])
def test_no_registry_host_and_no_path_of_one_machine(file):
    text = (REPOSITORY / file).read_text()
    assert "://" not in text.replace("sqlite:///mlflow.db", "")
    assert not re.search(
        r"(?<!no-emit-)index-url|find-links", text.replace("--no-emit-", "no-emit-")
    )
    assert not re.search(r"(?<![\w.}])/(home|root|work|tmp|Users)/", text)


def test_usage_reports_are_off():
    assert _yaml(".telemetry") == {"consent": False}
    assert "analytics = false" in (REPOSITORY / ".dvc/config").read_text()


def test_git_and_dvc_leave_out_what_they_must(tmp_path):
    ignored = [".venv/x", ".venv-metrics/x", "mlflow.db", "data/03_primary/videos/x.npy"]
    ignored += [".viz/x", "src/__pycache__/x", "data/08_reporting/metrics/x.json"]
    wanted = ["data/01_raw/README.md", "data/01_raw/x.dvc", "data/03_primary/.gitignore"]
    wanted += ["dvc.lock", "docs/results/x.json"]
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text((REPOSITORY / ".gitignore").read_text())
    command = ["git", "-C", tmp_path, "check-ignore", *ignored, *wanted]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    assert answer.stdout.split() == ignored
    assert "__pycache__/" in (REPOSITORY / ".dvcignore").read_text().splitlines()
