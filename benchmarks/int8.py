"""What WISP would gain by weights and activations of 8 bits, and what it would lose.

    python benchmarks/int8.py

The shipped weights are exported to ONNX and quantised by ONNX Runtime: all convolutions, weights
per channel, ranges of activations from synthetic frames. Both files then predict other synthetic
frames on one thread. The figures are processor time a frame, by ONNX Runtime and, where it is
installed, by OpenVINO, and how well the masks at 0.5 of both agree.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from fgstp.models.blocks.statistics import InnovationStatistics
from fgstp.models.checkpoint import load_model
from fgstp.models.exported.writing import export_model
from fgstp.plumes import CATEGORIES, SyntheticVideo

FPS_HZ, N_FRAMES, EVERY = 5.0, 200, 4
CALIBRATION_SEED, TEST_SEED = 6_000_000, 6_000_001
Values = NDArray[np.float32]
Run = Callable[[Values], Values]


class Frames(CalibrationDataReader):  # type: ignore[misc] - it has no types
    """Statistics of frames, one at a time."""

    def __init__(self, name: str, shown: list[Values]) -> None:
        self._inputs = iter([{name: each} for each in shown])

    def get_next(self) -> dict[str, Values] | None:
        """The next input, None at the end."""
        return next(self._inputs, None)


def main() -> None:
    """Quantise, compare, and print."""
    model = load_model("wisp")
    size = model.settings.height_px, model.settings.width_px
    shown = list(statistics(TEST_SEED, size))
    with tempfile.TemporaryDirectory() as folder:
        names = ("float32", "prepared", "int8")
        exported, prepared, quantised = (Path(folder) / f"{name}.onnx" for name in names)
        export_model(model, exported)
        quant_pre_process(exported, prepared)
        reader = Frames("shown", list(statistics(CALIBRATION_SEED, size)))
        quantize_static(
            prepared,
            quantised,
            reader,
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            op_types_to_quantize=["Conv", "ConvTranspose"],
        )
        print("| runtime | float32, ms | int8, ms | IoU of masks, mean | lowest |")
        print("|---|--:|--:|--:|--:|")
        for name, open_ in runtimes():
            (whole, own_ms), (coarse, coarse_ms) = (
                predicted(open_(path), shown) for path in (exported, quantised)
            )
            overlap = [iou(*pair) for pair in zip(whole, coarse, strict=True)]
            known = [each for each in overlap if each is not None]
            figures = f"{own_ms:.1f} | {coarse_ms:.1f} | {np.mean(known):.3f} | {min(known):.2f}"
            print(f"| {name} | {figures} |")


def statistics(seed: int, size: tuple[int, int]) -> Iterator[Values]:
    """What the network is shown of some frames of each category, (1, 10, h, w)."""
    for category in CATEGORIES:
        video = SyntheticVideo(category, seed, n_frames=N_FRAMES, fps_hz=FPS_HZ, conditions="wide")
        channels = InnovationStatistics(*size)
        for number, frame in enumerate(video):
            found = channels.update(frame.grey, number / FPS_HZ)
            if number % EVERY == 0:
                yield found[None]


def runtimes() -> Iterator[tuple[str, Callable[[Path], Run]]]:
    """Name of each runtime, and what opens a file by it on one thread."""
    yield "ONNX Runtime", _by_onnx
    if find_spec("openvino"):
        yield "OpenVINO", _by_openvino


def _by_onnx(path: Path) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda shown: np.asarray(session.run(None, {"shown": shown})[0])


def _by_openvino(path: Path) -> Run:
    import openvino  # noqa: PLC0415 - an extra

    wishes = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = openvino.Core().compile_model(path, "CPU", wishes)
    return lambda shown: np.asarray(compiled([shown])[0])


def predicted(run: Run, shown: list[Values]) -> tuple[list[NDArray[np.bool_]], float]:
    """Masks of frames, and the median of the processor time in milliseconds."""
    masks, times_ms = [], []
    for each in shown:
        start = time.process_time()
        logits = run(each)
        times_ms.append(1e3 * (time.process_time() - start))
        masks.append(logits > 0)
    return masks, float(np.median(times_ms))


def iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float | None:
    """Intersection over union of two masks; None of two that are empty."""
    either = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / either if either else None


if __name__ == "__main__":
    main()
