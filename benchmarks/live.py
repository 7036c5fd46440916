"""Speed of detection from file to events, and where the time goes.

    python benchmarks/live.py                                  # all models, runtimes and threads
    python benchmarks/live.py --models wisp --runtimes torch onnx --frames 300

A synthetic video of 320 x 240 at 15 Hz is rendered, and each row watches it in a process of its
own: WISP, FGSTP with the encoders b0 and b5 at 352 x 352 and random weights, by torch, ONNX
Runtime and OpenVINO with one and two threads; the published way of FGSTP, which encodes three
frames for every frame, by torch; and MOG2. The figures are the frames a second from file to
events, that relative to the published way with as many threads, or to MOG2, the shares of the time
in decoding, in statistics (of WISP), in the network with what surrounds it, and in states and
alarms, and the peak of the memory of the process.
"""

# ruff: noqa: PLC0415 - a process imports what its row needs, which its memory tells

import argparse
import multiprocessing
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import cv2
from tqdm import tqdm

from fgstp.plumes import SyntheticVideo
from fgstp.plumes.render import render

if TYPE_CHECKING:
    from torch import Tensor

RUNTIMES = {"torch": ".ckpt", "onnx": ".onnx", "openvino": ".xml"}
B0 = {"encoder": {"name": "pvt_v2_b0"}, "neighbours": "causal"}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "wisp": ("wisp", {}),
    "fgstp-b0": ("fgstp", B0),
    "fgstp-b5": ("fgstp", {"neighbours": "causal"}),
}
PUBLISHED = "three encodings"  # as a runtime
STAGES = ("decode", "statistics", "network", "alarm", "encode")
KIB = 2**10


