"""Files of the features that a model precomputes of clips, such as optical flow."""

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import getfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgstp.core.files import code_digest, growing_array, remove_others
from fgstp.core.fingerprint import SUFFIX, is_current, write_stamp
from fgstp.core.progress import ProgressBar
from fgstp.footage.clip_table import ClipRow, by_video
from fgstp.footage.video_store import VideoStore
from fgstp.models.sampling import VideoFeatures

FEATURES = ".features.npy"


@dataclass(frozen=True)
class FeatureStore:
    """Features of clips on disk, so that training computes them once and not in each epoch.

    Attributes:
        folder: where they lie, in a file for each video; a row holds the number of a frame and
            its features.
    """

    folder: Path

    def write(self, features: VideoFeatures, clips: Sequence[ClipRow], videos: VideoStore) -> None:
        """Compute the features of clips unless that is done; remove those of other videos.

        Raises:
            UserError: the folder cannot be written or the disk is full.
        """
        wanted = by_video(clips)
        remove_others(self.folder, (FEATURES, SUFFIX), wanted)
        missing = [video for video, own in wanted.items() if not self._is_current(features, own)]
        n_frames = sum(clip.n_frames for video in missing for clip in wanted[video])
        row_type = np.dtype([("frame", "<i4"), ("features", "<f2", features.shape)])
        with ProgressBar(total=n_frames, unit=" frames", desc="computing features") as bar:
            for video in missing:
                path = self._path(video)
                with growing_array(path) as rows:
                    for clip in wanted[video]:
                        frames = clip.read(videos).frames
                        computed = features.compute(frames, range(len(frames)))
                        for number, values in enumerate(computed, start=clip.first_frame):
                            rows.append(np.array([(number, values)], row_type))
                            bar.update()
                write_stamp(self.folder / video, _facts(features, wanted[video]), [path])

    def holds(self, features: VideoFeatures, clips: Sequence[ClipRow]) -> bool:
        """Whether the features of these very clips have been computed."""
        return all(self._is_current(features, own) for own in by_video(clips).values())

    def read(self, clip: ClipRow) -> NDArray[np.float16]:
        """Features of the frames of a clip for which `holds` is true: (T, ...), memory-mapped."""
        rows: NDArray[Any] = np.load(self._path(clip.video), mmap_mode="r")
        start = int(np.searchsorted(rows["frame"], clip.first_frame))
        found: NDArray[np.float16] = rows["features"][start : start + clip.n_frames]
        return found

    def _path(self, video: str) -> Path:
        return self.folder / f"{video}{FEATURES}"

    def _is_current(self, features: VideoFeatures, clips: Sequence[ClipRow]) -> bool:
        return is_current(self.folder / clips[0].video, _facts(features, clips))


def _facts(features: VideoFeatures, clips: Sequence[ClipRow]) -> dict[str, object]:
    frames = [[clip.first_frame, clip.n_frames, clip.content_hash] for clip in clips]
    code = code_digest([Path(getfile(type(features)))])
    return {"features": dict(features.facts), "code": code, "clips": frames}
