"""Scores of models on real footage that lies on this machine.

    python benchmarks/real_footage.py FOLDER wisp background runs/fgstp/best.ckpt

FOLDER holds any of

- `gasvid/<video>.csv` with columns `file`, `time_s`, `leak_class`, and the pictures or the video;
- `drawn/<video>.mp4` and `drawn/<video>_gas.mp4`: gas drawn into footage, and the gas alone;
- `leak_free/*.mp4`: footage without gas, and `leak_free/videos.csv` with a column `split`, of which
  only `test` is looked at.

A frame alarms if its score exceeds the threshold; a pixel is gas if its probability exceeds it. The
threshold is given, and never chosen on this footage. A model is a name or a checkpoint.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fgstp import read_video
from fgstp.core.rates import poisson_upper_bound
from fgstp.models.loading import find_model
from fgstp.models.predictor import VideoPredictor
from fgstp.models.session import Prediction
from fgstp.scoring.metrics.detection import auroc

DRAWN_LEVELS = 20  # of the gas alone, from which a pixel is gas


def main() -> None:
    """Print all figures of all models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--threshold", type=float, default=0.5)
    arguments = parser.parse_args()
    for name in arguments.models:
        model = find_model(name, "auto")
        print(f"\n{name}")
        score_schedules(model, arguments.folder / "gasvid", arguments.threshold)
        score_drawn(model, arguments.folder / "drawn", arguments.threshold)
        score_leak_free(model, arguments.folder / "leak_free", arguments.threshold)


def predictions(
    model: VideoPredictor, frames: NDArray[np.uint8], times_s: NDArray[np.float64]
) -> list[Prediction]:
    """All predictions of a video."""
    fps_hz = 1 / float(np.median(np.diff(times_s)))
    session = model.session(*frames.shape[1:], fps_hz)
    found = [
        each
        for frame, time_s in zip(frames, times_s, strict=True)
        for each in session.push(frame, float(time_s))
    ]
    return [*found, *session.flush()]


def score_schedules(model: VideoPredictor, folder: Path, threshold: float) -> None:
    """Frame scores against leak classes, one threshold for all videos."""
    scores, classes, areas, latencies = [], [], [], []
    for table in sorted(folder.glob("*.csv")):
        rows = pd.read_csv(table)
        frames = read_video(folder / str(rows["file"][0]))
        found = predictions(model, frames, rows["time_s"].to_numpy(float))
        own, leak = np.array([each.score for each in found]), rows["leak_class"].to_numpy()
        scores.append(own)
        classes.append(leak)
        areas.append(np.array([(each.map > threshold).mean() for each in found]))
        times_s = rows["time_s"].to_numpy(float)
        after = (own > threshold) & (leak >= 1)
        begin_s = times_s[leak == 1][0]
        latencies.append(times_s[after][0] - begin_s if after.any() else np.nan)
        none = roc(own, leak, 1, 2), roc(own, leak, 3, 7)
        print(f"  {table.stem:20} AUROC 0 against 1-2 {none[0]:.4f}, against 3-7 {none[1]:.4f}")
    if not scores:
        return
    every, leak, area = map(np.concatenate, (scores, classes, areas))
    free = every[leak == 0]
    print(
        f"  all                  AUROC 0 against 1-2 {roc(every, leak, 1, 2):.4f}, "
        f"against 3-7 {roc(every, leak, 3, 7):.4f}"
    )
    gas = every[(leak > 0) & (leak < 8)]
    print(f"  found at no alarm in class 0 {np.mean(gas > free.max()):.3f}")
    print(f"  at {threshold:g}: alarms in class 0 {np.mean(free > threshold):.3f}")
    found = [f"{k}: {np.mean(every[leak == k] > threshold):.2f}" for k in range(8)]
    print(f"  found by class {', '.join(found)}")
    print(
        "  area by class, % " + ", ".join(f"{100 * area[leak == k].mean():.2f}" for k in range(8))
    )
    print(f"  latency after the start of class 1, s {', '.join(f'{s:.0f}' for s in latencies)}")


def roc(scores: NDArray[np.float64], leak: NDArray[np.int64], low: int, high: int) -> float:
    """AUROC of class 0 against classes from low to high."""
    gas = (leak >= low) & (leak <= high)
    chosen = gas | (leak == 0)
    return float(auroc(gas[chosen], scores[chosen]))


def score_drawn(model: VideoPredictor, folder: Path, threshold: float) -> None:
    """IoU with drawn gas, pooled over a video, and alarms before it begins."""
    pooled = []
    for path in sorted(folder.glob("*_gas.mp4")):
        gas = read_video(path) > DRAWN_LEVELS
        frames = read_video(path.with_name(path.name.replace("_gas", "")))
        n = min(len(gas), len(frames))
        found = predictions(model, frames[:n], np.arange(n) / 15)
        maps = np.stack([each.map for each in found]) > threshold
        iou = (maps & gas[:n]).sum() / max(1, (maps | gas[:n]).sum())
        with_gas = np.flatnonzero(gas.any(axis=(1, 2)))
        onset = int(with_gas[0]) if len(with_gas) else n
        early = np.mean([each.score > threshold for each in found[:onset]]) if onset else np.nan
        pooled.append(iou)
        print(
            f"  {path.stem:20} IoU {iou:.3f}, alarms before the onset ({onset} frames) {early:.3f}"
        )
    if pooled:
        print(f"  drawn gas, mean IoU {np.mean(pooled):.3f}")


def score_leak_free(model: VideoPredictor, folder: Path, threshold: float) -> None:
    """Alarms in footage without gas."""
    if not folder.is_dir():
        return
    table = pd.read_csv(folder / "videos.csv", comment="#")
    alarms, clips, seconds = [], 0, 0.0
    for name in table["video"][table["split"] == "test"]:
        frames = read_video(folder / str(name))
        found = predictions(model, frames, np.arange(len(frames)) / 30)
        own = np.array([each.score > threshold for each in found])
        alarms.append(own)
        clips += bool(own.any())
        seconds += len(frames) / 30
        if own.any():
            print(f"    {name}: alarms in {own.mean():.0%}")
    every, hours = np.concatenate(alarms), seconds / 3600
    bound = poisson_upper_bound(clips, hours)
    print(
        f"  leak-free: alarm frames {every.mean():.4f}, clips with an alarm {clips} of "
        f"{len(alarms)}, {hours:.2f} h, at most {bound:.0f} an hour (95 %)"
    )


if __name__ == "__main__":
    main()
