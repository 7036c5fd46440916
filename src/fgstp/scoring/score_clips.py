"""Scores of many clips under several protocols, one row a frame and protocol."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
import pandas as pd
from joblib import delayed
from numpy.typing import NDArray
from tqdm import tqdm

from fgstp.core.errors import UserError
from fgstp.core.parallel import ParallelSettings, in_parallel
from fgstp.scoring.ground_truth import ground_truths
from fgstp.scoring.protocols import Protocol
from fgstp.scoring.score_clip import score_clip
from fgstp.scoring.thresholds import ThresholdSearch

Maps = NDArray[np.uint8]
ReadClip = Callable[[str], tuple[Maps, Maps]]  # predictions and masks, both (T, H, W)


def with_threshold(protocol: Protocol, validation: Sequence[str], read: ReadClip) -> Protocol:
    """A protocol that is ready to score: one without a threshold of its own gets one.

    Args:
        protocol: the protocol.
        validation: ids of the clips that the threshold is chosen on, by mean IoU.
        read: predictions and masks of a clip; can be pickled if it is to be called in other
            processes.

    Returns:
        The protocol at its threshold.

    Raises:
        UserError: a threshold has to be chosen, and there is no clip to choose it on.
    """
    if protocol.threshold is not None:
        return protocol
    search = ThresholdSearch(protocol)
    for clip in tqdm(validation, unit=" clips", desc=f"threshold ({protocol.name})"):
        with _named(clip):
            search.add(*read(clip))
    return protocol.at(search.best())


def score_clips(
    clips: Sequence[str], protocols: Sequence[Protocol], read: ReadClip, parallel: ParallelSettings
) -> pd.DataFrame:
    """Score clips.

    Args:
        clips: their ids.
        protocols: the protocols, each with a threshold.
        read: predictions and masks of a clip; can be pickled.
        parallel: how clips are scored at the same time.

    Returns:
        What `score_clip` gives for each clip and protocol, with a column `clip` in front;
        by clip, then protocol, then frame.

    Raises:
        UserError: predictions and masks of a clip do not fit, or no cluster can be joined.
    """
    work = [delayed(_score)(clip, tuple(protocols), read) for clip in clips]
    with tqdm(total=len(clips), unit=" clips", desc="scoring") as bar:
        return pd.concat(in_parallel(work, parallel, bar), ignore_index=True)


def _score(clip: str, protocols: Sequence[Protocol], read: ReadClip) -> pd.DataFrame:
    """Work of one worker."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # the clips are what goes in parallel
    try:
        with _named(clip):
            predictions, masks = read(clip)
            truths = list(ground_truths(np.asarray(masks)))
            parts = [score_clip(predictions, truths, protocol) for protocol in protocols]
    finally:
        cv2.setNumThreads(threads)
    rows = pd.concat(parts, ignore_index=True)
    rows.insert(0, "clip", clip)
    return rows


@contextmanager
def _named(clip: str) -> Iterator[None]:
    """Say which clip an error is about."""
    try:
        yield
    except UserError as error:
        raise UserError(f"The clip {clip} cannot be scored: {error}") from error
