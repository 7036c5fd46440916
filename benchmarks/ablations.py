"""What each part of WISP brings: short trainings that differ in one thing.

    kedro run --env=release --pipelines=ingest
    python benchmarks/ablations.py data/03_primary runs/ablations
    python benchmarks/ablations.py data/03_primary runs/ablations --only full no_ratio

All trainings have the same seed and number of steps. They are compared on the validation videos,
of scenes that are not trained on. What was finished before is not trained again.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from fgstp import create_model, load_model
from fgstp.footage.clip_table import CLIP_COLUMNS
from fgstp.footage.video_store import Clip, VideoStore
from fgstp.models.blocks import statistics
from fgstp.models.blocks.statistics import CHANNELS, InnovationStatistics
from fgstp.scoring.metrics.detection import auroc
from fgstp.training.fit import fit
from fgstp.training.settings import TrainSettings

Map = NDArray[np.float32]
EVERY = 5  # frames, of which one is scored
PLACES = ("fgstp.models.wisp.model", "fgstp.models.wisp.sequences")


class Without(InnovationStatistics):
    """Some channels are 0."""

    names: tuple[str, ...] = ()

    def _channels(self, residuals: Map, above: Map, below: Map) -> Map:
        channels = super()._channels(residuals, above, below)
        channels[[CHANNELS.index(name) for name in self.names]] = 0
        return channels


class NoisePerPixel(InnovationStatistics):
    """Each pixel is divided by its own deviation over 30 s instead of one noise of the frame."""

    def _begin(self, levels: Map, time_s: float) -> None:
        super()._begin(levels, time_s)
        self._squares = np.zeros_like(levels)

    def _advanced(self, levels: Map, step_s: float) -> tuple[Map, Map, Map]:
        residual = levels - self._backgrounds[1]
        self._squares += self._rate(statistics.NOISE_S, step_s) * (residual**2 - self._squares)
        return super()._advanced(levels, step_s)

    def _channels(self, residuals: Map, above: Map, below: Map) -> Map:
        frame = self.noise_levels
        own = np.maximum(np.sqrt(self._squares), statistics.NOISE_FLOOR) / np.float32(frame)
        kept, self._energies = self._energies, self._energies / own
        channels = super()._channels(residuals / own, above / own, below / own)
        self._energies = kept
        return channels


class MeanBackgrounds(InnovationStatistics):
    """Slow backgrounds are means, which passing gas pulls along."""

    def _advance_backgrounds(self, residuals: Map, noise: np.float32, step_s: float) -> None:
        with mock.patch.object(statistics, "SLOW_LIMIT", 1e9):
            super()._advance_backgrounds(residuals, noise, step_s)


class Appearance(InnovationStatistics):
    """One more channel: the frame itself."""

    n_channels = len(CHANNELS) + 1

    def update(self, frame: NDArray[np.number], time_s: float) -> Map:
        """See `InnovationStatistics.update`."""
        levels = (self._on_grid(frame) - 128) / 64
        return np.concatenate([super().update(frame, time_s), levels[None]])


class Frames(InnovationStatistics):
    """A frame and its two predecessors, as they are; a base of those below."""

    n_channels = 3

    def update(self, frame: NDArray[np.number], time_s: float) -> Map:
        """See `InnovationStatistics.update`."""
        self.skip(frame, time_s)
        return np.stack(self._past)

    def skip(self, frame: NDArray[np.number], time_s: float) -> None:
        """See `InnovationStatistics.skip`."""
        super().skip(frame, time_s)
        levels = (self._on_grid(frame) - 128) / 64
        self._past = [levels, *getattr(self, "_past", [levels] * 2)][:3]


class Differences(Frames):
    """Frames, and the differences to the two predecessors over the noise."""

    n_channels = 5

    def update(self, frame: NDArray[np.number], time_s: float) -> Map:
        """See `InnovationStatistics.update`."""
        now, *past = frames = super().update(frame, time_s)
        scale = 64 / (2 * self.noise_levels)
        return np.stack([*frames, *(np.arcsinh(scale * (now - each)) for each in past)])


class OneBackground(Differences):
    """Frames, differences, and the residual to the background of 2 s."""

    n_channels = 6

    def update(self, frame: NDArray[np.number], time_s: float) -> Map:
        """See `InnovationStatistics.update`."""
        residual = self._on_grid(frame) - (self._backgrounds[1] if self.n_frames else 0)
        channels = super().update(frame, time_s)
        if self.n_frames == 1:
            residual = np.zeros_like(residual)
        last = np.arcsinh(residual / (2 * self.noise_levels))
        return np.concatenate([channels, last[None]])


class Variant(NamedTuple):
    """What differs from the whole of WISP."""

    statistics: type[InnovationStatistics] = InnovationStatistics
    settings: Mapping[str, Any] = {}
    leaves_out: tuple[str, ...] = ()  # parts of the names of training videos


def without(*names: str) -> Variant:
    """WISP without some channels."""
    return Variant(type("Without", (Without,), {"names": names}))


def augmented(**settings: float) -> Variant:
    """WISP with other augmentation."""
    return Variant(settings={"augmentation": settings})


VARIANTS = {
    "full": Variant(),
    "frames": Variant(Frames),
    "frames_differences": Variant(Differences),
    "frames_differences_background": Variant(OneBackground),
    **{f"no_{name}": without(name) for name in CHANNELS[:5]},
    "no_energies": without(*CHANNELS[5:8]),
    "no_ratio": without("energy_ratio"),
    "no_quantiles": without(*CHANNELS[8:]),
    "noise_per_pixel": Variant(NoisePerPixel),
    "mean_backgrounds": Variant(MeanBackgrounds),
    "appearance": Variant(Appearance),
    "no_composites": Variant(leaves_out=("_composite_",)),
    "no_leak_free": Variant(leaves_out=("_leak_free",)),
    "no_real_footage": Variant(leaves_out=("_composite_", "_leak_free")),
    "no_enhancement": augmented(enhance_fraction=0.0),
    "no_haze": augmented(haze_fraction=0.0),
    "no_frame_term": Variant(settings={"loss": {"frame_weight": 0.0}}),
}


def main() -> None:
    """Train and score the variants, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    arguments = parser.parse_args()
    table = pd.read_csv(
        arguments.data / "clips.csv", dtype=CLIP_COLUMNS, keep_default_na=False, na_values=[""]
    )
    store = VideoStore(arguments.data / "videos")
    settings = TrainSettings(
        epochs=1,
        steps_per_epoch=arguments.steps,
        targets_per_step=24,
        validation_frames=10,
        precision="bf16",
        workers=1,
    )
    rows = []
    for name in arguments.only:
        with statistics_of(VARIANTS[name]):
            folder = arguments.out / name
            fit_variant(VARIANTS[name], table, store, folder, settings)
            rows.append({"variant": name, **scores(folder / "best.ckpt", table, store)})
        print(pd.DataFrame(rows).set_index("variant").round(3).to_string(), flush=True)


