"""The whole job as users run it, from ingest to report, with two models."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from mlflow.tracking import MlflowClient

from fgstp import load_model
from fgstp.core.errors import UserError
from fgstp.footage.clip_table import CLIP_COLUMNS, VIDEO_COLUMNS, clip_rows
from fgstp.footage.video_store import VideoStore
from fgstp.hooks import user_sentence
from fgstp.inference.prediction_store import PredictionStore
from fgstp.models.checkpoint import read_checkpoint
from fgstp.scoring import PROTOCOLS, score_clip

REPOSITORY = Path(__file__).parents[2]
MODELS = ("fgstp", "background")
NAMES = ("FGSTP", "Background subtraction (MOG2)")  # of the models, for people
PROTOCOL_NAMES = ("paper", "operational")


def _counted(masks):
    """Numbers of the frames that are scored: all but the first with gas, if there is any."""
    with_gas = [number for number, mask in enumerate(masks) if mask.any()]
    return [number for number in range(len(masks)) if number not in with_gas[:1]]


class Results:
    """Files of one data folder."""

    def __init__(self, data):
        self.data = data
        self.reporting = data / "08_reporting"
        self.store = VideoStore(data / "03_primary/videos")
        self.clips = pd.read_csv(data / "03_primary/clips.csv", dtype=CLIP_COLUMNS)
        self.videos = pd.read_csv(data / "02_intermediate/videos.csv", dtype=VIDEO_COLUMNS)

    def names(self, *splits):
        kept = self.clips[self.clips["dropped"].isna() & self.clips["split"].isin(splits)]
        return list(kept["clip"])

    def row(self, clip):
        [row] = clip_rows(self.clips[self.clips["clip"] == clip])
        return row

    def clip(self, name):
        return self.row(name).read(self.store)

    def checkpoint(self, model):
        return self.data / f"06_models/{model}/seed_1/best.ckpt"

    def training(self, model):
        return json.loads((self.data / f"06_models/{model}/seed_1/training.json").read_text())

    def predictions(self, model, clip):
        store = PredictionStore(self.data / f"07_model_output/{model}/seed_1")
        return store.read(self.row(clip))

    def maps(self, model, clip):
        return np.array(self.predictions(model, clip).maps)

    def predicted(self, model, clip):
        """Maps of a clip as users predict them from Python, from the video's first frame on."""
        row = self.row(clip)
        frames = self.store.clip(row.video).frames[: row.first_frame + row.n_frames + 2]
        maps = load_model(self.checkpoint(model)).predict(frames)
        return (255 * maps).round()[row.first_frame : row.first_frame + row.n_frames]

    def trained_by(self, model):
        [training] = self.scores(model)["trainings"]
        return training["checkpoint_sha256"]

    def frames(self, model):
        return pd.read_parquet(self.reporting / f"frames/{model}.parquet")

    def scores(self, model):
        return json.loads((self.reporting / f"metrics/{model}.json").read_text())

    def table(self, name):
        return pd.read_csv(self.reporting / f"tables/{name}.csv")


class Job(Results):
    """Both commands, their answers, and what MLflow noted of them."""

    def __init__(self, folder, answers):
        self.folder, self.answers = folder, answers
        super().__init__(folder / "data")
        self.client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
        self.runs = self.client.search_runs(["1"], order_by=["attributes.start_time ASC"])


@pytest.fixture(scope="module")
def job(finished_job, one_thread):
    return Job(*finished_job)


# ------------------------------------------------------------------------------- files


def _documented():
    """Paths in the first column of the table of results in docs/scoring.md."""
    page = (REPOSITORY / "docs/scoring.md").read_text("utf-8")
    section = page.split("## What evaluation and report write")[1]
    rows = re.findall(r"^\| (`.+?) \|", section.split("\n#")[0], re.M)
    paths = []
    for row in rows:
        for name in re.findall(r"`(.+?)`", row):
            # What stands second in a row lies beside the first.
            paths.append(name if name.startswith("data/") else f"{Path(paths[-1]).parent}/{name}")
    return paths