def main() -> None:
    """Export, measure, and print the table."""
    arguments = _arguments()
    with TemporaryDirectory() as folder:
        place = Path(folder)
        video = SyntheticVideo("close_clear", 0, n_frames=arguments.frames)
        render(video, place / "video.mkv")
        rows = [
            _apart(measured, str(place), name, runtime, threads)
            for name, runtime, threads in tqdm(list(_cases(arguments, place)), unit=" rows")
        ]
    _print_table(rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", choices=[*MODELS], default=[*MODELS])
    installed = [name for name in RUNTIMES if name != "openvino" or find_spec("openvino")]
    parser.add_argument("--runtimes", nargs="+", choices=[*RUNTIMES], default=installed)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--frames", type=int, default=150, help="frames of the video")
    return parser.parse_args()


def _cases(arguments: argparse.Namespace, folder: Path) -> Iterator[tuple[str, str, int]]:
    """Model, runtime and threads of each row; the files that they need are written first."""
    for name in arguments.models:
        _apart(write_files, str(folder), name, arguments.runtimes)
    for threads in arguments.threads:
        yield "mog2", "opencv", threads
        for name in arguments.models:
            if name.startswith("fgstp"):
                yield name, PUBLISHED, threads
            for runtime in arguments.runtimes:
                yield name, runtime, threads


def _apart(work: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - any work
    """The result of work in a fresh process, whose threads and memory are its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def write_files(folder: str, name: str, runtimes: list[str]) -> None:
    """Write a model as a checkpoint, and as a file of each other runtime."""
    import torch

    from fgstp.models.checkpoint import load_model, save_checkpoint
    from fgstp.models.exported.writing import export_model
    from fgstp.models.registry import create_model

    kind, settings = MODELS[name]
    torch.manual_seed(0)
    model = load_model(kind) if kind == "wisp" else create_model(kind, settings).eval()
    save_checkpoint(model, Path(folder) / f"{name}.ckpt")
    for runtime in set(runtimes) - {"torch"}:
        export_model(model, Path(folder) / f"{name}{RUNTIMES[runtime]}")


def measured(folder: str, name: str, runtime: str, threads: int) -> dict[str, Any]:
    """A row of the table."""
    from fgstp.detection.detector import Detector
    from fgstp.detection.overlay import overlay_video

    cv2.setNumThreads(threads)
    detector = Detector(_model(Path(folder), name, runtime, threads))
    video = Path(folder) / "video.mkv"
    start = time.perf_counter()
    report = detector.detect(video)
    without = time.perf_counter() - start
    with _clocks() as seconds:
        start = time.perf_counter()
        report = detector.new_report(video)
        with overlay_video(report, Path(folder)) as write:
            draw = _timed(write, seconds, "encode")
            for result in detector.stream(video):
                report.take(result)
                draw(result)
        whole = time.perf_counter() - start
    seconds["network"] -= seconds["statistics"]  # a session computes them too
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "model": name,
        "runtime": runtime,
        "threads": threads,
        "fps": report.n_frames / without,
        "fps_overlay": report.n_frames / whole,
        **{stage: seconds[stage] / whole for stage in STAGES},
        "memory_mib": peak_kib / KIB,
    }


def _model(folder: Path, name: str, runtime: str, threads: int) -> Any:  # noqa: ANN401 - of a kind
    if name == "mog2":
        return "background"
    if runtime in ("torch", PUBLISHED):
        import torch

        from fgstp.models.checkpoint import load_model

        torch.set_num_threads(threads)
        model = load_model(folder / f"{name}.ckpt")
        if runtime == PUBLISHED:
            model.session_class = _published_session()
        return model
    from fgstp.models.exported.predictor import load_exported

    return load_exported(folder / f"{name}{RUNTIMES[runtime]}", threads=threads)


def _published_session() -> type:
    """Sessions that encode a frame anew for every frame that it is a neighbour of."""
    import torch

    from fgstp.models.blocks.triples import TripleSession

    class ThreeEncodings(TripleSession):
        def encode(self, frames: "Tensor") -> "list[Tensor]":
            return list(frames)

        def decode(self, groups: "list[tuple[Tensor, ...]]") -> "Tensor":
            encode = super().encode
            return super().decode([tuple(encode(torch.stack(group))) for group in groups])

    return ThreeEncodings


@contextmanager
def _clocks() -> Iterator[dict[str, float]]:
    """Seconds in each stage, measured around the functions that do its work."""
    from fgstp.detection import detector
    from fgstp.detection.alarms import Alarms
    from fgstp.detection.states import Scene
    from fgstp.models.blocks.statistics import InnovationStatistics
    from fgstp.models.session import Session

    seconds: dict[str, float] = defaultdict(float)
    places = [
        (InnovationStatistics, "update", "statistics"),
        (Session, "push", "network"),
        (Session, "flush", "network"),
        (Scene, "update", "alarm"),
        (Alarms, "update", "alarm"),
    ]
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
    frames = detector.timed_frames
    try:
        for (owner, name, function), (*_, stage) in zip(kept, places, strict=True):
            setattr(owner, name, _timed(function, seconds, stage))
        detector.timed_frames = lambda *given: _timed_items(frames(*given), seconds)
        yield seconds
    finally:
        detector.timed_frames = frames
        for owner, name, function in kept:
            setattr(owner, name, function)


def _timed(function: Callable[..., Any], seconds: dict[str, float], stage: str) -> Any:  # noqa: ANN401
    def timed(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as the function
        start = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            seconds[stage] += time.perf_counter() - start

    return timed


def _timed_items(items: Iterator[Any], seconds: dict[str, float]) -> Iterator[Any]:
    following = _timed(lambda: next(items, None), seconds, "decode")
    while (item := following()) is not None:
        yield item


def _print_table(rows: list[dict[str, Any]]) -> None:
    """Print the rows, with the speed relative to the published way, or to MOG2."""
    speeds = {(row["model"], row["runtime"], row["threads"]): row["fps"] for row in rows}
    columns = ("model", "runtime", "threads", "frames/s", "relative", "with overlay", *STAGES)
    print(f"| {' | '.join((*columns, 'memory'))} |\n|---|---|{10 * '--:|'}")
    for row in rows:
        threads = row["threads"]
        published = speeds.get((row["model"], PUBLISHED, threads))
        relative = row["fps"] / (published or speeds["mog2", "opencv", threads])
        figures = [f"{row['fps']:.1f}", f"{relative:.2f}", f"{row['fps_overlay']:.1f}"]
        figures += [f"{row[stage]:.0%}" for stage in STAGES]
        print(f"| {row['model']} | {row['runtime']} | {threads} | {' | '.join(figures)}", end="")
        print(f" | {row['memory_mib']:.0f} MiB |")


if __name__ == "__main__":
    main()
