"""Compare settings of alarms on synthetic footage and on composites, which chose the defaults.

    python benchmarks/alarm_settings.py                      # synthetic videos
    python benchmarks/alarm_settings.py --leak-free FOLDER   # composites and leak-free footage too

The shipped WISP watches videos of `wide` conditions, whose seeds no training uses. FOLDER holds
leak-free videos; each is watched as it is, and with a plume drawn in, played there and back. Each
setting differs from the defaults in one value; all hear the same maps. A line tells the recall and
precision of events, false alarms an hour, the time to detection, median and 90 %, and the area
under the detection error curve, which does not depend on the threshold of the evidence.
"""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from fgstp.detection.alarms import Alarms
from fgstp.detection.settings import DetectionSettings
from fgstp.detection.states import Scene
from fgstp.footage.frame_sources import eight_bit_frames, frames_of
from fgstp.models.loading import find_model
from fgstp.models.predictor import VideoPredictor
from fgstp.plumes import CATEGORIES, SyntheticVideo
from fgstp.plumes.composite import CompositeVideo, there_and_back
from fgstp.scoring.event_scores import event_scores
from fgstp.scoring.events import leak_numbers
from fgstp.scoring.leak_schedule import releases_s

FPS_HZ = 3.0  # statistics and evidence count in seconds
FIRST_SEED = 5_000_000  # far from those of the synthetic source
VARIED = {
    "threshold": (0.4, 0.6, 0.7),
    "regions.low_fraction": (0.4, 0.8),
    "regions.min_area_fraction": (0.0003, 0.003),
    "alarms.memory_s": (10.0, 40.0),
    "alarms.rise_per_s": (1.0, 2.0, 8.0),
    "alarms.fall_per_s": (0.1, 0.5, 1.0),
    "alarms.threshold": (6.0, 8.0, 10.0, 16.0, 24.0),
    "alarms.clear_s": (10.0, 60.0),
}
COLUMNS = {
    "event_recall": "recall",
    "event_precision": "precision",
    "false_alarms_per_hour": "false an hour",
    "detection_time_s": "median, s",
    "detection_time_90_s": "90 %, s",
    "error_curve_area": "error area",
}


class Footage(NamedTuple):
    """A video whose leaks are known.

    Attributes:
        name: its name.
        frames: yields (H, W) uint8 and the leak class.
    """

    name: str
    frames: Iterator[tuple[NDArray[np.uint8], int]]


def main() -> None:
    """Watch everything once, and print a table of the settings."""
    arguments = _arguments()
    n_frames = round(arguments.seconds * FPS_HZ)
    footage = [*_synthetic(arguments.videos, n_frames), *_real(arguments.leak_free, n_frames)]
    settings = dict(_settings())
    frames: dict[str, list[pd.DataFrame]] = {name: [] for name in settings}
    events: dict[str, list[dict[str, Any]]] = {name: [] for name in settings}
    model = find_model(arguments.model, "cpu")
    for video in tqdm(footage, unit=" videos"):
        for name, (timeline, alarms) in _watched(video, model, settings).items():
            frames[name].append(timeline)
            events[name] += alarms
    _print_table({name: _scores(frames[name], events[name]) for name in settings})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="wisp")
    parser.add_argument("--videos", type=int, default=4, help="synthetic videos of a category")
    parser.add_argument("--seconds", type=float, default=240.0, help="of each video")
    parser.add_argument("--leak-free", type=Path, help="folder of leak-free videos")
    return parser.parse_args()


def _synthetic(n_videos: int, n_frames: int) -> Iterator[Footage]:
    for category, number in itertools.product(CATEGORIES, range(n_videos)):
        video = SyntheticVideo(
            category, FIRST_SEED + number, n_frames=n_frames, fps_hz=FPS_HZ, conditions="wide"
        )
        yield Footage(f"{category} {number}", ((each.grey, each.leak_class) for each in video))


def _real(folder: Path | None, n_frames: int) -> Iterator[Footage]:
    """Leak-free videos as they are, and composites."""
    paths = sorted(folder.iterdir()) if folder else []
    for number, path in enumerate(paths):
        source = frames_of(path)
        every = max(1, round((source.fps_hz() or FPS_HZ) / FPS_HZ))
        background = [*eight_bit_frames(source, every=every)]
        without = itertools.islice(there_and_back(background), n_frames)
        yield Footage(f"{path.name} leak-free", ((frame, 0) for frame in without))
        drawn = CompositeVideo(
            background.__iter__, FIRST_SEED + number, n_frames=n_frames, fps_hz=FPS_HZ
        )
        yield Footage(path.name, ((each.grey, each.leak_class) for each in drawn))


