"""Cost of each model at its paper size: parameters, operations, time and memory per frame.

    python benchmarks/models.py                  # all models, on the CPU
    python benchmarks/models.py --cuda           # on a GPU
    python benchmarks/models.py fgstp sinet_v2   # some of them

Each model, with its initial weights, predicts one clip of 60 frames in a separate process: a few
frames to warm up, then all of them once or more often for the median time, and once to count
operations. In 60 frames the memories of XMem++ and RMem fill up. The time is also given relative
to FGSTP in the same run. Operations are multiply-accumulates of convolutions and matrix products,
without OpenCV's optical flow and background subtraction; what is computed once for a clip is
divided by its number of frames. Memory is the peak of the process minus the memory before the
model was built; on a GPU, what torch allocated. The figures of each model replace its row in the
table beside this file, which the report reads; rows of other models and devices remain.
"""

import argparse
import multiprocessing
import platform
import resource
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from fgstp.models.base import AnyPredictor
from fgstp.models.registry import create_model, list_models, model_settings
from fgstp.models.session import prompt_of
from fgstp.plumes import SyntheticVideo

TABLE = Path(__file__).with_suffix(".csv")
REFERENCE = "fgstp"
WARM_UP_FRAMES = 6
KIB, MB = 2**10, 1e6


def main() -> None:
    """Measure, write the table and print it."""
    arguments = _arguments()
    rows = []
    for name in tqdm(arguments.models, unit=" models"):
        # In a fresh process the peak memory is that of one model.
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            row = pool.apply(measured, (name, arguments.frames, arguments.runs, arguments.cuda))
        rows.append(row)
        _keep(row)
    table = pd.DataFrame(rows)
    if REFERENCE in set(table["model"]):
        of_reference = table.set_index("model")["ms_per_frame"][REFERENCE]
        table[f"times_{REFERENCE}"] = (table["ms_per_frame"] / of_reference).round(2)
    print(table.drop(columns="device").to_string(index=False))
    print(rows[0]["device"])


def _keep(row: dict[str, Any]) -> None:
    """Write a row into the table, in the order of the models, replacing an older one."""
    before = pd.read_csv(TABLE)
    same = (before["model"] == row["model"]) & (before["device"] == row["device"])
    table = pd.concat([before[~same], pd.DataFrame([row])[before.columns]])
    table["place"] = table["model"].map({name: k for k, name in enumerate(list_models())})
    table.sort_values(["device", "place"]).drop(columns="place").to_csv(TABLE, index=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=list_models(), help="default: all")
    parser.add_argument("--frames", type=int, default=60, help="frames of the clip")
    parser.add_argument("--runs", type=int, default=1, help="timed runs")
    parser.add_argument("--cuda", action="store_true", help="on a GPU")
    return parser.parse_args()


def measured(name: str, n_frames: int, n_runs: int, cuda: bool) -> dict[str, Any]:
    """A row of the table.

    Args:
        name: name of the model.
        n_frames: number of frames of the clip.
        n_runs: number of timed runs.
        cuda: whether to use a GPU.
    """
    before_b = _highest_b(cuda)
    settings = model_settings(name, {})
    torch.manual_seed(0)
    model = create_model(name, settings)
    # The flop counter would follow the gradients of weights that require them.
    model.to("cuda" if cuda else "cpu").eval().requires_grad_(False)
    frames, masks = _clip(n_frames)
    _predict(model, frames[:WARM_UP_FRAMES], masks[:WARM_UP_FRAMES])
    times_s = []
    for _ in range(n_runs):
        start = time.perf_counter()
        _predict(model, frames, masks)
        times_s.append(time.perf_counter() - start)
    peak_b = _highest_b(cuda) - before_b
    own = settings.model_dump()
    return {
        "model": name,
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "gmacs_per_frame": round(_gmacs(model, frames, masks) / n_frames, 2),
        "ms_per_frame": round(1000 * statistics.median(times_s) / n_frames, 1),
        "peak_memory_mb": round(peak_b / MB),
        "device": _device(cuda),
        "height_px": own.get("height_px", frames.shape[1]),
        "width_px": own.get("width_px", frames.shape[2]),
    }


def _clip(n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """A synthetic clip at the size of GasVid, with gas in all frames."""
    video = list(SyntheticVideo("close_clear", 0, n_frames=n_frames))
    frames = np.stack([frame.grey for frame in video])
    masks = np.stack([frame.mask for frame in video]).astype(np.uint8)
    masks[:, 100:140, 140:180] = 1  # models with a prompt always have an object to follow
    return frames, masks


def _predict(model: AnyPredictor, frames: np.ndarray, masks: np.ndarray) -> None:
    model.predict(frames, prompt=prompt_of(model.prompt_kind, masks))
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _gmacs(model: AnyPredictor, frames: np.ndarray, masks: np.ndarray) -> float:
    # Torch does not count the fused attention of the CPU.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        _predict(model, frames, masks)
    return counter.get_total_flops() / 2 / 1e9


def _highest_b(cuda: bool) -> int:
    if cuda:
        return torch.cuda.max_memory_allocated()
    return KIB * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _device(cuda: bool) -> str:
    if cuda:
        return torch.cuda.get_device_name()
    return f"{_processor()}, {torch.get_num_threads()} threads"


def _processor() -> str:
    """Name of the processor; Python itself knows only its family."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text("utf-8").splitlines() if facts.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
