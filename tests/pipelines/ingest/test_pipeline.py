"""The ingest pipeline as Kedro runs it: in this process, and as the command that users type."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from mlflow.tracking import MlflowClient

from fgstp.core.errors import UserError
from fgstp.datasets.folders import FolderDataset
from fgstp.footage.clip_table import clip_rows
from fgstp.footage.settings import IngestSettings
from fgstp.hooks import user_sentence
from fgstp.pipelines.ingest import create_pipeline
from fgstp.plumes import SyntheticVideo

OUTPUTS = ("videos", "cut_clips", "clips", "duplicate_curve", "ingest_summary")


# ------------------------------------------------- the graph alone, without a project


class Kept(MemoryDataset):
    """Stays when the runner has no more use for it."""

    def _release(self):
        pass


def _catalog(raw, out, results, **changes):
    """All but the video store in memory."""
    basis = {"source": "folder", "clip_length_frames": 10, "parallel": {"backend": "sequential"}}
    given = {
        "raw_footage": raw,
        "gasvid_table": pd.DataFrame({"video": []}, dtype=str),
        "params:ingest": IngestSettings.model_validate(basis | changes),
        "params:seed": 1,
    }
    results |= {name: Kept() for name in (*OUTPUTS, "contact_sheets", "duplicate_figure")}
    datasets = {
        name: MemoryDataset(value, copy_mode="assign") for name, value in given.items()
    } | results
    datasets["footage"] = Kept(copy_mode="assign")
    datasets["video_store"] = FolderDataset(f"{out}/videos", "fgstp.footage.video_store.VideoStore")
    return DataCatalog(datasets)


def _run(raw, out, **changes):
    results = {}
    SequentialRunner().run(create_pipeline(), _catalog(raw, out, results, **changes))
    return {name: dataset.load() for name, dataset in results.items()}


@pytest.fixture
def raw(tmp_path, footage):
    root = tmp_path / "raw" / "footage"
    places = [5, 40, 20, 50, 10, 30, 5]
    footage.video(root / "good.mkv", footage.frames(places, seed=1, left_over=3))
    footage.video(root / "other.mkv", footage.frames([20, 45], seed=2))
    footage.video(root / "short.mkv", footage.frames([5])[:7])
    footage.table(root, good="train", short="train", other="test")
    return tmp_path / "raw"


def test_tables_fit_each_other(raw, tmp_path):
    result = _run(raw, tmp_path, categories={"opening_s": 1.0})
    videos, clips = result["videos"].set_index("video"), result["clips"]
    assert list(videos.index) == ["good", "short", "other"]
    assert set(clips["video"]) == {"good", "other"}
    assert clips.groupby("video").size().to_dict() == {"good": 7, "other": 2}
    assert videos["clips"].to_dict() == {"good": 7, "short": 0, "other": 2}

    good = clips[clips["video"] == "good"].set_index("clip")
    assert good.loc["good_0006", "dropped"] == "duplicate"
    assert good.loc["good_0006", "repeats"] == "good_0000"
    held = good.index[good["split"] == "validation"]
    assert len(held) == 1
    # A held-out clip stands alone: the kept clips beside it are dropped, not trained on.
    place = good.index.get_loc(held[0])
    for neighbour in (place - 1, place + 1):
        if 0 <= neighbour < 6:
            assert good["dropped"].iloc[neighbour] == "guard"
    assert (clips.loc[clips["video"] == "other", "split"] == "test").all()

    # Nothing but split, guards and what they name differs from the clips that were cut.
    cut = result["cut_clips"]
    same = ["clip", "video", "first_frame", "frames", "leak_class", "mask_source", "gas_fraction"]
    pd.testing.assert_frame_equal(clips[same], cut[same])
    assert (cut["dropped"].isna() | (cut["dropped"] == clips["dropped"])).all()


def test_no_node_writes_where_it_reads(raw, tmp_path):
    def written():
        return {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}

    results = {}
    catalog = _catalog(raw, tmp_path, results)
    for node in create_pipeline().nodes:
        given = {name: catalog[name].load() for name in node.inputs}
        before = written()
        made = node.run(given)
        assert written() == before, node.name
        for name in node.outputs:
            catalog[name].save(made[name])
    assert len(list(tmp_path.rglob("*.frames.npy"))) == 2


def test_curve_sheets_and_summary(raw, tmp_path):
    result = _run(raw, tmp_path)
    curve = result["duplicate_curve"].set_index("threshold")["clips_kept"]
    assert curve.is_monotonic_increasing
    kept = result["cut_clips"]["dropped"].isna().sum()
    assert curve[0.4] == kept == 8
    assert curve[1.0] == 9
    assert list(result["duplicate_figure"]) == ["clips_kept_against_threshold"]

    assert set(result["contact_sheets"]) == set(result["videos"]["category"].dropna())
    summary = result["ingest_summary"]
    assert f"of {len(result['clips'])} clips kept" in summary
    assert "1 as duplicate" in summary
    assert "3 frames at the ends of videos filled no clip" in summary
    assert "1 of 3 videos could not be used" in summary
    assert "short: it has 7 frames" in summary


def test_bad_videos_can_fail_the_run_after_the_others_are_done(raw, tmp_path, footage):
    with pytest.raises(UserError) as caught:
        _run(raw, tmp_path, tolerate_bad_videos=False)
    sentence = str(caught.value)
    assert "1 of 3 videos could not be used" in sentence
    assert "ingest.tolerate_bad_videos is false" in sentence
    assert "short: it has 7 frames" in sentence
    assert len(list((tmp_path / "videos").glob("*.frames.npy"))) == 2

    (raw / "footage" / "short.mkv").unlink()
    footage.table(raw / "footage", good="train", other="test")
    assert _run(raw, tmp_path, tolerate_bad_videos=False)["videos"]["error"].isna().all()


def test_if_no_clip_comes_out_every_reason_is_told(raw, tmp_path, footage):
    for name in ("good", "other"):
        (raw / "footage" / f"{name}.mkv").write_bytes(b"")
    with pytest.raises(UserError) as caught:
        _run(raw, tmp_path)
    for words in ("good.mkv is empty", "short: it has 7", "other.mkv is empty", "no clip came out"):
        assert words in str(caught.value)


# --------------------------------------------------- the project, env test, in process


class Run:
    """One run of the project in this process, and what MLflow noted of it."""

    def __init__(self, project, folder, env="test"):
        self.data = folder / "data"
        self.client = MlflowClient(f"sqlite:///{folder}/runs.db")
        self.error = None
        parameters = {"data": str(self.data)}
        with pytest.MonkeyPatch.context() as patch:
            # What a run changes for the whole process is changed back.
            patch.setattr(sys, "argv", ["kedro", "run", "--env=test", "--pipelines=ingest"])
            patch.setattr(sys, "path", list(sys.path))
            patch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
            patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/runs.db")
            bootstrap_project(project)
            try:
                with KedroSession.create(
                    project_path=project, env=env, runtime_params=parameters
                ) as session:
                    session.run(pipeline_names=["ingest"])
            except UserError as error:
                self.error = error
        conf = OmegaConfigLoader(
            str(project / "conf"), base_env="base", default_run_env=env, runtime_params=parameters
        )["catalog"]
        self.catalog = DataCatalog.from_config(
            {name: entry for name, entry in conf.items() if not name.startswith("_")}
        )

    def recorded(self):
        experiment = self.client.get_experiment_by_name("fgstp")
        [run] = self.client.search_runs([experiment.experiment_id])
        return run


@pytest.fixture(scope="module")
def run(project, tmp_path_factory):
    run = Run(project, tmp_path_factory.mktemp("run"))
    assert run.error is None
    return run


def test_every_catalog_entry_is_written(run):
    on_disk = create_pipeline().all_outputs() - {"footage"}
    assert all(run.catalog.exists(name) for name in on_disk)
    written = {path.relative_to(run.data).as_posix() for path in run.data.rglob("*.*")}
    assert "08_reporting/duplicates/clips_kept_against_threshold.png" in written
    assert len(list((run.data / "08_reporting/contact_sheets").iterdir())) == 5
    assert len(list((run.data / "03_primary/videos").glob("*.stamp.json"))) == 10
    assert not [file for file in written if ".tmp-" in file or ".progress-" in file]


def test_tables_of_the_run_tell_of_the_files_of_the_run(run):
    videos, clips = run.catalog.load("videos"), run.catalog.load("clips")
    assert videos["error"].isna().all()
    assert len(videos) == 10
    assert (videos["frames"] == 90).all()
    assert (videos["clips"] == 6).all()
    store = run.catalog.load("video_store")
    files = {path.name for path in store.folder.glob("*.npy")}
    parts = ("frames", "masks", "leak_class", "time_s", "descriptors")
    assert files == {f"{video}.{part}.npy" for video in videos["video"] for part in parts}
    for clip in clip_rows(clips):
        view = clip.read(store)
        assert view.frames.shape == view.masks().shape == (15, 48, 64)
        assert view.frames.dtype == view.masks().dtype == np.uint8
        assert view.masks().max() <= 1
    assert clips["content_hash"].str.len().eq(32).all()
    assert set(clips["split"]) == {"train", "validation", "test"}
    assert clips["mask_source"].eq("synthetic").all()
    assert videos["source"].eq("synthetic").all()


def test_synthetic_clips_are_the_frames_of_the_generator(run):
    video = SyntheticVideo(
        "medium_clear", 10_000, n_frames=90, fps_hz=15.0, height_px=48, width_px=64
    )
    frames = list(video)
    whole = run.catalog.load("video_store").clip("medium_clear_10000")
    np.testing.assert_array_equal(whole.frames, [frame.grey for frame in frames])
    np.testing.assert_array_equal(whole.masks(), [frame.mask for frame in frames])
    assert whole.leak_class.tolist() == [frame.leak_class for frame in frames]
    np.testing.assert_allclose(whole.times_s, np.arange(90) / 15)


def test_mlflow_has_the_run(run):
    recorded = run.recorded()
    assert recorded.info.status == "FINISHED"
    assert recorded.data.params["ingest.duplicates.threshold"] == "0.9"
    assert recorded.data.params["seed"] == "1"
    assert not [value for value in recorded.data.params.values() if "IngestSettings" in value]
    assert recorded.data.tags["command"] == "kedro run --env=test --pipelines=ingest"
    assert len(recorded.data.tags["mlflow.source.git.commit"]) == 40


def test_a_run_elsewhere_gives_the_same_bytes(run, project, tmp_path):
    other = Run(project, tmp_path)
    assert other.error is None

    def content(data):
        return {
            path.relative_to(data).as_posix(): path.read_bytes()
            for path in data.rglob("*.*")
            # Stamps hold the times of the files.
            if path.is_file() and not path.name.endswith(".stamp.json")
        }

    assert content(other.data) == content(run.data)


def test_a_run_that_fails_is_recorded_as_failed(project, tmp_path):
    run = Run(project, tmp_path, env="base")
    assert "There is no GasVid video in" in user_sentence(run.error)
    assert run.recorded().info.status == "FAILED"


# -------------------------------------------------------------- the command `kedro run`


def _sentence(result):
    """The one line in which the command reports a mistake."""
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "Traceback" not in result.stdout
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, result.stderr
    assert result.stderr.rstrip().endswith(errors[0])
    return errors[0]


def test_command_with_a_wrong_setting(kedro, tmp_path):
    result = kedro.run(tmp_path, parameters=["ingest.clip_length_frames=0"])
    assert _sentence(result) == (
        "Error: ingest.clip_length_frames is 0: input should be greater than or equal to 3; "
        "correct conf/ or --params."
    )
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_command_without_footage_and_with_a_place_that_cannot_be_written(kedro, tmp_path):
    result = kedro.run(tmp_path, parameters=["ingest.source=folder"])
    assert "There is no folder" in _sentence(result)
    shutil.rmtree(tmp_path / "data", ignore_errors=True)
    (tmp_path / "data").touch()
    assert f"{tmp_path}/data" in _sentence(kedro.run(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("argument", ["--pipeline=ingest", "--pipelines=ingest"])
def test_command_with_either_name_of_the_option(kedro, tmp_path, argument):
    result = kedro.run(tmp_path, argument)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "data/08_reporting/ingest.md").is_file()
    [run] = _runs(tmp_path)
    assert run.info.status == "FINISHED"
    assert argument in run.data.tags["command"]


def _runs(folder):
    return MlflowClient(f"sqlite:///{folder}/mlflow.db").search_runs(["1"])


@pytest.mark.slow
@pytest.mark.parametrize("tolerated", ["true", "false"])
def test_command_with_bad_videos(kedro, tmp_path, raw, tolerated):
    shutil.copytree(raw, tmp_path / "data/01_raw")
    parameters = [
        "ingest.source=folder",
        "ingest.clip_length_frames=10",
        f"ingest.tolerate_bad_videos={tolerated}",
    ]
    result = kedro.run(tmp_path, "--pipelines=ingest", parameters=parameters)
    if tolerated == "true":
        assert result.returncode == 0
        last = result.stdout.strip().splitlines()[-3:]
        assert any("Video not used (1 of 1): short: it has 7 frames" in line for line in last)
    else:
        assert "1 of 3 videos could not be used" in _sentence(result)
    assert len(list((tmp_path / "data/03_primary/videos").glob("*.frames.npy"))) == 2


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["sequential", "loky"])
@pytest.mark.parametrize(("name", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_command_is_recorded_as_killed(kedro, tmp_path, name, status, backend):
    parallel = [f"ingest.parallel.backend={backend}", "ingest.parallel.jobs=2"]
    parameters = ["ingest.synthetic.seconds=900", *parallel]
    process = subprocess.Popen(
        kedro.command(tmp_path, "--pipelines=ingest", parameters=parameters),
        cwd=kedro.project,
        env=kedro.environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.rglob("*.frames.npy")):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    if name == signal.SIGINT:  # Ctrl-C reaches the whole group, kill only the process
        os.killpg(process.pid, name)
    else:
        process.send_signal(name)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == status
    assert not re.search(r"^\w*Error", errors, re.M)
    assert [run.info.status for run in _runs(tmp_path)] == ["KILLED"]
    assert not list(tmp_path.rglob(".progress-*"))