def _settings() -> Iterator[tuple[str, DetectionSettings]]:
    default = DetectionSettings().model_dump()
    yield "defaults", DetectionSettings()
    for name, values in VARIED.items():
        *groups, key = name.split(".")
        for value in values:
            changed = default | {group: dict(default[group]) for group in groups}
            (changed[groups[0]] if groups else changed)[key] = value
            yield f"{name} {value:g}", DetectionSettings.model_validate(changed)


def _watched(
    video: Footage, model: VideoPredictor, settings: dict[str, DetectionSettings]
) -> dict[str, tuple[pd.DataFrame, list[dict[str, Any]]]]:
    """Frames and alarms of each setting; all hear the same maps."""
    classes: list[int] = []
    predictions: list[Any] = []
    states: list[Any] = []
    alarms: dict[str, Alarms] = {}
    alarm_s: dict[str, list[Any]] = {name: [] for name in settings}
    evidence: dict[str, list[float]] = {name: [] for name in settings}

    def hear() -> None:
        while predictions:
            prediction, state = predictions.pop(0), states.pop(0)
            for name, each in alarms.items():
                changes = each.watch(prediction.map, prediction.time_s, state)
                alarm_s[name] += [change.event for change in changes if change.kind == "new"]
                evidence[name].append(float(each.evidence.max()))

    session = scene = None
    for number, (frame, leak_class) in enumerate(video.frames):
        if session is None or scene is None:
            height, width = frame.shape
            session = model.session(height, width, FPS_HZ)
            scene = Scene((height, width), DetectionSettings().states)
            alarms = {name: Alarms((height, width), each) for name, each in settings.items()}
        classes.append(leak_class)
        states.append(scene.update(frame, number / FPS_HZ))
        predictions += session.push(frame, number / FPS_HZ)
        hear()
    if session is not None:
        predictions += session.flush()
        hear()
    for each in alarms.values():
        each.forget()
    return {
        name: (
            _timeline(video.name, classes, np.array(evidence[name])),
            [
                {"video": video.name, "alarm_s": event.alarm_s, "end_s": event.end_s, "seed": 1}
                for event in alarm_s[name]
            ],
        )
        for name in settings
    }


def _timeline(name: str, classes: list[int], evidence: NDArray[np.float64]) -> pd.DataFrame:
    times_s, leak_class = np.arange(len(classes)) / FPS_HZ, np.array(classes)
    return pd.DataFrame(
        {
            "video": name,
            "frame": np.arange(len(classes)),
            "time_s": times_s,
            "duration_s": 1 / FPS_HZ,
            "distance_m": 5.0,
            "leak_class": pd.array(leak_class, "Int64"),
            "release_s": releases_s(leak_class, times_s),
            "leak": pd.array(leak_numbers(leak_class, times_s), "Int64"),
            "evidence": evidence,
            "seed": pd.array([1] * len(classes), "Int64"),
        }
    )


def _scores(frames: list[pd.DataFrame], events: list[dict[str, Any]]) -> dict[str, Any]:
    alarms = pd.DataFrame(events, columns=["video", "alarm_s", "end_s", "seed"])
    types = {"alarm_s": "float64", "end_s": "float64", "seed": "Int64"}
    timelines = pd.concat(frames, ignore_index=True)
    return event_scores(timelines, alarms.astype(types), n_resamples=1, seed=1)


def _print_table(scores: dict[str, dict[str, Any]]) -> None:
    own = scores["defaults"]
    hours = own["leak_free_hours"]
    print(f"{own['n_videos']} videos, {own['n_leaks']} leaks, {hours:.2f} h without a leak\n")
    print(f"| setting | {' | '.join(COLUMNS.values())} |\n|---|{len(COLUMNS) * '--:|'}")
    for name, values in scores.items():
        found = [values[metric] for metric in COLUMNS]
        cells = ["–" if each is None else f"{each:.3g}" for each in found]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
