"""Speed and memory of FGSTP on one device, relative to the speed of a matrix product.

    PYTHONPATH=src python benchmarks/gpu.py                      # PVTv2-B5 at 352 x 352
    PYTHONPATH=src python benchmarks/gpu.py --quick --encoder pvt_v2_b0 --size 64

Needs only torch, timm, NumPy, OpenCV and pydantic. Measures, in fp32 without and with TF32 and in
bf16 autocast, each without and with torch.compile:

- a training step on windows of four targets: forward, loss, backward, Adam;
- inference that encodes each frame once and keeps its features, and inference that encodes a
  target and its two neighbours for each target.

The reference is a large matrix product of the same precision in the same run. Operations are
counted by torch.utils.flop_counter. Times are medians; compiling and warming up do not count.
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from fgstp.models.blocks.losses import hybrid_loss
from fgstp.models.blocks.triples import pick
from fgstp.models.fgstp import Fgstp

TARGETS = 4  # of a window
MIB = 2**20
NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
HEADER = "| precision | compiled | work | ms | targets/s | peak MiB | TFLOP/s | of matmul |"


@dataclass(frozen=True)
class Precision:
    """Precision of the computation.

    Attributes:
        name: printed name.
        tf32: whether products of float32 may be rounded to TF32.
        bf16: whether autocast takes bf16.
    """

    name: str
    tf32: bool = False
    bf16: bool = False

    def set_up(self) -> None:
        """Set it in torch."""
        torch.backends.cuda.matmul.allow_tf32 = self.tf32
        torch.backends.cudnn.allow_tf32 = self.tf32

    def autocast(self, device: torch.device) -> AbstractContextManager[object]:
        """Context of forward passes."""
        return torch.autocast(device.type, torch.bfloat16) if self.bf16 else nullcontext()


@dataclass(frozen=True)
class Bench:
    """Device and duration of measurements.

    Attributes:
        device: the device.
        rounds: measured calls of each function.
        matmul_side: side of the matrices of the reference.
    """

    device: torch.device
    rounds: int
    matmul_side: int

    def seconds(self, work: Callable[[], object]) -> float:
        """Median time of a call after two warm-up calls, which also resets the peak memory."""
        for _ in range(2):
            self._call(work)
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        return statistics.median(self._call(work) for _ in range(self.rounds))

    def _call(self, work: Callable[[], object]) -> float:
        start = time.perf_counter()
        work()
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    def matmul_rate(self, precision: Precision) -> float:
        """Operations a second of a large matrix product."""
        precision.set_up()
        side, dtype = self.matmul_side, torch.bfloat16 if precision.bf16 else torch.float32
        one, two = (torch.randn(side, side, device=self.device, dtype=dtype) for _ in range(2))
        return 2 * side**3 / self.seconds(lambda: one @ two)

    def clear(self) -> None:
        """Free memory."""
        gc.collect()
        torch.compiler.reset()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def peak_mib(self) -> str:
        """Peak memory that torch allocated on the GPU; `-` for a CPU."""
        if self.device.type == "cuda":
            return f"{torch.cuda.max_memory_allocated() / MIB:.0f}"
        return "-"


class Training:
    """A training step on windows of some targets."""

    def __init__(self, network: Fgstp, targets: int, size: int) -> None:
        n_windows = targets // TARGETS
        device = next(network.parameters()).device
        self.network = network
        self.frames = torch.randn(n_windows * (TARGETS + 2), 3, size, size, device=device)
        self.masks = (torch.rand(targets, 1, size, size, device=device) > 0.9).float()
        first = torch.arange(n_windows, device=device).view(-1, 1, 1) * (TARGETS + 2)
        target = torch.arange(TARGETS, device=device).view(-1, 1)
        offsets = torch.tensor([1, 0, 2], device=device)
        self.triples = (first + target + offsets).flatten(0, 1)
        self.adam = torch.optim.Adam(network.parameters(), lr=1e-4)
        self.forward: Callable[[], Tensor] = self._forward

    def _forward(self) -> Tensor:
        triples = pick(self.network.encode(self.frames), self.triples)
        outputs = self.network.decode(triples, self.frames.shape[-2:])
        terms = hybrid_loss(outputs, self.masks, (1.0,) * len(outputs), "weighted")
        return terms.bce + terms.iou

    def __call__(self, autocast: AbstractContextManager[object]) -> None:
        """One step."""
        self.network.train()
        with autocast:
            loss = self.forward()
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()


class Inference:
    """Maps of consecutive targets, each frame encoded once or three times."""

    def __init__(self, network: Fgstp, targets: int, size: int, *, cached: bool) -> None:
        device = next(network.parameters()).device
        self.network = network
        self.cached = cached
        self.frames = torch.randn(targets, 3, size, size, device=device)
        number = torch.arange(targets, device=device).view(-1, 1)
        offsets = torch.tensor([0, -1, 1], device=device)
        self.triples = (number + offsets).clamp(0, targets - 1)
        self.forward: Callable[[], Tensor] = self._forward

    def _forward(self) -> Tensor:
        if self.cached:
            triples = pick(self.network.encode(self.frames), self.triples)
        else:
            numbers = torch.arange(self.triples.numel(), device=self.frames.device)
            encoded = self.network.encode(self.frames[self.triples.flatten()])
            triples = pick(encoded, numbers.view(-1, 3))
        return self.network.decode_fused(triples, self.frames.shape[-2:])

    def __call__(self, autocast: AbstractContextManager[object]) -> None:
        """Maps of all targets."""
        self.network.eval()
        with torch.no_grad(), autocast:
            self.forward()


Work = Training | Inference


def main() -> None:
    """Print the matmul rates and the table."""
    arguments = _arguments()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    bench = Bench(device, *_how_long(arguments, device))
    print(_heading(arguments, device))
    precisions = [Precision("fp32"), Precision("bf16", bf16=True)]
    if device.type == "cuda":
        precisions.insert(1, Precision("TF32", tf32=True))
    rates = {each: bench.matmul_rate(each) for each in precisions}
    for precision, rate in rates.items():
        side = bench.matmul_side
        print(f"matmul {side} x {side}, {precision.name}: {rate / 1e12:.2f} TFLOP/s")
    print(f"\n{HEADER}\n" + "|---" * HEADER.count(" | ") + "|---|")
    for precision, rate in rates.items():
        for compiled in (False, True) if arguments.compile else (False,):
            _measure(arguments, bench, precision, rate, compiled=compiled)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--encoder", default="pvt_v2_b5", help="a PVTv2 of timm")
    parser.add_argument("--size", type=int, default=352, help="height and width in pixels")
    parser.add_argument(
        "--batch", type=int, default=8, help=f"targets at a time, a multiple of {TARGETS}"
    )
    parser.add_argument("--quick", action="store_true", help="few rounds, a small matmul")
    parser.add_argument(
        "--no-compile", dest="compile", action="store_false", help="leave torch.compile out"
    )
    arguments = parser.parse_args()
    if arguments.batch < TARGETS or arguments.batch % TARGETS:
        parser.error(f"--batch must be a multiple of {TARGETS}, the targets of a window")
    return arguments


def _how_long(arguments: argparse.Namespace, device: torch.device) -> tuple[int, int]:
    """Rounds, and side of the matrices."""
    side = 8192 if device.type == "cuda" else 2048
    return (2, side // 4) if arguments.quick else (15, side)


def _heading(arguments: argparse.Namespace, device: torch.device) -> str:
    cuda = device.type == "cuda"
    name = torch.cuda.get_device_name() if cuda else f"the CPU, {torch.get_num_threads()} threads"
    note = "" if cuda else "\nNo GPU is found: memory is not measured, and there is no TF32."
    size = arguments.size
    return (
        f"FGSTP {arguments.encoder} at {size} x {size}, {arguments.batch} targets at a time, "
        f"on {name}, torch {torch.__version__}{note}"
    )


def _measure(
    arguments: argparse.Namespace,
    bench: Bench,
    precision: Precision,
    rate: float,
    *,
    compiled: bool,
) -> None:
    """Print a row for each work."""
    targets, size = arguments.batch, arguments.size
    works: dict[str, Callable[[Fgstp], Work]] = {
        "training step": lambda network: Training(network, targets, size),
        "inference, encoded once": lambda network: Inference(network, targets, size, cached=True),
        "inference, encoded thrice": lambda network: Inference(
            network, targets, size, cached=False
        ),
    }
    for name, make in works.items():
        bench.clear()
        precision.set_up()
        try:
            figures = _figures(arguments, bench, precision, rate, make, compiled=compiled)
        except (RuntimeError, MemoryError) as error:  # the others go on
            figures = [_what_failed(error), *["-"] * 4]
        cells = [precision.name, "yes" if compiled else "no", name, *figures]
        print(f"| {' | '.join(cells)} |", flush=True)


def _figures(
    arguments: argparse.Namespace,
    bench: Bench,
    precision: Precision,
    rate: float,
    make: Callable[[Fgstp], Work],
    *,
    compiled: bool,
) -> list[str]:
    """The last five cells of a row."""
    torch.manual_seed(0)
    work = make(Fgstp(arguments.encoder).to(bench.device))
    n_operations = _operations(work, precision, bench)
    if compiled:
        work.forward = torch.compile(work.forward, dynamic=False)
    seconds = bench.seconds(lambda: work(precision.autocast(bench.device)))
    return [
        f"{1e3 * seconds:.1f}",
        f"{arguments.batch / seconds:.1f}",
        bench.peak_mib(),
        f"{n_operations / seconds / 1e12:.3f}",
        f"{n_operations / seconds / rate:.0%}",
    ]


def _operations(work: Work, precision: Precision, bench: Bench) -> int:
    """Operations of matrix products and convolutions; a multiplication and an addition are two."""
    counter = FlopCounterMode(display=False)
    with counter:
        work(precision.autocast(bench.device))
    return counter.get_total_flops()


def _what_failed(error: Exception) -> str:
    if isinstance(error, MemoryError) or any(words in str(error) for words in NO_MEMORY):
        return "out of memory"
    return f"failed: {type(error).__name__}"


if __name__ == "__main__":
    main()
