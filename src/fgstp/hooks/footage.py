"""What the footage lacks for the pipelines of a run, told before ingest starts."""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from fgstp.core.errors import UserError
from fgstp.hooks.sentences import CommandError
from fgstp.models.training_records import seed_numbers

if TYPE_CHECKING:
    from fgstp.footage.settings import IngestSettings
    from fgstp.footage.video import Video
    from fgstp.scoring.protocols import EvaluateSettings
    from fgstp.training.settings import TrainSettings

FOOTAGE = "footage"  # the dataset of the videos that were found
TRAIN, PREDICT = "train_model", "predict"  # nodes
COMPUTE, TRAIN_ON = "ingest.pseudo_masks.enabled=true", "train.allow_pseudo_masks=true"
SCORE, GIVEN = "evaluate.allow_pseudo_masks=true", "evaluate.checkpoint=FILE"

logger = logging.getLogger(__name__)


class FootageHooks:
    """Refuses a run that would fail for want of masks or of a model, after hours of ingest."""

    def __init__(self) -> None:
        self._nodes: set[str] = set()

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Note what is to run.

        Raises:
            CommandError: a model would be trained, and another one evaluated.
        """
        self._nodes = {node.short_name for node in pipeline.nodes}
        if self._nodes >= {TRAIN, PREDICT} and catalog.load("params:evaluate").checkpoint:
            raise CommandError(
                "evaluate.checkpoint names the model to evaluate, but train is among the "
                "pipelines; leave one of them out."
            )

    @hook_impl
    def after_node_run(self, outputs: Mapping[str, Any], catalog: DataCatalog) -> None:
        """Check the footage as soon as it is found.

        Raises:
            UserError: a later pipeline would surely fail.
        """
        if FOOTAGE not in outputs:
            return
        from fgstp.footage.video import Video  # noqa: PLC0415 - other commands do without

        videos = [video for video in outputs[FOOTAGE] if isinstance(video, Video)]
        if not videos:
            return  # ingest says why
        ingest = catalog.load("params:ingest")
        if not self._nodes & {TRAIN, PREDICT}:
            if remark := remark_on_masks(videos, ingest):
                logger.info(remark)
            return
        from fgstp.models.base import Model  # noqa: PLC0415 - ingest does without torch
        from fgstp.models.registry import model_info  # noqa: PLC0415

        info = model_info(catalog.load("params:model"))
        is_trained = issubclass(info.model, Model)
        if TRAIN in self._nodes and is_trained:
            check_training(videos, ingest, catalog.load("params:train"), self._nodes)
        if PREDICT in self._nodes:
            evaluate = catalog.load("params:evaluate")
            check_evaluation(videos, ingest, evaluate, info.name, info.prompt)
            if TRAIN not in self._nodes:
                bare = is_trained and not _masked(videos)
                check_model(evaluate, catalog.load("models") / info.name, bare=bare)


def remark_on_masks(videos: Sequence["Video"], ingest: "IngestSettings") -> str:
    """What later pipelines will need if no video has masks; else empty."""
    if _masked(videos) or ingest.pseudo_masks.enabled:
        return ""
    return (
        f"None of {_counted(videos)} has masks: train will need {COMPUTE} and {TRAIN_ON}, and "
        f"evaluate {GIVEN}."
    )


def check_training(
    videos: Sequence["Video"],
    ingest: "IngestSettings",
    train: "TrainSettings",
    nodes: Collection[str],
) -> None:
    """Raise a `UserError` if there will be nothing to train or to validate on."""
    is_set = {COMPUTE: ingest.pseudo_masks.enabled, TRAIN_ON: train.allow_pseudo_masks}
    lacking = " and ".join(switch for switch in is_set if not is_set[switch])
    splits = [
        [video for video in videos if video.split == each] for each in ("train", "validation")
    ]
    bare = next((each for each in [videos, *splits] if each and not _masked(each)), [])
    mixed = ingest.pseudo_masks.enabled and len(_masked(splits[0])) < len(splits[0])
    if lacking and (bare or mixed):
        what = f"None of {_counted(bare)}" if bare else f"Not each of {_counted(splits[0])}"
        given = f", or leave train out and set {GIVEN} to evaluate a trained model"
        raise UserError(
            f"{what} has masks; set {lacking} to train on masks computed from the footage, or put "
            f"masks beside the videos{given * (PREDICT in nodes)}."
        )
    if not splits[0]:
        raise UserError(f"None of {_counted(videos)} is for training; give some the split train.")


def check_evaluation(
    videos: Sequence["Video"],
    ingest: "IngestSettings",
    evaluate: "EvaluateSettings",
    model: str,
    prompt: str,
) -> None:
    """Raise a `UserError` if there will be nothing to predict."""
    ours = [video for video in videos if video.split == "test"]
    if not ours:
        raise UserError(f"None of {_counted(videos)} is for test; give some the split test.")
    is_set = {COMPUTE: ingest.pseudo_masks.enabled, SCORE: evaluate.allow_pseudo_masks}
    lacking = " and ".join(switch for switch in is_set if not is_set[switch])
    if prompt != "none" and lacking and not _masked(ours):
        raise UserError(
            f"{model} is given masks, but none of {_counted(ours)} for test has any; set {lacking} "
            "to compute some, put masks beside the videos, or choose another model."
        )


def check_model(evaluate: "EvaluateSettings", folder: Path, *, bare: bool) -> None:
    """Raise a `UserError` if there is no model to evaluate.

    Args:
        evaluate: settings, which may name a checkpoint.
        folder: folder of the trained models of that name.
        bare: whether none can be trained either, as there are no masks.
    """
    from fgstp.inference.trainings import finished_trainings, given_training  # noqa: PLC0415

    if evaluate.checkpoint:
        given_training(evaluate.checkpoint, folder.name)
    elif bare and not seed_numbers(folder):
        raise UserError(
            f"There is no trained {folder.name} in {folder}, and no video has masks to train on; "
            f"set {GIVEN}."
        )
    else:
        finished_trainings(folder)


def _masked(videos: Sequence["Video"]) -> list["Video"]:
    return [video for video in videos if video.mask_source != "none"]


def _counted(videos: Sequence["Video"]) -> str:
    return f"{len(videos)} video{'s' * (len(videos) != 1)}"
