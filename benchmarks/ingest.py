"""Speed and memory of ingest, each with a named reference in the same run.

    python benchmarks/ingest.py                    # on a synthetic video
    python benchmarks/ingest.py --video FILE.mp4   # on your own footage

Speeds are medians of several rounds in which reference and ingest take turns, so that variations
of the machine's speed affect both equally. Memory is measured in separate processes.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import av
import cv2

from fgstp.core.parallel import ParallelSettings
from fgstp.footage.ingest_videos import ingest_videos
from fgstp.footage.reading import read_through
from fgstp.footage.settings import IngestSettings
from fgstp.footage.video import Video
from fgstp.footage.video_file import VideoFile
from fgstp.footage.video_store import VideoStore
from fgstp.plumes import CATEGORIES, SyntheticVideo
from fgstp.plumes.presets import PRESETS

ROUNDS = 5
MEMORY_FRAMES = (6000, 30000)


def main() -> None:
    """Print all figures."""
    arguments = _arguments()
    if arguments.memory_of:
        print(_peak_mib(arguments.memory_of, arguments.length))
        return
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        video = arguments.video or _render(work / "plume.mp4", 1500, times=14)
        _compare_with_decoding(video, work)
        _compare_parallel(video, work)
        _compare_second_run(video, work)
        _compare_memory(work)
        _time_plumes()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video", type=Path, help="measure on this file")
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--length", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def _render(path: Path, n_frames: int, times: int) -> Path:
    """Write a synthetic video as mp4 of GasVid's codec, rate of bits and rate of frames.

    Its frames are repeated, so that most clips are duplicates, as in GasVid, and a long video
    is rendered quickly.
    """
    frames = [frame.grey for frame in SyntheticVideo("close_complex", 1, n_frames=n_frames)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=15, bit_rate=150_000)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(n_frames * times):
            image = av.VideoFrame.from_ndarray(frames[number % n_frames], format="gray")
            container.mux(stream.encode(image))
        container.mux(stream.encode())
    return path


def _decode(path: Path) -> int:
    """The reference: a bare PyAV decode loop."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return sum(1 for _ in container.decode(video=0))


def _read(path: Path) -> int:
    """What ingest reads: grey pictures with their times."""
    return sum(len(frame.grey) > 0 for frame in VideoFile(path).frames([]))


def _read_through(path: Path) -> None:
    """Ingest without storing: reading, grey, clips with descriptors and hashes, the file's hash."""
    video = Video(path.stem, VideoFile(path), "train")
    video.frames.content_hash()
    cv2.setNumThreads(1)  # as in ingest
    read_through(video, IngestSettings(source="folder"), take=lambda stretch: None)


def _ingest(paths: list[Path], folder: Path, jobs: int) -> None:
    settings = IngestSettings(
        source="folder",
        parallel=ParallelSettings(backend="loky" if jobs > 1 else "sequential", jobs=jobs),
    )
    videos = [Video(path.stem, VideoFile(path), "train") for path in paths]
    ingest_videos(videos, VideoStore(folder), settings)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _compare_with_decoding(video: Path, work: Path) -> None:
    works: dict[str, Callable[[], object]] = {
        "bare PyAV decode loop": partial(_decode, video),
        "reading frames in grey": partial(_read, video),
        "ingest, storing off": partial(_read_through, video),
        "ingest, storing off, 1 core": partial(_on_one_core, partial(_read_through, video)),
        "ingest, storing on": partial(_ingest, [video], work / "speed", 1),
    }
    n_frames = _decode(video)
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work_of in works.items():
            seconds[name].append(_seconds(work_of))
        shutil.rmtree(work / "speed")
    bare, *_ = seconds.values()
    print(f"{'':28} frames/s  of the decode loop's")
    for name, own in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(bare, own, strict=True))
        print(f"{name:28} {n_frames / statistics.median(own):8.0f} {ratio:10.2f}")


def _on_one_core(work: Callable[[], object]) -> None:
    """Do the work on one processor (Linux)."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})  # threads that start in the work inherit it
    try:
        work()
    finally:
        os.sched_setaffinity(0, before)


def _compare_parallel(video: Path, work: Path) -> None:
    copies = []
    for number in range(4):
        copy = work / f"copy_{number}{video.suffix}"
        # A byte after the end makes each copy a different video.
        copy.write_bytes(video.read_bytes() + bytes([number]))
        copies.append(copy)

    def seconds(jobs: int) -> float:
        spent = _seconds(partial(_ingest, copies, work / "copies", jobs))
        shutil.rmtree(work / "copies")
        return spent

    seconds(2)  # starts the processes
    ratios = [seconds(1) / seconds(2) for _ in range(ROUNDS)]
    print(f"4 videos, 2 processes over 1{statistics.median(ratios):8.2f} times as fast")


def _compare_second_run(video: Path, work: Path) -> None:
    first = _seconds(partial(_ingest, [video], work / "again", 1))
    second = _seconds(partial(_ingest, [video], work / "again", 1))
    print(f"second run, nothing changed {second:8.2f} s after {first:.2f} s")


def _compare_memory(work: Path) -> None:
    peaks = []
    for length in MEMORY_FRAMES:
        path = _render(work / f"memory_{length}.mp4", 150, times=length // 150)
        command = [sys.executable, __file__, "--memory-of", str(path), "--length", str(length)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(float(answer.stdout))
        print(f"peak beside imports, {length:5d} frames {peaks[-1]:5.0f} MiB")
    print(f"  ratio of the two          {peaks[1] / peaks[0]:8.2f}   (10 times the length)")


def _peak_mib(video: Path, length: int) -> float:
    before = _peak_bytes()
    _ingest([video], video.parent / f"peak_{length}", 1)
    return (_peak_bytes() - before) / 2**20


def _peak_bytes() -> int:
    """Peak memory of this process; rusage on Linux includes the parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _time_plumes() -> None:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    for conditions, category in product(PRESETS, CATEGORIES):
        times = []
        for seed in range(3):
            frames = iter(SyntheticVideo(category, seed, n_frames=90, conditions=conditions))
            next(frames)
            times += [_seconds(partial(next, frames)) * 1e3 for _ in range(89)]
        name = f"{conditions} {category}"
        print(f"plumes, {name:20}{statistics.median(times):8.1f} ms/frame, one core")
    cv2.setNumThreads(threads)


if __name__ == "__main__":
    main()
