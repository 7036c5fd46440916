"""The folder of predictions of one training: maps and scores of the predicted frames of videos."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.core.files import growing_array, mapped_array, remove_others
from fgstp.core.fingerprint import SUFFIX, is_current, write_stamp
from fgstp.footage.clip_table import ClipRow
from fgstp.models.session import Prediction

MAPS, SCORES = "maps.npy", "scores.npy"
MEND = "run `kedro run --pipelines=evaluate` for this model."
SCORE_TYPE = np.dtype([("frame", "<i4"), ("score", "<f4")])


class ClipPredictions(NamedTuple):
    """Predictions of all frames of a clip.

    Attributes:
        maps: (T, H, W) uint8, memory-mapped and read-only: probability of gas, 255 being 1.
        scores: (T,) float32: confidence that each frame holds gas.
    """

    maps: NDArray[np.uint8]
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class PredictionStore:
    """Predictions on disk, in a folder that is made when the first is written."""

    folder: Path

    def path(self, video: str, part: str) -> Path:
        """File of a part of a video's predictions: `maps.npy` or `scores.npy`."""
        return self.folder / f"{video}.{part}"

    def is_current(self, video: str, facts: Mapping[str, object]) -> bool:
        """Whether a video was predicted under these facts and its files are as they were."""
        return is_current(self.folder / video, facts)

    @contextmanager
    def writing(
        self, video: str, facts: Mapping[str, object]
    ) -> Iterator[Callable[[Prediction], None]]:
        """Write the predictions of a video, which depend on some facts, as plain values.

        The files appear when the block ends well.

        Yields:
            A function that appends a prediction; frames must rise.

        Raises:
            UserError: the folder cannot be written or the disk is full.
        """
        paths = [self.path(video, part) for part in (MAPS, SCORES)]
        with growing_array(paths[0]) as maps, growing_array(paths[1]) as scores:

            def append(prediction: Prediction) -> None:
                maps.append(np.round(255 * prediction.map[None]).astype(np.uint8))
                scores.append(np.array([(prediction.frame, prediction.score)], SCORE_TYPE))

            yield append
        write_stamp(self.folder / video, facts, paths)

    def read(self, clip: ClipRow) -> ClipPredictions:
        """Predictions of a clip; a `UserError` if there are none."""
        what = f"The predictions of the video {clip.video}"
        maps, scores = (
            mapped_array(self.path(clip.video, part), what, MEND) for part in (MAPS, SCORES)
        )
        is_fit = maps.dtype == np.uint8 and maps.ndim == 3 and scores.dtype == SCORE_TYPE
        if not (is_fit and scores.shape == maps.shape[:1] and np.isfinite(scores["score"]).all()):
            raise UserError(f"{what} in {self.folder} do not fit each other; {MEND}")
        start = int(np.searchsorted(scores["frame"], clip.first_frame))
        rows = slice(start, start + clip.n_frames)
        numbers = np.arange(clip.first_frame, clip.first_frame + clip.n_frames)
        if not np.array_equal(scores["frame"][rows], numbers):
            raise UserError(f"The clip {clip.name} has not been predicted; {MEND}")
        return ClipPredictions(maps[rows], scores["score"][rows])

    def remove_all_but(self, videos: Iterable[str]) -> None:
        """Remove the predictions of all other videos."""
        remove_others(self.folder, (f".{MAPS}", f".{SCORES}", SUFFIX), videos)
