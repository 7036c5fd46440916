"""Time of `import fgstp` and of `fgstp --help`, and of an empty Python process."""

import statistics
import subprocess
import sys
import time

ROUNDS = 9
COMMANDS = {
    "empty process": ["-c", "pass"],
    "import fgstp": ["-c", "import fgstp"],
    "fgstp --help": ["-m", "fgstp", "--help"],
}


def main() -> None:
    """Print the median time of each command; the commands take turns."""
    turns = [[_seconds(arguments) for arguments in COMMANDS.values()] for _ in range(ROUNDS)]
    for name, times in zip(COMMANDS, zip(*turns, strict=True), strict=True):
        print(f"{name:14s} {statistics.median(times):6.2f} s")


def _seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
