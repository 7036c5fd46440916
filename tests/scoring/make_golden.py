"""Make `golden.json`: what PySODMetrics 1.6.2 gives for inputs that a seed makes.

PySODMetrics is no dependency of the project. The file was made in an environment of its own,
with Python 3.11.7, NumPy 2.3.4 and SciPy 1.17.1:

    python -m venv .venv-metrics
    .venv-metrics/bin/pip install pysodmetrics==1.6.2
    .venv-metrics/bin/python tests/scoring/make_golden.py

Each metric takes one step with the uint8 prediction and the mask (0 or 255) of one frame, and
its own normalisation. The means of E, IoU and Dice are those of the dynamic curves. null
stands for NaN: PySODMetrics' S-measure has no value where the centroid lies in the last
row or column. The tests make the same inputs again (`inputs`), so the checksums of all are
kept too; nothing in making them depends on a processor's exponentials or on OpenCV.
"""

import itertools
import json
import math
import warnings
import zlib
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).with_name("golden.json")
VERSION = "1.6.2"
SIZES = [(24, 32), (31, 17), (5, 7), (40, 29), (9, 9), (16, 50), (3, 4), (2, 6)]
PREDICTIONS = [
    "zeros", "ones", "constant", "dim_constant", "binary", "noise", "soft", "levels", "narrow",
]  # fmt: skip
MASKS = [
    "empty", "full", "blob", "border", "pixel", "first_pixel", "last_pixel", "sparse", "dense",
    "diagonal", "stripes",
]  # fmt: skip
TIE_HEIGHTS = [2, 4, 6, 10, 14, 18]


def cases():
    """Name, height, width and seed of every case."""
    pairs = enumerate(itertools.product(PREDICTIONS, MASKS))
    sizes = itertools.cycle(SIZES)
    listed = [
        (f"{prediction} {mask}", *size, seed)
        for (seed, (prediction, mask)), size in zip(pairs, sizes, strict=False)
    ]
    listed += [(f"tie {mask}", h, 61, h) for h in TIE_HEIGHTS for mask in ("blob", "dense")]
    return [*listed, ("noise blob", 120, 160, 900), ("soft blob", 120, 160, 901)]


def inputs(name, height, width, seed):
    """Prediction (H, W) uint8 and mask (H, W) bool of a case."""
    rng = np.random.default_rng(seed)
    prediction, mask = name.split()
    return _prediction(prediction, height, width, rng), _mask(mask, height, width, rng)


def checksum(prediction, mask):
    return zlib.crc32(prediction.tobytes() + mask.tobytes())


def _blob(height, width, y, x, radius):
    """1 at (y, x), falling to a half at the radius; arithmetic only, equal everywhere."""
    rows, columns = np.mgrid[:height, :width]
    return 1 / (1 + ((rows - y) ** 2 + (columns - x) ** 2) / radius**2)


def _prediction(kind, height, width, rng):
    shape = (height, width)
    if kind == "tie":  # twice the mean is 100, one of the levels, in exact arithmetic
        values = np.zeros(height * width, np.uint8)
        values[: 10 * height] = 255
        values[10 * height : 15 * height] = 100
        return rng.permutation(values).reshape(shape)
    soft = _blob(height, width, height * 0.55, width * 0.4, max(height, width) / 6)
    noise = rng.integers(0, 256, shape)
    made = {
        "zeros": np.zeros(shape),
        "ones": np.full(shape, 255),
        "constant": np.full(shape, 100),
        "dim_constant": np.full(shape, 3 + int(noise[0, 0]) // 8),
        "binary": 255 * (soft > 0.4),
        "noise": noise,
        "soft": soft * 220 + noise // 8,
        "levels": noise % 3 * 60,
        "narrow": 40 + noise % 21,
    }
    return made[kind].astype(np.uint8)


def _mask(kind, height, width, rng):
    mask = np.zeros((height, width), bool)
    if kind == "full":
        mask[:] = True
    elif kind == "blob":
        mask = _blob(height, width, height * 0.5, width * 0.45, max(height, width) / 6) > 0.5
    elif kind == "border":
        mask = _blob(height, width, 0, width - 1, max(height, width) / 4) > 0.5
    elif kind == "pixel":
        mask[height // 2 - 1, width // 3] = True
    elif kind == "first_pixel":
        mask[0, 0] = True
    elif kind == "last_pixel":
        mask[-1, -1] = True
    elif kind in {"sparse", "dense"}:
        mask = rng.integers(0, 100, mask.shape) < {"sparse": 4, "dense": 50}[kind]
    elif kind == "diagonal":
        mask[: height // 3 + 1, : width // 3 + 1] = True
        mask[-(height // 3 + 1) :, -(width // 3 + 1) :] = True
    elif kind == "stripes":
        mask[:, ::5] = True
    return mask


def oracle(prediction, mask):
    """What PySODMetrics gives."""
    import py_sod_metrics as sod

    curve = {"with_dynamic": True, "with_adaptive": False}
    overlap = sod.FmeasureV2(
        metric_handlers={"iou": sod.IOUHandler(**curve), "dice": sod.DICEHandler(**curve)}
    )
    s, w, m, e = sod.Smeasure(), sod.WeightedFmeasure(), sod.MAE(), sod.Emeasure()
    for metric in (s, w, m, e, overlap):
        metric.step(prediction, mask.astype(np.uint8) * 255)
    alignment, overlaps = e.get_results()["em"], overlap.get_results()
    values = {
        "s_measure": s.get_results()["sm"],
        "weighted_f": w.get_results()["wfm"],
        "mae": m.get_results()["mae"],
        "e_mean": np.mean(alignment["curve"]),
        "e_adaptive": alignment["adp"],
        "e_max": np.max(alignment["curve"]),
        "iou_mean": np.mean(overlaps["iou"]["dynamic"]),
        "dice_mean": np.mean(overlaps["dice"]["dynamic"]),
    }
    return {key: None if math.isnan(value) else float(value) for key, value in values.items()}


def main():
    from importlib.metadata import version

    if version("pysodmetrics") != VERSION:
        raise SystemExit(f"Golden values are of PySODMetrics {VERSION}.")
    made = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in cases():
            pair = inputs(*case)
            made.append({"case": case, "checksum": checksum(*pair), "values": oracle(*pair)})
    lines = ",\n".join(json.dumps(each) for each in made)
    GOLDEN.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
