import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from xxhash import xxh3_128

from fgstp.core.parallel import PACKAGES
from fgstp.footage.clip_table import CLIP_COLUMNS, clip_rows, table
from fgstp.footage.ingest_videos import ingest_videos, tables
from fgstp.footage.settings import IngestSettings, ValidationSettings
from fgstp.footage.sources import Search, find_videos
from fgstp.footage.validation import hold_out
from fgstp.footage.video_store import VideoStore
from fgstp.plumes import SyntheticVideo
from fgstp.plumes.render import render

REPOSITORY = Path(__file__).parents[1]
CLIP_LENGTH = 10
HEIGHT, WIDTH = 48, 64
SETTINGS = {
    "source": "folder",
    "clip_length_frames": CLIP_LENGTH,
    "parallel": {"backend": "sequential"},
}


@pytest.hookimpl(tryfirst=True)  # before xdist looks at the groups
def pytest_collection_modifyitems(items):
    """Of several processes, one runs the tests of a file, and one those of the finished job."""
    for item in items:
        group = (
            "job"
            if "finished_job" in getattr(item, "fixturenames", ())
            else item.nodeid.split("::")[0]
        )
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(autouse=True, scope="session")
def _hears_interrupts():
    """A shell starts what runs in the background without Ctrl-C, which tests send."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _runs_elsewhere(tmp_path_factory):
    """No test may leave a run in the repository, whatever it opens."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("mlflow")
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        patch.setenv("DO_NOT_TRACK", "1")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield


