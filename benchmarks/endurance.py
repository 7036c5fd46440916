"""Ten hours of a stream, as fast as it goes: memory, size of the events file, and drift of times.

    python benchmarks/endurance.py             # 72,000 frames; half an hour on two cores
    python benchmarks/endurance.py --hours 1

Half an hour of synthetic video, 320 x 240 at 2 Hz with a leak every few minutes, is rendered,
repeated, and served at an address. `fgstp detect` reads the address in a process of its own, whose
resident memory is sampled. The figures are the memory after the first tenth of the time
and its largest growth since, the events and the size of their file, and how long after the
beginning of their leaks events begin in the first hour and in the last one.
"""

import argparse
import functools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from fgstp.footage.encoding import encoded_video
from fgstp.plumes import Conditions, SyntheticVideo
from fgstp.plumes.conditions import LeakConditions

FPS_HZ, HOUR_S = 2.0, 3600.0
PIECE_S = 1800.0
WARM_UP_FRACTION = 0.1
SAMPLE_S = 0.2  # between two looks at the memory
MIB, KIB = 2**20, 2**10


def main() -> None:
    """Render, watch, and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=10.0)
    hours = parser.parse_args().hours
    with TemporaryDirectory() as folder:
        place = Path(folder)
        begins_s = rendered(place / "piece.webm")
        n_times = max(1, round(hours * HOUR_S / PIECE_S))
        repeat(place / "piece.webm", place / "stream.webm", n_times)
        begins_s = (begins_s + PIECE_S * np.arange(n_times)[:, None]).ravel()
        with served(place) as address:
            start = time.perf_counter()
            memory, at_end = watched(f"{address}/stream.webm", place / "out")
            speed = hours * HOUR_S / (time.perf_counter() - start)
        (events,) = (place / "out").glob("*/events.jsonl")
        lines = [json.loads(line) for line in events.read_text().splitlines()]
        size_kib = events.stat().st_size / KIB
    warm = memory[round(WARM_UP_FRACTION * len(memory)) :]
    delays = delays_s([line["start_s"] for line in lines if line["type"] == "new"], begins_s)
    print(f"{hours:g} h at {FPS_HZ:g} Hz, {speed:.0f} times as fast as it was recorded")
    print(
        f"memory {warm[0] / MIB:.0f} MiB; from then on {(warm.max() - warm[0]) / warm[0]:+.1%} at "
        f"most, {(warm[-1] - warm[0]) / warm[0]:+.1%} in the end; {at_end / MIB:.0f} MiB as it "
        "makes the page"
    )
    print(f"{len(begins_s)} leaks, {len(delays)} events; {len(lines)} lines, {size_kib:.0f} KiB")
    first, last = (
        np.median([delay for begin, delay in delays if low <= begin < low + HOUR_S])
        for low in (0.0, (hours - 1) * HOUR_S)
    )
    print(f"median delay {first:.1f} s in the first hour, {last:.1f} s in the last one")


def rendered(path: Path) -> NDArray[np.float64]:
    """Write a piece of the video; the times at which leaks begin come out."""
    n_frames = round(PIECE_S * FPS_HZ)
    conditions = Conditions(leak=LeakConditions(phase_s=(60.0, 240.0)))
    video = SyntheticVideo(
        "close_clear", 1, n_frames=n_frames, fps_hz=FPS_HZ, conditions=conditions
    )
    classes = []
    with encoded_video(path) as append:
        for number, frame in enumerate(tqdm(video, total=n_frames, unit=" frames", desc="render")):
            append(cv2.cvtColor(frame.grey, cv2.COLOR_GRAY2BGR), number / FPS_HZ)
            classes.append(frame.leak_class)
    leaks = np.array(classes) > 0
    return np.flatnonzero(leaks & ~np.concatenate([[False], leaks[:-1]])) / FPS_HZ


def repeat(piece: Path, path: Path, n_times: int) -> None:
    """Write a video that shows a piece several times; nothing is encoded again."""
    with av.open(str(path), "w") as whole:
        stream = None
        for number in range(n_times):
            with av.open(str(piece)) as container:
                source = container.streams.video[0]
                stream = stream or whole.add_stream_from_template(source)
                for packet in container.demux(source):
                    if packet.pts is None:  # the end
                        continue
                    packet.pts += round(number * PIECE_S / float(source.time_base or 1))
                    packet.dts = packet.pts
                    packet.stream = stream
                    whole.mux(packet)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder; yields its address."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *details: object) -> None:
            """Say nothing."""

    handler = functools.partial(Handler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def watched(address: str, out: Path) -> tuple[NDArray[np.float64], float]:
    """Resident memory in bytes of a process that watches the address to its end.

    While it watches, and the most while it makes the page.
    """
    command = [sys.executable, "-m", "fgstp", "detect", address, "--out", str(out)]
    memory, at_end = [], 0.0
    with subprocess.Popen(command) as process:
        place = Path(f"/proc/{process.pid}")
        while process.poll() is None:
            resident = float((place / "statm").read_text().split()[1]) * 4 * KIB
            if any(out.glob("*/events.csv")):  # the first thing that it writes at the end
                at_end = max(at_end, resident)
            elif resident:
                memory.append(resident)
            time.sleep(SAMPLE_S)
    if process.returncode:
        sys.exit(f"fgstp detect ended with status {process.returncode}.")
    return np.array(memory), at_end


def delays_s(starts_s: list[float], begins_s: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Beginning of the leak during or after which each event began, and the time in between."""
    found = []
    for start_s in starts_s:
        earlier = begins_s[begins_s <= start_s + 1]
        if earlier.size:
            found.append((float(earlier[-1]), start_s - float(earlier[-1])))
    return found


if __name__ == "__main__":
    main()
