"""An archive that is watched by shards, which are killed at random: is each source in it once?

    python benchmarks/archive.py                                # 1,000 sources, 20 shards
    python benchmarks/archive.py --sources 50 --shards 4 --kills 8
    timeout 580 python benchmarks/archive.py --place FOLDER     # again, until it ends

Short videos are written, `fgstp detect --manifest --shard i/n --model background` runs as a process
a shard, and a process is killed (SIGKILL) at a random moment, so many times in all; a shard is run
again until it has ended by itself. Then `--merge` makes the tables, which are compared with the
manifest and with those of a sample of sources that are watched alone. With `--place`, the archive
stays in that folder, and the benchmark goes on with the shard in which it was stopped.
"""

import argparse
import csv
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from tqdm import tqdm

SIZE, FRAMES, FPS_HZ = (48, 64), 30, 15.0
SAMPLE = 10
SHORTEST_S, LONGEST_S = 1.0, 15.0  # after which a process is killed: also while it starts
TIME_LIMIT_S = 600
MANIFEST, TOLD = "archive.csv", "told.txt"  # the latter holds what all commands print


def main() -> None:
    """Simulate, and print the table."""
    arguments = _arguments()
    with TemporaryDirectory() as folder:
        place = arguments.place or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        names = [f"cam{number % 20:02d}/{number:05d}.mkv" for number in range(arguments.sources)]
        for number, name in enumerate(tqdm(names, desc="writing", unit=" videos")):
            _write_video(place / name, number)
        (place / MANIFEST).write_text("\n".join(["source", *names]), "utf-8")
        n_kills, seconds = _watch_all(place, arguments)
        begin_s = time.monotonic()
        _detect(place, "out", "--merge").check_returncode()
        seconds += time.monotonic() - begin_s
        counts = _counts(place / "out/sources.csv")
        n_told = (place / TOLD).read_text("utf-8").count(" in 2 s")
        _check_sample(place, names, arguments.seed)
    wanted = Counter(names)
    lost, doubled = (wanted - counts).total(), (counts - wanted).total()
    print("| sources | shards | kills | times finished | lost | doubled | seconds |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    print(
        f"| {len(names)} | {arguments.shards} | {n_kills} | {n_told} | {lost} | {doubled} | "
        f"{seconds:.0f} |"
    )
    sys.exit(bool(lost or doubled))


def _write_video(path: Path, seed: int) -> None:
    """Noise, over which in every third video a spot flickers; not again, as it would be changed."""
    if path.exists():
        return
    path.parent.mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), FPS_HZ, SIZE[::-1])
    for number in range(FRAMES):
        frame = 100 + rng.normal(0, 1, SIZE)
        if seed % 3 == 0 and number > 5:
            frame[10:26, 20:40] += rng.uniform(60, 100)
        grey = np.rint(frame.clip(0, 255)).astype(np.uint8)
        writer.write(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
    writer.release()


def _watch_all(place: Path, arguments: argparse.Namespace) -> tuple[int, float]:
    """Run all shards that have not ended, one after the other; kills and seconds of all."""
    share, ended = arguments.kills / arguments.shards, place / "ended.csv"
    rows = ended.read_text("utf-8").splitlines() if ended.exists() else []
    first = 1 + len(rows)
    for shard in tqdm(range(first, arguments.shards + 1), desc="watching", unit=" shards"):
        to_kill = round(shard * share) - round((shard - 1) * share)
        rng = random.Random(f"{arguments.seed} {shard}")
        begin_s = time.monotonic()
        n_kills = _watch(place, f"{shard}/{arguments.shards}", to_kill, rng)
        rows.append(f"{n_kills},{time.monotonic() - begin_s:.1f}")
        ended.write_text("\n".join(rows), "utf-8")
    facts = [row.split(",") for row in rows]
    return sum(int(n_kills) for n_kills, _ in facts), sum(float(each) for _, each in facts)


def _watch(place: Path, shard: str, to_kill: int, rng: random.Random) -> int:
    """Run a shard, which is killed so many times, to its end; kills, fewer where it ends before."""
    n_kills = 0
    for _ in range(to_kill):
        try:
            _detect(place, "out", "--shard", shard, timeout=rng.uniform(SHORTEST_S, LONGEST_S))
        except subprocess.TimeoutExpired:  # by SIGKILL
            n_kills += 1
    _detect(place, "out", "--shard", shard).check_returncode()
    return n_kills


def _detect(
    place: Path, out: str, *options: str, timeout: float = TIME_LIMIT_S
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-u", "-m", "fgstp", "detect", "--manifest", MANIFEST]
    with (place / TOLD).open("ab") as told:
        return subprocess.run(
            [*command, "--model", "background", "--out", out, *options],
            check=False,
            cwd=place,
            stdout=told,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
        )


def _counts(table: Path) -> Counter[str]:
    """How often each source stands in the merged table, without a fault."""
    with table.open(newline="", encoding="utf-8") as stream:
        return Counter(row["source"] for row in csv.DictReader(stream) if not row["error"])


def _check_sample(place: Path, names: list[str], seed: int) -> None:
    """Compare tables of some sources with those of a run that nobody has killed."""
    sample = random.Random(seed).sample(names, min(SAMPLE, len(names)))
    (place / MANIFEST).write_text("\n".join(["source", *sample]), "utf-8")
    _detect(place, "alone").check_returncode()
    for folder in (place / "alone/sources").iterdir():
        for name in ("events.csv", "events.jsonl"):
            killed = place / "out/sources" / folder.name / name
            assert killed.read_bytes() == (folder / name).read_bytes(), killed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sources", type=int, default=1000)
    parser.add_argument("--shards", type=int, default=20)
    parser.add_argument("--kills", type=int, default=30, help="in all; fewer where a shard ends")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--place", type=Path, help="a folder that is kept, to go on later")
    return parser.parse_args()


if __name__ == "__main__":
    main()
