"""Speed of scoring compared to PySODMetrics, in one process on the same frames.

    python -m venv .venv-metrics
    .venv-metrics/bin/pip install pysodmetrics==1.6.2 pandas pydantic
    PYTHONPATH=src .venv-metrics/bin/python benchmarks/metrics.py

PySODMetrics needs older NumPy and OpenCV than the project, and therefore a separate environment.
Reference and scoring take turns for several rounds, on one thread, so that variations of the
machine's speed affect both equally; ratios are those of the medians. Every round of "without
cache" starts from plain masks.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import cv2
import numpy as np

from fgstp.scoring import GroundTruth, list_metrics, score_clip

HEIGHT, WIDTH = 240, 320
COMPARED = [metric.name for metric in list_metrics("all")[:8]]
INSTALL = "PySODMetrics 1.6.2 is not installed. For this benchmark:\n"


def main() -> None:
    """Print milliseconds per frame, ratios, and the largest difference of any score."""
    arguments = _arguments()
    try:
        reference = version("pysodmetrics")
    except PackageNotFoundError:
        raise SystemExit(f"{INSTALL}{__doc__}") from None
    cv2.setNumThreads(1)
    print(f"PySODMetrics {reference}, NumPy {np.__version__}, OpenCV {cv2.__version__}")
    print(f"{arguments.frames} frames of {WIDTH} x {HEIGHT}, median of {arguments.rounds} rounds")
    for name, make in (("blobs", _blobs), ("noise", _noise)):
        _compare(name, *make(arguments.frames), arguments.rounds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=50, help="frames of each kind")
    parser.add_argument("--rounds", type=int, default=7, help="rounds that take turns")
    return parser.parse_args()


def _blobs(n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Smooth predictions around masks of about 7 % of the frame."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    masks = np.zeros((n_frames, HEIGHT, WIDTH), np.uint8)
    predictions = np.zeros_like(masks)
    for mask, prediction in zip(masks, predictions, strict=True):
        y, x = rng.uniform(60, HEIGHT - 60), rng.uniform(60, WIDTH - 60)
        a, b = rng.uniform(40, 55, 2)
        blob = np.exp(-(((rows - y) / a) ** 2) - ((columns - x) / b) ** 2)
        noisy = cv2.GaussianBlur(blob + rng.normal(0, 0.2, blob.shape), (0, 0), 3)
        mask[:] = blob > 0.5
        prediction[:] = np.clip(np.roll(noisy, 5, axis=1) * 255, 0, 255)
    return predictions, masks


def _noise(n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """The worst case: both prediction and mask are pure noise."""
    rng = np.random.default_rng(1)
    shape = (n_frames, HEIGHT, WIDTH)
    predictions = rng.integers(0, 256, shape, np.uint8)
    return predictions, rng.integers(0, 2, shape, np.uint8)


def _reference(predictions: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(T, 8): PySODMetrics' scores in the order of `COMPARED`."""
    import py_sod_metrics as sod  # noqa: PLC0415

    curve = {"with_dynamic": True, "with_adaptive": False}
    scores = []
    for prediction, mask in zip(predictions, masks, strict=True):
        handlers = {"iou": sod.IOUHandler(**curve), "dice": sod.DICEHandler(**curve)}
        overlap = sod.FmeasureV2(metric_handlers=handlers)
        structure, weighted = sod.Smeasure(), sod.WeightedFmeasure()
        error, alignment = sod.MAE(), sod.Emeasure()
        for metric in (structure, weighted, error, alignment, overlap):
            metric.step(prediction, mask)
        e, overlaps = alignment.get_results()["em"], overlap.get_results()
        scores.append(
            [
                structure.get_results()["sm"],
                weighted.get_results()["wfm"],
                error.get_results()["mae"],
                e["curve"].mean(),
                e["adp"],
                e["curve"].max(),
                overlaps["iou"]["dynamic"].mean(),
                overlaps["dice"]["dynamic"].mean(),
            ]
        )
    return np.array(scores)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _compare(name: str, predictions: np.ndarray, masks: np.ndarray, rounds: int) -> None:
    masks_255 = masks * np.uint8(255)
    truths = [GroundTruth.from_mask(mask) for mask in masks]
    ways = {
        "PySODMetrics": partial(_reference, predictions, masks_255),
        "without cache": partial(score_clip, predictions, masks),
        "cached ground truth": partial(score_clip, predictions, truths),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = ways["PySODMetrics"]()
        found = ways["cached ground truth"]()[list(COMPARED)].to_numpy()  # fills the cache
        turns = [[_seconds(work) for work in ways.values()] for _ in range(rounds)]
    medians = [statistics.median(times) for times in zip(*turns, strict=True)]
    print(f"\n{name}, {masks.mean():.1%} of the pixels foreground")
    asked = ("", "(required: at least 2.5)", "(required: at least 10)")
    for way, median, least in zip(ways, medians, asked, strict=True):
        ratio = f"{medians[0] / median:6.1f} times as fast {least}" if least else ""
        print(f"  {way:20s} {1e3 * median / len(masks):7.2f} ms/frame {ratio}".rstrip())
    print(f"  largest difference of any score {np.abs(found - scores).max():.1e}")


if __name__ == "__main__":
    main()
