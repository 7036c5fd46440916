"""Watch an archive on a Ray cluster, a shard a task, then merge it.

    python deploy/ray/detect.py archive.csv out --shards 20

The manifest, its footage and the folder lie under the same absolute path on all machines. A task
whose machine fails is started again, and goes on where it was killed. Further arguments go to
`fgstp detect`.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import ray

CPUS_PER_SHARD = 2
RETRIES = 3


def detect(arguments: list[str]) -> int:
    """Run `fgstp detect`; its status comes out, 1 where a source could not be read."""
    return subprocess.run([sys.executable, "-m", "fgstp", *arguments], check=False).returncode


def main() -> None:
    """Start a task a shard, wait for all, and merge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shards", type=int, required=True)
    chosen, more = parser.parse_known_args()
    places = ["--manifest", str(chosen.manifest.resolve()), "--out", str(chosen.out.resolve())]
    common = ["detect", *places, *more]
    ray.init()  # the cluster of RAY_ADDRESS, or this machine
    task = ray.remote(detect).options(num_cpus=CPUS_PER_SHARD, max_retries=RETRIES)
    shards = [f"{number}/{chosen.shards}" for number in range(1, chosen.shards + 1)]
    ray.get([task.remote([*common, "--shard", shard]) for shard in shards])
    sys.exit(detect([*common, "--merge"]))


if __name__ == "__main__":
    main()
