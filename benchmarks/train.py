"""Speed of training FGSTP with windows, which share encoded frames, and with independent triples.

    python benchmarks/train.py                                     # small, on the CPU
    python benchmarks/train.py --encoder pvt_v2_b5 --size 352      # as in the paper

Both train the same network on equally many targets per step, from clips on the disk to updated
weights, and take turns in one process, so that variations of the machine's speed affect both
equally. A window of L targets needs L + 2 encodings instead of 3 L; decoder, loss and sample
preparation are the same, so the time decreases by less than that.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import torch

from fgstp.footage.clip_table import ClipRow
from fgstp.footage.video_store import VideoStore
from fgstp.models.fgstp import FgstpModel, FgstpSettings
from fgstp.models.sampling import Batch, Windows
from fgstp.models.settings import EncoderSettings
from fgstp.plumes import SyntheticVideo
from fgstp.training.augmentation import prepared
from fgstp.training.data import SampleOrder, Samples, one_opencv_thread, train_loader
from fgstp.training.settings import AugmentationSettings

N_CLIPS, CLIP_FRAMES = 2, 60


def main() -> None:
    """Print targets per second of both, and the ratio."""
    arguments = _arguments()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder, one_opencv_thread():
        store = VideoStore(Path(folder))
        clips = [_write_clip(store, seed) for seed in range(N_CLIPS)]
        _compare(store, clips, arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--encoder", default="pvt_v2_b1", help="a PVTv2 of timm")
    parser.add_argument("--size", type=int, default=128, help="height and width in pixels")
    parser.add_argument("--targets", type=int, default=4, help="targets L of a window")
    parser.add_argument("--windows", type=int, default=2, help="windows of a step")
    parser.add_argument("--steps", type=int, default=4, help="steps of a round")
    parser.add_argument("--rounds", type=int, default=7, help="rounds that take turns")
    parser.add_argument("--threads", type=int, help="threads of torch; default: its own choice")
    return parser.parse_args()


def _write_clip(store: VideoStore, seed: int) -> ClipRow:
    frames = list(SyntheticVideo("close_complex", seed, n_frames=CLIP_FRAMES))
    name = f"clip_{seed}"
    with store.writing(name) as writer:
        writer.append(
            np.stack([frame.grey for frame in frames]),
            np.arange(CLIP_FRAMES) / 15,
            masks=np.stack([frame.mask for frame in frames]).astype(np.uint8),
        )
    return ClipRow(name, name, 0, CLIP_FRAMES, CLIP_FRAMES, "", "annotated")


def _compare(store: VideoStore, clips: list[ClipRow], arguments: argparse.Namespace) -> None:
    length, size = arguments.targets, arguments.size
    targets_per_step = length * arguments.windows
    settings = FgstpSettings(
        encoder=EncoderSettings(name=arguments.encoder), height_px=size, width_px=size
    )
    step = _stepper(FgstpModel(settings))
    batches = {
        name: _batches(store, clips, n_targets, targets_per_step // n_targets, size)
        for name, n_targets in (("independent triples", 1), (f"windows of {length}", length))
    }
    turns = [
        [_seconds(partial(_train, step, each, arguments.steps)) for each in batches.values()]
        for _ in range(arguments.rounds + 1)
    ][1:]  # the first warms up
    print(
        f"{arguments.encoder} at {size} x {size}, {targets_per_step} targets a step, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"median of {arguments.rounds} rounds"
    )
    for name, times in zip(batches, zip(*turns, strict=True), strict=True):
        speed = arguments.steps * targets_per_step / statistics.median(times)
        print(f"  {name:22s} {speed:8.2f} targets/s")
    ratio = statistics.median(windows / triples for triples, windows in turns)
    passes = (length + 2) / (3 * length)
    print(f"  time of windows       {ratio:9.2f} of that of triples (encoder passes {passes:.2f})")


def _stepper(model: FgstpModel) -> Callable[[Batch], None]:
    """A function that trains on a batch."""
    adam = torch.optim.Adam(model.network.parameters(), lr=1e-4)

    def step(batch: Batch) -> None:
        loss, _ = model.training_step(batch, 0.0)
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_value_(model.network.parameters(), 0.5)
        adam.step()

    return step


def _batches(
    store: VideoStore, clips: list[ClipRow], n_targets: int, n_windows: int, size: int
) -> Iterator[Batch]:
    """Endless batches, without incomplete ones."""
    prepare = partial(prepared, settings=AugmentationSettings(), size=(size, size))
    samples = Samples(store, clips, Windows((-1, 1)), prepare)
    order = SampleOrder(samples.n_targets_of_clips(), n_targets, seed=0)
    loader = train_loader(samples, order, batch_size=n_windows, workers=0, cuda=False)
    for epoch in count():
        order.set_epoch(epoch)
        for batch in loader:
            if len(batch.clips) == n_windows:
                yield batch


def _train(step: Callable[[Batch], None], batches: Iterator[Batch], n_steps: int) -> None:
    for _ in range(n_steps):
        step(next(batches))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
