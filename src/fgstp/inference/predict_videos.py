"""Predictions of clips: one session a video, which goes on where it was stopped."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from fgstp.core.errors import UserError
from fgstp.core.progress import ProgressBar
from fgstp.footage.clip_table import ClipRow, by_video
from fgstp.footage.video_store import VideoStore
from fgstp.inference.prediction_store import PredictionStore
from fgstp.models.base import AnyPredictor
from fgstp.models.session import NO_PROMPT, Prediction, Prompt, prompt_of


class Stretch(NamedTuple):
    """Frames `start` to `stop` - 1 of a video, which one session predicts, and their clips."""

    start: int
    stop: int
    clips: tuple[ClipRow, ...]


def stretches(
    clips: Sequence[ClipRow], context_frames: float, delay_frames: int, n_frames: int
) -> list[Stretch]:
    """Divide a video into sessions.

    A session begins `context_frames` before its first clip and ends `delay_frames` after its
    last one, as far as there are frames. It goes on to the next clip if that clip's context
    reaches back to it.

    Args:
        clips: clips of the video, in their order.
        context_frames: frames before a frame that its prediction depends on; may be infinite.
        delay_frames: frames after a frame that its prediction waits for.
        n_frames: number of frames of the video.
    """
    found: list[Stretch] = []
    for clip in clips:
        start = int(max(0, clip.first_frame - context_frames))
        stop = min(n_frames, clip.first_frame + clip.n_frames + delay_frames)
        if found and start <= found[-1].stop:
            last = found.pop()
            found.append(Stretch(last.start, stop, (*last.clips, clip)))
        else:
            found.append(Stretch(start, stop, (clip,)))
    return found


def predict_videos(
    model: AnyPredictor,
    clips: Sequence[ClipRow],
    fps_hz: Mapping[str, float],
    videos: VideoStore,
    predictions: PredictionStore,
    *,
    facts: Mapping[str, object],
) -> tuple[int, float]:
    """Predict the frames of clips, video by video; finished videos are skipped.

    A model without a prompt goes through a video in one session, or in several where the clips
    are further apart than its context. A model with a prompt gets a session a clip, since the
    prompt is of that clip.

    Args:
        model: the model.
        clips: the clips.
        fps_hz: frame rate by video.
        videos: where the frames are.
        predictions: where the predictions are written; those of other videos are removed.
        facts: what the predictions depend on beside the clips, as plain values.

    Returns:
        Number of frames of clips that were predicted now, and the time that it took, in seconds.

    Raises:
        UserError: a prediction is not finite.
    """
    wanted = by_video(clips)
    predictions.remove_all_but(wanted)
    facts_of = {
        video: {**facts, "fps_hz": fps_hz[video], "clips": [list(clip) for clip in own]}
        for video, own in wanted.items()
    }
    missing = [video for video in wanted if not predictions.is_current(video, facts_of[video])]
    n_frames = sum(clip.n_frames for video in missing for clip in wanted[video])
    start = time.monotonic()
    with ProgressBar(total=n_frames, unit=" frames", desc=f"predicting ({model.name})") as bar:
        for video in missing:
            with predictions.writing(video, facts_of[video]) as append:
                for each in predict_clips(model, wanted[video], fps_hz[video], videos):
                    if not np.isfinite(each.map).all():
                        raise UserError(
                            f"{model.name} predicts values that are not finite, first in frame "
                            f"{each.frame} of the video {video}; train it again at a lower rate."
                        )
                    append(each)
                    bar.update()
    return n_frames, time.monotonic() - start


def predict_clips(
    model: AnyPredictor, clips: Sequence[ClipRow], fps_hz: float, videos: VideoStore
) -> Iterator[Prediction]:
    """Predict the frames of clips of one video, in their order.

    Yields:
        A prediction for each frame of each clip, with the frame's number in the video.
    """
    if model.prompt_kind != "none":
        for clip in clips:
            view = clip.read(videos)
            prompt = prompt_of(model.prompt_kind, view.masks(), view.annotated, clip.n_frames)
            stretch = Stretch(clip.first_frame, clip.first_frame + clip.n_frames, (clip,))
            yield from _session(model, stretch, fps_hz, videos, prompt)
        return
    n_frames = len(videos.clip(clips[0].video).frames)
    context_frames = np.ceil(model.context_s(fps_hz) * fps_hz - 1e-9)
    for stretch in stretches(clips, context_frames, model.delay_frames, n_frames):
        yield from _session(model, stretch, fps_hz, videos, NO_PROMPT)


def _session(
    model: AnyPredictor, stretch: Stretch, fps_hz: float, videos: VideoStore, prompt: Prompt
) -> Iterator[Prediction]:
    """Predictions of the frames of the clips of a stretch."""
    view = videos.clip(stretch.clips[0].video, stretch.start, stretch.stop - stretch.start)
    height, width = view.frames.shape[1:]
    batch: int = getattr(model.settings, "batch_frames", 1)
    session = model.session(height, width, fps_hz, prompt, batch)
    wanted = {
        number - stretch.start
        for clip in stretch.clips
        for number in range(clip.first_frame, clip.first_frame + clip.n_frames)
    }

    def made() -> Iterator[Prediction]:
        for number, (frame, time_s) in enumerate(zip(view.frames, view.times_s, strict=True)):
            yield from session.push(frame, float(time_s), is_wanted=number in wanted)
        yield from session.flush()

    for each in made():
        yield each._replace(frame=each.frame + stretch.start)