def test_every_documented_file_is_there(job):
    paths = _documented()
    assert len(paths) >= 9
    for path in paths:
        for model in MODELS:
            place = path.replace("<model>", model).removeprefix("data/")
            if place.endswith(".*"):
                found = {file.suffix for file in job.data.glob(place)}
                assert found == {".csv", ".md", ".tex"}, place
            elif place.endswith("/"):
                assert list((job.data / place).iterdir()), place
            else:
                assert (job.data / place).is_file(), place


def test_nothing_else_is_left(job):
    assert not [path for path in job.data.rglob("*") if path.name.startswith(".tmp-")]
    models = {path.relative_to(job.data / "06_models") for path in job.data.glob("06_models/*/*")}
    assert models == {Path(model) / "seed_1" for model in MODELS}
    predicted = {
        path.relative_to(job.data / "07_model_output").as_posix()
        for path in job.data.glob("07_model_output/*/*/*")
    }
    videos = {job.row(clip).video for clip in job.names("validation", "test")}
    assert predicted == {
        f"{model}/seed_1/{video}.{part}"
        for model in MODELS
        for video in videos
        for part in ("maps.npy", "scores.npy", "stamp.json")
    }
    figures = {path.name for path in (job.reporting / "figures").iterdir()}
    for name in ("predictions", "training_loss", "roc", "iou_paper", "speed"):
        assert {f"{name}.png", f"{name}.pdf"} <= figures


# ------------------------------------------------------------------ predictions and scores