class Footage:
    """Frames, videos and masks for the tests, made from a seed."""

    clip_length = CLIP_LENGTH

    @staticmethod
    def frames(places, seed=0, length=CLIP_LENGTH, left_over=0):
        """A noisy still scene; in clip `i` a blob flickers at the column `places[i]`."""
        rng = np.random.default_rng(seed)
        scene = cv2.GaussianBlur(
            rng.uniform(60, 140, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 3
        )
        frames = []
        for number in range(len(places) * length + left_over):
            place = places[min(number // length, len(places) - 1)]
            frame = scene + rng.normal(0, 1.5, scene.shape)
            frame[16:32, place : place + 10] += 60 * (number // 2 % 2)
            frames.append(np.clip(np.rint(frame), 0, 255).astype(np.uint8))
        return np.array(frames)

    @staticmethod
    def video(path, frames, codec=None, fps=15.0):
        """Write frames of 8 or 16 bits, grey or colour: .mkv and .avi lose nothing by default."""
        path.parent.mkdir(parents=True, exist_ok=True)
        codec = codec or ("FFV1" if path.suffix.lower() in {".mkv", ".avi"} else "mp4v")
        depth = cv2.CV_16U if frames[0].dtype == np.uint16 else cv2.CV_8U
        writer = cv2.VideoWriter(
            str(path),
            cv2.CAP_FFMPEG,
            cv2.VideoWriter.fourcc(*codec),
            fps,
            frames[0].shape[1::-1],
            [
                *(cv2.VIDEOWRITER_PROP_IS_COLOR, int(frames[0].ndim == 3)),
                *(cv2.VIDEOWRITER_PROP_DEPTH, depth),
            ],
        )
        assert writer.isOpened()
        for frame in frames:
            writer.write(frame)
        writer.release()
        return path

    @staticmethod
    def pictures(folder, pictures, names="{:06d}.png"):
        """Write pictures under numbered names."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, picture in enumerate(pictures):
            path = folder / names.format(number)
            assert cv2.imwrite(str(path), picture)
        return folder

    @staticmethod
    def masks(n_frames, seed=0):
        """(T, H, W) uint8, 0/1, other in each frame."""
        masks = np.zeros((n_frames, HEIGHT, WIDTH), np.uint8)
        for number, mask in enumerate(masks):
            mask[10 + seed : 20, 5 : 15 + number % 20] = 1
        return masks

    @staticmethod
    def table(folder, **splits):
        """Write `videos.csv` with a row a video."""
        rows = "".join(f"{video},{split}\n" for video, split in splits.items())
        (folder / "videos.csv").write_text(f"video,split\n{rows}")


@dataclass
class Ingested:
    """What came out of a run of ingest."""

    out: Path
    videos: pd.DataFrame
    clips: pd.DataFrame
    store: VideoStore

    def video(self, name):
        rows = self.videos[self.videos["video"] == name]
        assert len(rows) == 1, f"{len(rows)} rows of {name}"
        return rows.iloc[0]

    def clips_of(self, video):
        return self.clips[self.clips["video"] == video]

    def files(self, *videos):
        """Content of every file of the store, or of some videos; stamps differ in their times."""
        return {
            path.name: path.read_bytes() if path.is_file() else None
            for path in self.store.folder.iterdir()
            if not path.name.endswith(".stamp.json")
            and (not videos or path.name.rsplit(".", 2)[0] in videos)
        }

    def clip(self, name):
        """What the store holds of a clip."""
        return clip_rows(self.clips[self.clips["clip"] == name])[0].read(self.store)


def run_ingest(raw, out, **changes):
    """Ingest `raw/footage` into `out/videos` through the same calls as the pipeline's nodes."""
    settings = IngestSettings.model_validate(SETTINGS | changes)
    store = VideoStore(out / "videos")
    found = find_videos(Search(raw, pd.DataFrame(), settings, seed=1))
    ingest_videos(found, store, settings)
    videos, clips = tables(store)
    return Ingested(out, videos, clips, store)


class ClipFolder:
    """Clips on disk and their table; without a name, a video is called like its clip."""

    def __init__(self, folder):
        self.store = VideoStore(folder)
        self.rows = {}
        self._stretches = {}

    @property
    def table(self):
        return table(list(self.rows.values()), CLIP_COLUMNS)

    def add(self, clip, frames, masks=None, annotated=None, leak_class=None, video=None, **row):
        """Append a clip to its video; its masks are those of all frames, or of `annotated`."""
        video = video or clip
        numbers = range(0 if masks is None else len(frames)) if annotated is None else annotated
        before = self._stretches.setdefault(video, {})
        self.rows[clip] = {
            "clip": clip,
            "video": video,
            "first_frame": sum(len(stretch[0]) for stretch in before.values()),
            "frames": len(frames),
            "split": "train",
            "mask_source": "none" if masks is None else "annotated",
            "annotated_frames": len(numbers),
        } | row
        before[clip] = [frames, masks, np.array(numbers, np.int64), leak_class]
        self.change(clip)
        return self.row(clip)

    def change(self, clip, frames=None, masks=None):
        """Write a clip again, with other content."""
        stretches = self._stretches[self.rows[clip]["video"]]
        stretch = stretches[clip]
        stretch[0], stretch[1] = (
            stretch[part] if new is None else new for part, new in enumerate((frames, masks))
        )
        content = stretch[0].tobytes()
        for number, mask in zip(stretch[2], [] if stretch[1] is None else stretch[1], strict=True):
            content += int(number).to_bytes(4, "little") + np.packbits(mask).tobytes()
        self.rows[clip]["content_hash"] = xxh3_128(content).hexdigest()
        known = any(each[3] is not None for each in stretches.values())
        with self.store.writing(self.rows[clip]["video"]) as writer:
            for own, own_masks, numbers, classes in stretches.values():
                unknown = np.full(len(own), -1, np.int8) if known else None
                writer.append(
                    own,
                    (writer.n_frames + np.arange(len(own))) / 15.0,
                    annotated=numbers,
                    masks=own_masks,
                    leak_class=unknown if classes is None else classes,
                )

    def row(self, clip):
        return clip_rows(table([self.rows[clip]], CLIP_COLUMNS))[0]

    def clip(self, clip):
        return self.row(clip).read(self.store)


@pytest.fixture
def clips(tmp_path):
    """An empty folder of clips."""
    return ClipFolder(tmp_path / "videos")


@pytest.fixture(scope="session")
def clip_folder():
    """What makes a folder of clips."""
    return ClipFolder


@pytest.fixture(scope="session")
def footage():
    return Footage


@pytest.fixture(scope="session")
def ingest():
    return run_ingest


@pytest.fixture(scope="module", params=["ray", "dask"])
def cluster(request):
    """Name of a back-end that has a cluster of two workers on this machine."""
    package = PACKAGES[request.param]
    module = pytest.importorskip(package, reason=f'needs pip install "fgstp[{request.param}]"')
    if package == "ray":
        module.init(address="local", num_cpus=2)
        yield request.param
        module.shutdown()
    else:
        with module.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0"
        ) as running:
            import dask

            with dask.config.set({"scheduler-address": running.scheduler_address}):
                yield request.param


@pytest.fixture
def without_encoder(monkeypatch):
    """Makes PyAV lack an encoder, as one that was built without the GPL does."""
    import av

    def lacks(name):
        def codec(asked, mode):
            if (asked, mode) == (name, "w"):
                raise av.codec.codec.UnknownCodecError(asked)
            return found(asked, mode)

        monkeypatch.setattr(av, "Codec", codec)

    found = av.Codec
    return lacks


@pytest.fixture(scope="session")
def desk(tmp_path_factory):
    """A folder with the files that the examples of docstrings and documentation name."""
    from fgstp.models.checkpoint import save_checkpoint
    from fgstp.models.registry import create_model

    folder = tmp_path_factory.mktemp("desk")
    video = SyntheticVideo("close_clear", 3, n_frames=20, fps_hz=5.0, height_px=60, width_px=80)
    render(video, folder / "leak.mkv")
    size = {"height_px": 32, "width_px": 32, "encoder": {"name": "pvt_v2_b0"}}
    save_checkpoint(create_model("fgstp", size), folder / "data/06_models/fgstp/seed_1/best.ckpt")
    scenes = {
        "train_videos_per_category": 1,
        "seconds": 8.0,
        "fps_hz": 5.0,
        "height_px": 48,
        "width_px": 64,
    }
    primary = folder / "data/03_primary"
    ingested = run_ingest(folder, primary, source="synthetic", synthetic=scenes)
    clips = hold_out(ingested.clips, ValidationSettings(), seed=1)
    clips.to_csv(primary / "clips.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def one_thread():
    """PyTorch has one thread, so that sums do not depend on the machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def repository():
    return REPOSITORY


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """The project in a folder and a git repository of its own, so that runs write there."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("conf", "src"):  # Kedro does not follow links out of a project
        shutil.copytree(
            REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "local")
        )
    (folder / "benchmarks").mkdir()
    for name in ("pyproject.toml", ".telemetry", "benchmarks/models.csv"):
        shutil.copy(REPOSITORY / name, folder / name)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q"], [*identity, "commit", "-q", "--allow-empty", "-m", "empty"]):
        subprocess.run(["git", "-C", str(folder), *arguments], check=True)
    return folder


class Kedro:
    """`kedro run --env=test` in a copy of the project, with data and runs in a folder."""

    def __init__(self, project):
        self.project = project

    @staticmethod
    def environment(folder):
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return inherited | {
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
            "DO_NOT_TRACK": "1",
            "OMP_NUM_THREADS": "1",  # sums of floats depend on the number of threads
        }

    @staticmethod
    def command(folder, *arguments, parameters=()):
        texts = ",".join([f"data={folder / 'data'}", *parameters])
        command = [sys.executable, "-m", "kedro", "run", "--env=test"]
        return [*command, *arguments, f"--params={texts}"]

    def run(self, folder, *arguments, parameters=()):
        return subprocess.run(
            self.command(folder, *arguments, parameters=parameters),
            check=False,
            cwd=self.project,
            env=self.environment(folder),
            capture_output=True,
            text=True,
            timeout=300,
        )


@pytest.fixture(scope="session")
def kedro(project):
    return Kedro(project)


@pytest.fixture(scope="session")
def finished_job(kedro, tmp_path_factory):
    """The folder and the answers of two commands: the whole job, and a second model."""
    folder = tmp_path_factory.mktemp("job")
    second = ["--pipelines=train,evaluate,report"]
    answers = [kedro.run(folder), kedro.run(folder, *second, parameters=["model=background"])]
    for answer in answers:
        assert answer.returncode == 0, answer.stdout + answer.stderr
    return folder, answers


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    """An MLflow file with the experiment of the project; making one takes seconds."""
    folder = tmp_path_factory.mktemp("runs")
    uri = f"sqlite:///{folder}/runs.db"
    MlflowClient(uri).create_experiment("fgstp", artifact_location=str(folder / "artifacts"))
    return uri


@pytest.fixture
def tracking(database, monkeypatch):
    """MLflow records into a file of the tests."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    return MlflowClient(database)


class Recorded:
    """A run that nodes log to, and what MLflow holds of it."""

    def __init__(self, client, uri):
        from fgstp.pipelines.tracking import TrackedRun

        experiment = client.get_experiment_by_name("fgstp").experiment_id
        self.client, self.id = client, client.create_run(experiment).info.run_id
        self.run = TrackedRun(uri, run_id=self.id)

    @property
    def found(self):
        return self.client.get_run(self.id)

    def history(self, name):
        return [(each.step, each.value) for each in self.client.get_metric_history(self.id, name)]

    def files(self, folder=None):
        return [each.path for each in self.client.list_artifacts(self.id, folder)]


@pytest.fixture
def recorded(tracking, database):
    """The run that nodes log to."""
    from fgstp.pipelines.tracking import CURRENT

    recorded = Recorded(tracking, database)
    token = CURRENT.set(recorded.run)
    yield recorded
    CURRENT.reset(token)


@pytest.fixture(scope="session")
def serve():
    """`with serve(handler) as address:` a web server of this machine runs."""

    @contextmanager
    def served(handler):
        class Silent(handler):
            def log_message(self, *arguments):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    return served
