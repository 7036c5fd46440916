from types import SimpleNamespace

import click
import pandas as pd
import pytest
from kedro.io import DataCatalog, DatasetError, MemoryDataset
from kedro.pipeline import Node, Pipeline
from pydantic import ValidationError

from fgstp.core.errors import FootageError, UserError
from fgstp.footage.settings import IngestSettings
from fgstp.hooks import MistakeHooks, mistakes, user_sentence
from fgstp.models.registry import ModelsSettings
from fgstp.training.settings import TrainSettings


def ingest(ingest: IngestSettings, seed: int):
    pass


def train(model: str, models: ModelsSettings, train: TrainSettings):
    pass


PIPELINES = {
    "ingest": Pipeline([Node(ingest, ["params:ingest", "params:seed"], None, name="ingest")]),
    "train": Pipeline(
        [Node(train, ["params:model", "params:models", "params:train"], None, name="train")]
    ),
}
GOOD = {"ingest": {"source": "folder"}, "seed": 1, "model": "fgstp", "models": {}, "train": {}}


class Loader(dict):
    runtime_params = None


@pytest.fixture
def check(monkeypatch):
    """Check parameters as Kedro does at the beginning of a run of some pipelines."""

    def run(*names, globals_model="fgstp", **changes):
        monkeypatch.setattr(mistakes, "pipelines", {name: PIPELINES[name] for name in names})
        loader = Loader(parameters=GOOD | changes, globals={"model": globals_model})
        MistakeHooks().after_context_created(SimpleNamespace(config_loader=loader))

    return run


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"clip_length_frames": 0},
            "ingest.clip_length_frames is 0: input should be greater than or equal to 3",
        ),
        (
            {"source": "youtube"},
            "ingest.source is 'youtube': there is no such source; choose one of annotated, "
            "composite, folder, gasvid, leak_free, synthetic",
        ),
        (
            {"duplicates": {"threshold": "much"}},
            "ingest.duplicates.threshold is 'much': input should be a valid number, "
            "unable to parse string as a number",
        ),
        (
            {"parallel": {"backend": "slurm"}},
            "ingest.parallel.backend is 'slurm': input should be "
            "'loky', 'sequential', 'ray' or 'dask'",
        ),
        (
            {"source": "foldr"},
            "ingest.source is 'foldr': there is no such source (did you mean folder?); choose one "
            "of annotated, composite, folder, gasvid, leak_free, synthetic",
        ),
        (
            {"parallel": {"jobs": 0}},
            "ingest.parallel: jobs must be -1 (all processors) or at least 1",
        ),
    ],
)
def test_a_wrong_setting_in_one_sentence(check, changes, sentence):
    with pytest.raises(UserError) as caught:
        check("ingest", ingest=GOOD["ingest"] | changes)
    assert str(caught.value) == f"{sentence}; correct conf/ or --params."


def test_all_wrong_settings_are_named_in_one_line(check):
    with pytest.raises(UserError) as caught:
        check(
            "ingest",
            "train",
            ingest=GOOD["ingest"] | {"clip_lenght": 3, "validation": {"fraction": 2}},
            models={
                "yolo": {},
                "fgstp": {"height_px": 0, "encoder": {"name": "vgg"}},
                "fgstp_no_ctc": {"ctc": True},
            },
            train=None,
        )
    sentence = str(caught.value)
    for words in (
        "ingest.clip_lenght is 3: there is no such setting (did you mean clip_length_frames?)",
        "ingest.validation.fraction is 2: ",
        "models.yolo: there is no such setting",
        "models.fgstp.height_px is 0",
        "models.fgstp.encoder.name is 'vgg': ",
        "ctc must be false for this model",
        "train is None: ",
    ):
        assert sentence.count(words) == 1, words
    assert ".;" not in sentence
    assert "\n" not in sentence


def test_only_pipelines_that_run_are_checked(check):
    check("ingest", train={"epochs": 0}, model="nothing")
    with pytest.raises(UserError, match=r"train\.epochs is 0"):
        check("train", train={"epochs": 0})


def test_a_block_that_nothing_reads_is_refused(check):
    check("ingest", data="elsewhere", _anchor={"mean": 0})
    with pytest.raises(
        UserError, match=r"no block of settings trian \(did you mean train\?\); there are ingest,"
    ):
        check("ingest", trian={"epochs": 1}, sistems={})


@pytest.mark.parametrize("name", ["nothing", None, 7])
def test_an_unknown_model_is_refused(check, name):
    with pytest.raises(UserError, match=f"There is no model {name!r}"):
        check("train", model=name, globals_model=name)


def test_the_model_is_that_of_the_catalog(check):
    check("train", model="mg", globals_model="mg")
    with pytest.raises(UserError, match="model is mg, but the files are those of fgstp"):
        check("train", model="mg")


# ------------------------------------------------------------------- while it runs


def test_kedros_command_line_prints_a_mistake_in_one_line(capsys):
    @click.command()
    def command():
        try:
            raise FootageError("Mend it.")
        except FootageError as error:
            wrapped = DatasetError("Failed while saving data to dataset ...")
            wrapped.__cause__ = error
            MistakeHooks().on_pipeline_error(error=wrapped)

    with pytest.raises(SystemExit) as caught:
        command([])
    assert caught.value.code == 1
    assert capsys.readouterr().err == "Error: Mend it.\n"


@pytest.mark.parametrize("error", [ValueError("bug"), DatasetError("bug"), KeyError("x")])
def test_other_errors_keep_their_traceback(error):
    MistakeHooks().on_pipeline_error(error=error)
    assert user_sentence(error) is None


def test_a_validation_error_inside_a_node_is_a_bug():
    with pytest.raises(ValidationError) as caught:
        IngestSettings(source="folder", clip_length_frames=0)
    assert user_sentence(caught.value) is None


@pytest.mark.parametrize(
    ("size", "nodes", "is_refused"),
    [(None, ["predict"], False), ("1", ["predict"], False), ("2", ["train_model"], False)]
    + [("2", nodes, True) for nodes in (["predict"], ["train_model", "predict"])],
)
def test_processes_that_a_launcher_started_only_train(monkeypatch, size, nodes, is_refused):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if size:
        monkeypatch.setenv("WORLD_SIZE", size)
    pipeline = Pipeline([Node(lambda: None, None, name, name=name) for name in nodes])
    if not is_refused:
        MistakeHooks().before_pipeline_run({"runner": "SequentialRunner"}, pipeline)
        return
    with pytest.raises(click.ClickException, match=r"started 2 processes.*only train works in sev"):
        MistakeHooks().before_pipeline_run({"runner": "SequentialRunner"}, pipeline)


def test_refused_videos_are_reported_at_the_end(caplog):
    videos = pd.DataFrame({"video": ["a", "b", "c"], "error": ["a: bad", None, "c: worse"]})
    pipeline = Pipeline([Node(lambda: videos, None, "videos", name="find")])
    catalog = DataCatalog({"videos": MemoryDataset(videos)})
    with caplog.at_level("WARNING", logger="fgstp"):
        MistakeHooks().after_pipeline_run(pipeline=pipeline, catalog=catalog)
        MistakeHooks().after_pipeline_run(pipeline=Pipeline([]), catalog=catalog)
    assert [record.getMessage() for record in caplog.records] == [
        "Video not used (1 of 2): a: bad",
        "Video not used (2 of 2): c: worse",
    ]