def test_saved_maps_are_those_of_the_saved_checkpoint(job):
    validation, test = job.names("validation"), job.names("test")
    looked_at = {
        "fgstp": [validation[0], test[0], test[-1]],  # all of them would take seconds
        "background": validation + test,
    }
    for model, clips in looked_at.items():
        for clip in clips:
            expected = job.predicted(model, clip)
            # Frames that are predicted together differ, and so may the last digit.
            assert np.abs(job.maps(model, clip).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("model", MODELS)
def test_frame_scores_are_those_of_the_saved_maps(job, model):
    rows, protocols = job.frames(model), job.scores(model)["protocols"]
    for name in PROTOCOL_NAMES:
        protocol = PROTOCOLS[name].model_copy(update={"drop_given": True})
        threshold = protocols[name]["threshold"]
        expected = [
            score_clip(
                job.maps(model, clip),
                job.clip(clip).masks(),
                protocol,
                threshold,
                frame_scores=job.predictions(model, clip).scores,
            ).assign(clip=clip)
            for clip in job.names("test")
        ]
        expected = pd.concat(expected, ignore_index=True)
        found = rows[rows["protocol"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(found[expected.columns], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_frames_of_test_clips_are_scored_but_the_first_with_gas(job, model):
    rows = job.frames(model)
    assert set(rows["clip"]) == set(job.names("test"))
    assert set(rows["protocol"]) == set(PROTOCOL_NAMES)
    assert (rows["model"] == model).all()
    assert rows["category"].nunique() == 5
    for (_, clip), frames in rows.groupby(["protocol", "clip"])["frame"]:
        assert frames.tolist() == _counted(job.clip(clip).masks())
    digest = hashlib.sha256(job.checkpoint(model).read_bytes()).hexdigest()
    assert job.trained_by(model) == job.training(model)["checkpoint_sha256"] == digest
    assert len({job.scores(each)["footage_sha256"] for each in MODELS}) == 1


# -------------------------------------------------------------------------------- report


def test_tables_show_both_models_beside_the_published_rows(job):
    table = job.table("table1")
    ours = table[table["source"] == "this evaluation"]
    assert set(ours["model"]) == set(MODELS)
    assert set(ours["block"]) == set(PROTOCOL_NAMES)
    for row in ours.itertuples():
        expected = job.scores(row.model)["protocols"][row.protocol][row.metric]
        assert row.value == pytest.approx(expected, abs=1e-6)
        assert row.data == "synthetic plumes"
        assert row.mask_source == "synthetic"
    assert table.loc[table["block"] == "published", "model"].nunique() == 7
    ablation = job.table("table2")
    assert set(ablation.loc[ablation["source"] == "this evaluation", "model"]) == {"fgstp"}
    assert ablation.loc[ablation["block"] == "published", "model"].nunique() == 4


def test_every_form_of_the_report_shows_both_models(job):
    files = ("report.html", "headline.txt", "tables/table1.md", "tables/table1.tex")
    written = [(job.reporting / name).read_text("utf-8") for name in files]
    for text in (*written, job.answers[1].stdout):
        for name in NAMES:
            assert name in text
        for model in MODELS:
            scores = job.scores(model)["protocols"]
            for value in (scores["paper"]["iou_mean"], scores["operational"]["iou"]):
                assert f"{value:.3f}" in text
    page = written[0]
    assert page.count('src="data:image/webp;base64,') >= 3  # picked frames
    assert not re.search(r"""src=["'](?!data:)""", page)  # it stands alone
    links = set(re.findall(r'href="([^"#:]+)"', page))
    assert {"tables/table1.csv", "figures/roc.pdf", "report/roc.csv"} <= links
    assert not [link for link in links if not (job.reporting / link).exists()]
    # The first command reported the only model that there was.
    assert NAMES[1] not in job.answers[0].stdout.split("Scores on")[1]


# -------------------------------------------------------------------------------- MLflow


def test_each_command_is_one_finished_run_without_mistakes(job):
    for answer in job.answers:
        assert not re.search("Traceback|Error", answer.stdout + answer.stderr)
    assert "background needs no training." in job.answers[1].stdout
    assert [run.info.status for run in job.runs] == ["FINISHED", "FINISHED"]
    assert [run.data.tags["model"] for run in job.runs] == list(MODELS)
    for run, model in zip(job.runs, MODELS, strict=True):
        assert run.info.run_name.startswith(f"{model} seed 1 ")
        assert run.info.run_name.endswith("train+evaluate+report")
        assert run.data.tags["env"] == "test"
        assert run.data.tags["footage"] == run.data.tags["mask_source"] == "synthetic"
        assert "run --env=test" in run.data.tags["command"]
        assert re.fullmatch(r"[0-9a-f]{40}", run.data.tags["mlflow.source.git.commit"])


def test_parameters_of_the_run_are_flat_and_of_its_model_alone(job):
    first, second = (run.data.params for run in job.runs)
    for name, value in {
        "models.fgstp.height_px": "48",
        "models.fgstp.encoder.name": "pvt_v2_b0",
        "train.epochs": "2",
        "train.augmentation.flip_fraction": "0.5",
        "evaluate.drop_given": "True",
        "ingest.synthetic.height_px": "48",
        "model": "fgstp",
        "seed": "1",
    }.items():
        assert first[name] == value
    assert second["models.background.method"] == "mog2"
    for params, model in zip((first, second), MODELS, strict=True):
        of_models = [name for name in params if name.startswith("models.")]
        assert of_models
        assert all(name.startswith(f"models.{model}.") for name in of_models)


def test_figures_of_every_epoch_are_in_the_run(job):
    run, rows = job.runs[0], job.training("fgstp")["epochs"]
    for name in ("train_loss", "val_miou", "val_iou"):
        history = job.client.get_metric_history(run.info.run_id, name)
        assert [each.value for each in history] == pytest.approx([row[name] for row in rows])
        assert [each.step for each in history] == [2, 4]  # two steps an epoch
    epochs = job.client.get_metric_history(run.info.run_id, "epoch")
    assert [each.value for each in epochs] == [1, 2]
    assert run.data.metrics["best.epoch"] == job.training("fgstp")["epoch"]
    assert run.data.metrics["best.val_miou"] == job.training("fgstp")["scores"]["val_miou"]
    assert "train_loss" not in job.runs[1].data.metrics
    names = [each.path for each in job.client.list_artifacts(run.info.run_id, "examples")]
    assert names == ["examples/epoch_001.png", "examples/epoch_002.png"]


def test_scores_are_in_the_run(job):
    for run, model in zip(job.runs, MODELS, strict=True):
        assert run.data.metrics["predict.ms_per_frame"] > 0
        for name in PROTOCOL_NAMES:
            for metric, value in job.scores(model)["protocols"][name].items():
                if metric != "settings":
                    assert run.data.metrics[f"{name}.{metric}"] == value
        detection = job.scores(model)["detection"]
        assert run.data.metrics["detection.leak_auroc"] == detection["leak_auroc"]
        assert run.data.metrics["detection.n_frames"] == detection["n_frames"]
    assert "paper.iou_mean" in run.data.metrics


def test_cards_of_checkpoints_are_kept_with_the_run(job, tmp_path):
    for run, model in zip(job.runs, MODELS, strict=True):
        name = "checkpoints/seed_1.json"
        card = json.loads(
            Path(job.client.download_artifacts(run.info.run_id, name, tmp_path)).read_text()
        )
        assert card["checkpoint_sha256"] == job.trained_by(model)
        assert card["settings"] == read_checkpoint(job.checkpoint(model)).settings
        assert card["validation"] == job.training(model).get("scores", {})
        protocols = job.scores(model)["protocols"]
        for protocol in PROTOCOL_NAMES:
            assert card["test"][protocol]["threshold"] == protocols[protocol]["threshold"]
            assert card["test"][protocol]["auroc"] == protocols[protocol]["auroc"]
        assert job.client.list_artifacts(run.info.run_id, "figures")


def test_page_and_tables_are_kept_with_the_run_that_made_them(job, tmp_path):
    first, second = (run.info.run_id for run in job.runs)
    tables = [f"tables/{path.name}" for path in sorted((job.reporting / "tables").iterdir())]
    suffixes = dict.fromkeys(("detection", "events", "table1", "table2"), ("csv", "md", "tex"))
    suffixes["costs"] = ("csv", "md")
    assert tables == [
        f"tables/{stem}.{each}" for stem in sorted(suffixes) for each in suffixes[stem]
    ]
    for run_id in (first, second):
        assert [each.path for each in job.client.list_artifacts(run_id, "tables")] == tables
    for name in ("report.html", *tables):
        kept = Path(job.client.download_artifacts(second, name, tmp_path))
        assert kept.read_text("utf-8") == (job.reporting / name).read_text("utf-8")
    page = Path(job.client.download_artifacts(first, "report.html", tmp_path)).read_text("utf-8")
    assert NAMES[0] in page
    assert page != (job.reporting / "report.html").read_text("utf-8")


# ----------------------------------------------------------- once more, in this process


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Where runs in this process are recorded; making the file takes seconds."""
    folder = tmp_path_factory.mktemp("records")
    uri = f"sqlite:///{folder}/mlflow.db"
    # Pictures would go to the working folder.
    MlflowClient(uri).create_experiment("fgstp", artifact_location=str(folder / "artifacts"))
    return uri


@pytest.fixture
def again(project, records, one_thread):
    """Runs pipelines on a data folder; returns the message of a mistake, or None."""

    def run(data, *pipelines, **parameters):
        with pytest.MonkeyPatch.context() as patch:
            # What a run changes for the whole process is changed back.
            patch.setattr(sys, "argv", ["kedro", "run", "--env=test"])
            patch.setattr(sys, "path", list(sys.path))
            patch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
            patch.setenv("MLFLOW_TRACKING_URI", records)
            bootstrap_project(project)
            try:
                with KedroSession.create(
                    project_path=project,
                    env="test",
                    runtime_params={"data": str(data)} | parameters,
                ) as session:
                    session.run(pipeline_names=list(pipelines))
            except Exception as error:
                sentence = user_sentence(error)
                if sentence is None:
                    raise
                return sentence
        return None

    return run


@pytest.fixture
def copied(job, tmp_path):
    """A copy of all files, times included."""
    shutil.copytree(job.data, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def ingested(job, tmp_path):
    """A copy of what ingest left."""
    return _copy(job, tmp_path) / "data"


def _contents(data, *below):
    """Bytes of all files of some folders."""
    return {
        path.relative_to(data).as_posix(): path.read_bytes()
        for folder in below
        for path in (data / folder).rglob("*")
        if path.is_file()
    }


def _times(data, model="fgstp"):
    maps = (data / f"07_model_output/{model}/seed_1").glob("*.npy")
    return {path.name: path.stat().st_mtime_ns for path in maps}


def test_evaluating_again_predicts_nothing_and_gives_the_same_bytes(job, copied, again):
    before = _times(copied)
    assert again(copied, "evaluate") is None
    assert len(before) == 2 * len({job.row(name).video for name in job.names("validation", "test")})
    assert _times(copied) == before
    stages = ("07_model_output", "08_reporting")
    assert _contents(copied, *stages) == _contents(job.data, *stages)
    # The scores were written again, or the same bytes would prove nothing.
    for name in ("frames/fgstp.parquet", "metrics/fgstp.json", "summaries/fgstp.csv"):
        changed = (copied / "08_reporting" / name).stat().st_mtime_ns
        assert changed > (job.reporting / name).stat().st_mtime_ns


def test_after_training_with_another_seed_old_predictions_are_replaced(job, copied, again):
    before, of_other = _times(copied), _times(copied, "background")
    assert again(copied, "train", "evaluate", seed=2) is None
    results = Results(copied)
    after = _times(copied)
    assert set(after) == set(before)
    assert all(after[name] > before[name] for name in before)
    assert _times(copied, "background") == of_other
    clip = results.names("test")[0]
    assert not np.array_equal(results.maps("fgstp", clip), job.maps("fgstp", clip))
    expected = results.predicted("fgstp", clip)
    assert np.abs(results.maps("fgstp", clip).astype(int) - expected).max() <= 1
    digest = hashlib.sha256(results.checkpoint("fgstp").read_bytes()).hexdigest()
    assert results.trained_by("fgstp") == digest
    assert job.trained_by("fgstp") != digest


# ------------------------------------------------------------------------------ mistakes


def test_files_of_one_model_are_not_written_over_by_another(project, copied, tmp_path):
    """As `model` in a parameters file would do, which the catalog does not see."""
    before = _contents(copied, "06_models")
    conf = tmp_path / "conf"
    shutil.copytree(project / "conf", conf)
    (conf / "test/parameters.yml").write_text("model: background\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/runs.db")
        bootstrap_project(project)
        session = KedroSession.create(
            project, env="test", conf_source=str(conf), runtime_params={"data": str(copied)}
        )
        with session, pytest.raises(UserError, match=r"model is background, .* those of fgstp"):
            session.run(pipeline_names=["train"])
    assert _contents(copied, "06_models") == before


def test_before_ingest_the_clip_table_is_asked_for(tmp_path, again):
    sentence = again(tmp_path / "data", "train")
    assert "03_primary/clips.csv cannot be read (No such file or directory); run `ked" in sentence
    assert not (tmp_path / "data").exists()


def _sentence(answer):
    """The line that reports a mistake."""
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr + answer.stdout
    errors = [line for line in answer.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, answer.stderr
    assert answer.stderr.rstrip().endswith(errors[0])
    return errors[0]


def test_command_with_several_wrong_settings(kedro, tmp_path):
    wrong = ["train.epochs=0", "train.epoch=3", "evaluate.protocols=[nice]"]
    sentence = _sentence(kedro.run(tmp_path, parameters=wrong))
    assert "train.epochs is 0: input should be greater than or equal to 1; " in sentence
    assert "train.epoch is 3: there is no such setting (did you mean epochs?); " in sentence
    assert "no protocol 'nice'" in sentence
    assert sentence.endswith("; correct conf/ or --params.")
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pipeline", "parameter", "words", "statuses"),
    [
        ("evaluate", "model=fgstp", "There is no trained fgstp in ", ["FAILED"]),
        ("train", "model=nothing", "There is no model 'nothing'", []),  # no run is opened
        ("report", "model=fgstp", "No model has been evaluated", ["FAILED"]),
    ],
)
def test_commands_with_other_mistakes(kedro, ingested, pipeline, parameter, words, statuses):
    before = _contents(ingested, ".")
    folder = ingested.parent
    answer = kedro.run(folder, f"--pipelines={pipeline}", parameters=[parameter])
    assert words in _sentence(answer)
    assert _contents(ingested, ".") == before
    runs = MlflowClient(f"sqlite:///{folder}/mlflow.db").search_runs(["1"])
    assert [run.info.status for run in runs] == statuses


# ----------------------------------------------------------------------------- stopped


LONG = ["train.epochs=4", "train.steps_per_epoch=3"]


def _started(kedro, folder, parameters):
    """`kedro run --pipelines=train`, given back once an epoch is finished."""
    process = subprocess.Popen(
        kedro.command(folder, "--pipelines=train", parameters=parameters),
        cwd=kedro.project,
        env=kedro.environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not (folder / "data/06_models/fgstp/seed_1/resume/0/state.ckpt").is_file():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def _copy(job, folder):
    for stage in ("02_intermediate", "03_primary"):
        shutil.copytree(job.data / stage, folder / "data" / stage)
    return folder


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_weights(job, kedro, tmp_path):
    killed, whole = _copy(job, tmp_path / "killed"), _copy(job, tmp_path / "whole")
    process = _started(kedro, killed, LONG)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert not (killed / "data/06_models/fgstp/seed_1/training.json").exists()

    answers = [
        kedro.run(folder, "--pipelines=train", parameters=LONG) for folder in (killed, whole)
    ]
    for answer in answers:
        assert answer.returncode == 0, answer.stderr
    assert re.search(r"Continuing after epoch [123], from ", answers[0].stdout)
    assert "Continuing" not in answers[1].stdout
    first, second = Results(killed / "data"), Results(whole / "data")
    assert first.training("fgstp") == second.training("fgstp")
    assert [row["epoch"] for row in first.training("fgstp")["epochs"]] == [1, 2, 3, 4]
    weights = [read_checkpoint(each.checkpoint("fgstp")).weights for each in (first, second)]
    assert weights[0].keys() == weights[1].keys()
    for name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][name]), name


N_KILLS = 20


@pytest.mark.slow
def test_a_job_killed_at_random_moments_ends_with_the_same_bytes(kedro, tmp_path):
    rng, n_kills, n_finished = np.random.default_rng(0), 0, 0
    folder, begin = tmp_path, time.monotonic()
    assert kedro.run(folder).returncode == 0
    whole_s = time.monotonic() - begin
    expected = _without_times(folder / "data")
    shutil.rmtree(folder / "data")
    while n_kills < N_KILLS or not n_finished:
        process = subprocess.Popen(
            kedro.command(folder),
            cwd=kedro.project,
            env=kedro.environment(folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            assert process.wait(rng.uniform(0.2, 1.1) * whole_s) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            n_kills += 1
            continue
        assert _without_times(folder / "data") == expected
        shutil.rmtree(folder / "data")
        n_finished += 1


def _without_times(data):
    """Bytes of all files that a job leaves, but of measured times and what shows them."""
    timed = re.compile(r".*\.stamp\.json|.*/speed\.\w+|08_reporting/report\.html")
    return {
        name: re.sub(rb'"ms_per_frame": [\d.]+', b"", content)
        for name, content in _contents(data, ".").items()
        if not timed.fullmatch(name)
    }


@pytest.mark.slow
@pytest.mark.parametrize(("name", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_training_is_recorded_as_killed(job, kedro, tmp_path, name, status):
    folder = _copy(job, tmp_path)
    process = _started(kedro, folder, ["train.epochs=1000"])
    time.sleep(0.3)  # until the epoch is recorded; see the test of the hooks
    os.killpg(process.pid, name)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == status, output + errors
    assert "Traceback" not in errors
    [run] = MlflowClient(f"sqlite:///{folder}/mlflow.db").search_runs(["1"])
    assert run.info.status == "KILLED"
    assert run.data.tags["model"] == "fgstp"
    assert not (folder / "data/06_models/fgstp/seed_1/training.json").exists()
    assert not list(folder.rglob(".tmp-*"))


@pytest.mark.slow
def test_processes_of_a_launcher_train_together_and_the_first_records_the_run(kedro, ingested):
    folder = ingested.parent
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [*torchrun, *kedro.command(folder, "--pipelines=train")[1:]]
    answer = subprocess.run(
        command,
        check=False,
        cwd=kedro.project,
        env=kedro.environment(folder),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stderr
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    [run] = client.search_runs(["1"])
    assert (run.info.status, run.data.metrics["epoch"]) == ("FINISHED", 2)
    assert [path.name for path in (folder / "data/06_models/fgstp").iterdir()] == ["seed_1"]
