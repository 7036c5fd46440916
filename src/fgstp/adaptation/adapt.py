"""Adapting a model to a camera: fine-tuning on composites, scored before and after."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fgstp.adaptation.footage import Prepared, prepare
from fgstp.core.errors import UserError
from fgstp.core.files import check_can_be_written
from fgstp.core.progress import ProgressBar
from fgstp.footage.clip_table import by_video, kept_clips, rates_hz
from fgstp.inference.predict_videos import predict_clips
from fgstp.models.base import AnyModel, AnyPredictor, Model
from fgstp.models.checkpoint import load_model, save_checkpoint
from fgstp.models.registry import create_model
from fgstp.scoring.metrics.detection import auroc
from fgstp.training.fit import fit
from fgstp.training.settings import TrainSettings
from fgstp.training.validation import overlap, validation_scores

COMPOSITES_PER_MINUTE, STEPS_PER_MINUTE = 3, 40  # on two cores
N_HELD_OUT = 6
LEARNING_RATE = 2e-4  # a tenth of that of the first training of WISP
TARGETS_PER_STEP = 24
TOLERANCE = 0.02  # so few composites tell no finer
THRESHOLD = 0.5  # of a pixel


class Scores(NamedTuple):
    """Scores on footage that was held out.

    Attributes:
        miou: mean IoU over the frames of composites, where a frame without gas counts 1 if nothing
            is found in it and else 0 (the protocol `operational`).
        auroc: area under the ROC curve of frame scores, frames with gas against all others.
        false_alarm_fraction: fraction of the leak-free frames in which something is found.
    """

    miou: float
    auroc: float
    false_alarm_fraction: float

    def is_worse_than(self, other: "Scores") -> bool:
        """Whether any of them is worse by more than 0.02."""
        return (
            self.miou < other.miou - TOLERANCE
            or self.auroc < other.auroc - TOLERANCE
            or self.false_alarm_fraction > other.false_alarm_fraction + TOLERANCE
        )

    def sentence(self) -> str:
        """The scores, for a human."""
        return (
            f"mIoU {self.miou:.3f} and AUROC {self.auroc:.3f} on held-out composites, false alarms "
            f"on {self.false_alarm_fraction:.1%} of held-out leak-free frames"
        )


def adapt(
    model: Path | str,
    sources: Sequence[Path],
    out: Path,
    *,
    minutes: float = 5.0,
    seed: int = 1,
    fps_hz: float | None = None,
) -> tuple[Scores, Scores]:
    """Fine-tune a model on leak-free footage of a camera, as it is and with plumes drawn in.

    The weights are those at the end: what is held out chooses nothing. The threshold of frame
    scores stays. The same footage and seed give the same weights on the same machine.

    Args:
        model: trained weights.
        sources: leak-free videos.
        out: the checkpoint to write.
        minutes: how long to train, on two cores; it decides the number of steps, by no clock.
        seed: random seed.
        fps_hz: true frame rate, where it is not that which a file states.

    Returns:
        Scores before and after.

    Raises:
        UserError: the model cannot be fine-tuned, the footage cannot be used, the checkpoint cannot
            be written, or the model would be worse than before.
    """
    check_can_be_written(out)
    loaded = load_model(model)
    trained = _slower(loaded)
    with tempfile.TemporaryDirectory(prefix="fgstp-adapt-") as temporary:
        folder = Path(temporary)
        n_train = max(1, round(COMPOSITES_PER_MINUTE * minutes))
        prepared = prepare(
            sources, folder, n_train=n_train, n_held_out=N_HELD_OUT, seed=seed, fps_hz=fps_hz
        )
        before = score(loaded, prepared)
        _fine_tune(trained, prepared, folder, max(1, round(STEPS_PER_MINUTE * minutes)), seed)
        loaded.load_state_dict(trained.state_dict())
        after = score(loaded, prepared)
    if after.is_worse_than(before):
        raise UserError(
            f"The model would be worse, so nothing is written: before {before.sentence()}; after "
            f"{after.sentence()}; give more footage or more --minutes."
        )
    adapted = {"seed": seed, "minutes": minutes}
    facts = {"before": before._asdict(), "after": after._asdict(), **adapted}
    save_checkpoint(loaded, out, {"adapted": facts})
    return before, after


def score(model: AnyPredictor, prepared: Prepared) -> Scores:
    """Score a model on all that is held out."""
    clips = kept_clips(prepared.clips, prepared.store, "validation")
    fps_hz = rates_hz(clips, prepared.videos)
    overlaps, scores, is_composite = [], [], []
    total = sum(clip.n_frames for clip in clips)
    with ProgressBar(total=total, desc="scoring", unit=" frames") as bar:
        for video, own in by_video(clips).items():
            masks = (mask for clip in own for mask in clip.read(prepared.store).masks())
            found = predict_clips(model, own, fps_hz[video], prepared.store)
            for mask, prediction in zip(masks, found, strict=True):
                seen = prediction.map[None] > THRESHOLD
                overlaps.append(overlap(seen, mask[None] > 0)[:, 0])
                scores.append(prediction.score)
                is_composite.append(own[0].mask_source == "synthetic")
                bar.update()
    counts, drawn = np.transpose(overlaps), np.array(is_composite)
    return Scores(
        validation_scores(counts[:, drawn])["val_miou"],
        auroc(counts[2] > 0, scores),
        float((counts[1, ~drawn] > 0).mean()),
    )


def _slower(loaded: AnyPredictor) -> AnyModel:
    """A copy of a model that learns at a low rate; a `UserError` if it cannot be fine-tuned."""
    if not isinstance(loaded, Model) or loaded.prompt_kind != "none":
        raise UserError(
            f"{loaded.name} cannot be adapted: it is not trained, or is given a mask; choose "
            "another model, such as wisp."
        )
    if loaded.n_stages > 1 or loaded.features is not None:
        raise UserError(
            f"{loaded.name} cannot be adapted, since it is trained in stages or on features; "
            "choose another model, such as wisp."
        )
    settings: dict[str, Any] = loaded.settings.model_dump()
    settings["optimisation"] |= {"learning_rate": None, "targets_per_step": None}
    trained = create_model(loaded.name, settings, initial_weights=False)
    assert isinstance(trained, Model)
    trained.load_state_dict(loaded.state_dict())
    return trained


def _fine_tune(model: AnyModel, prepared: Prepared, folder: Path, n_steps: int, seed: int) -> None:
    """Train for one epoch, whose weights are taken whatever their score."""
    table = prepared.clips
    is_first = ~table["split"].duplicated()  # training asks for a clip to validate on
    settings = TrainSettings(
        epochs=1,
        steps_per_epoch=n_steps,
        learning_rate=LEARNING_RATE,
        targets_per_step=TARGETS_PER_STEP,
        validation_frames=3,
        workers=1,
    )
    kept = table[(table["split"] == "train") | is_first]
    fit(model, kept, prepared.store, folder / "training", settings, seed=seed)
