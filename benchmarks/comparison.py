"""Compare models on three kinds of synthetic footage, with three seeds each, in the demo's size.

    python benchmarks/comparison.py runs/comparison
    python benchmarks/comparison.py runs/comparison --only wisp fgstp --footage plain

It calls `kedro run` for each kind of footage and each row, and prints the means and standard
deviations of the seeds. What was finished before is not done again. Hours on two cores.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FOOTAGE = {
    "plain": {},
    "still plumes": {"ingest.synthetic.still_plumes": 2},
    "all confusers": {
        "ingest.synthetic.conditions": "wide",
        "ingest.synthetic.still_plumes": 1,
        "ingest.synthetic.seconds": 30,
    },
}
ROWS = {
    "mog2": ("background", {}),
    "energy": ("background", {"models.background.method": "energy"}),
    "sinet_v2": ("sinet_v2", {"models.sinet_v2.differences": "centred"}),
    "fgstp": ("fgstp", {}),
    "fgstp_residuals": ("fgstp", {"models.fgstp.input": "residuals"}),
    "wisp": ("wisp", {}),
}
COLUMNS = {
    "mIoU `paper`": ("paper", "iou_mean"),
    "mIoU `operational`": ("operational", "iou"),
    "with gas": ("operational", "iou_gas"),
    "AUROC": ("operational", "auroc"),
    "false-alarm frames": ("operational", "false_alarm"),
}
STAGES = ("02_intermediate", "03_primary")


def main() -> None:
    """Make what is missing, and print a table for each kind of footage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--footage", nargs="+", choices=FOOTAGE, default=list(FOOTAGE))
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    for footage in arguments.footage:
        out = arguments.out.absolute() / footage.replace(" ", "_")
        if not (out / "03_primary" / "clips.csv").exists():
            run("ingest", out, FOOTAGE[footage])
        print(f"\n| {footage} | {' | '.join(COLUMNS)} |\n|---|{'--:|' * len(COLUMNS)}", flush=True)
        for row in arguments.only:
            print(f"| {row} | {' | '.join(scores(row, out, arguments.seeds))} |", flush=True)


def scores(row: str, footage: Path, n_seeds: int) -> list[str]:
    """Mean and standard deviation over the seeds, a text for each column."""
    model, settings = ROWS[row]
    data = footage / row
    path = data / "08_reporting" / "metrics" / f"{model}.json"
    if not path.exists():
        data.mkdir(exist_ok=True)
        for stage in STAGES:  # all rows read the same clips
            if not (data / stage).exists():
                (data / stage).symlink_to(footage / stage)
        seeds = {"train.seeds": n_seeds} if model != "background" else {}
        run("train,evaluate", data, {"model": model, **settings, **seeds})
    protocols = json.loads(path.read_text())["protocols"]
    found = [(protocols[protocol], name) for protocol, name in COLUMNS.values()]
    return [
        f"{each[name]:.3f}" + (f" ± {each['spread'][name]:.3f}" if "spread" in each else "")
        for each, name in found
    ]


def run(pipelines: str, data: Path, parameters: dict[str, Any]) -> None:
    """`kedro run`, whose output is shown if it fails."""
    texts = [f"{name}={value}" for name, value in {"data": data, **parameters}.items()]
    command = [sys.executable, "-m", "kedro", "run", f"--pipelines={pipelines}"]
    answer = subprocess.run(
        [*command, f"--params={','.join(texts)}"], capture_output=True, text=True, check=False
    )
    if answer.returncode:
        sys.exit(answer.stdout + answer.stderr)


if __name__ == "__main__":
    main()