@contextmanager
def statistics_of(variant: Variant) -> Iterator[None]:
    """Let WISP read the statistics of a variant."""
    n_channels = getattr(variant.statistics, "n_channels", len(CHANNELS))
    with (
        mock.patch(f"{PLACES[0]}.InnovationStatistics", variant.statistics),
        mock.patch(f"{PLACES[1]}.InnovationStatistics", variant.statistics),
        mock.patch(f"{PLACES[0]}.CHANNELS", range(n_channels)),
    ):
        yield


def fit_variant(
    variant: Variant, table: pd.DataFrame, store: VideoStore, folder: Path, settings: TrainSettings
) -> None:
    """Train it, unless that was done."""
    torch.manual_seed(1)
    model = create_model("wisp", dict(variant.settings))
    left_out = (table["split"] == "train") & table["video"].map(
        lambda video: any(part in video for part in variant.leaves_out)
    )
    fit(model, table[~left_out], store, folder, settings, seed=1)


def scores(checkpoint: Path, table: pd.DataFrame, store: VideoStore) -> dict[str, float]:
    """Scores of the validation videos, by kind of footage; gas has a probability above 0.5."""
    model = load_model(checkpoint)
    kinds: dict[str, list[tuple[float, ...]]] = {"synthetic": [], "composite": [], "leak_free": []}
    for video in table.loc[table["split"] == "validation", "video"].unique():
        kind = next((kind for kind in kinds if f"_{kind}" in video), "synthetic")
        kinds[kind] += video_scores(model.session, store.clip(video))
    found = {kind: np.array(each, np.float64).reshape(-1, 4) for kind, each in kinds.items()}
    figures = {}
    for kind in ("synthetic", "composite"):
        both, either, gas, score = found[kind].T
        figures[f"IoU {kind}"] = both.sum() / max(1, either.sum())
        figures[f"AUROC {kind}"] = auroc(gas > 0, score)
    figures["alarms leak-free"] = (found["leak_free"][:, 3] > model.frame_threshold).mean()
    return figures


def video_scores(begin: Callable[..., Any], clip: Clip) -> list[tuple[float, ...]]:
    """Pixels in both, in either, and of gas, and the score, of every fifth frame."""
    masks = clip.masks() > 0
    fps_hz = 1 / float(np.median(np.diff(clip.times_s)))
    session, found = begin(*clip.frames.shape[1:], fps_hz), []
    for number, (frame, time_s) in enumerate(zip(clip.frames, clip.times_s, strict=True)):
        found += session.push(np.array(frame), float(time_s), is_wanted=number % EVERY == 0)
    rated = []
    for each in [*found, *session.flush()]:
        maps, gas = each.map > 0.5, masks[each.frame]
        rated.append(((maps & gas).sum(), (maps | gas).sum(), gas.sum(), each.score))
    return rated


if __name__ == "__main__":
    main()
