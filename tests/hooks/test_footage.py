"""What footage lacks is told before ingest starts: once, and only what is not set."""

from types import SimpleNamespace

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from fgstp.core.errors import UserError
from fgstp.footage.settings import IngestSettings
from fgstp.footage.video import RefusedVideo, Video
from fgstp.hooks import FootageHooks
from fgstp.models.checkpoint import save_checkpoint
from fgstp.models.registry import create_model
from fgstp.models.training_records import record_of, write_record
from fgstp.scoring.protocols import EvaluateSettings
from fgstp.training.settings import TrainSettings

COMPUTE, TRAIN_ON = "ingest.pseudo_masks.enabled=true", "train.allow_pseudo_masks=true"
SCORE, GIVEN = "evaluate.allow_pseudo_masks=true", "evaluate.checkpoint=FILE"
ALL = ("train_model", "predict")


def video(name, split="train", masks="none"):
    return Video(name, SimpleNamespace(), split, masks)


BARE = [video("a"), video("b", "test")]
MASKED = [video("a", masks="annotated"), video("b", "test", "annotated")]


@pytest.fixture
def check(tmp_path):
    """Runs the hooks of a run of some nodes until the footage is found."""

    def run(found, *nodes, model="fgstp", pseudo=False, train=None, **evaluate):
        ingest = {"source": "folder", "pseudo_masks": {"enabled": pseudo}}
        values = {
            "params:ingest": IngestSettings.model_validate(ingest),
            "params:train": TrainSettings.model_validate(train or {}),
            "params:evaluate": EvaluateSettings.model_validate(evaluate),
            "params:model": model,
            "models": tmp_path,
        }
        catalog = DataCatalog({name: MemoryDataset(value) for name, value in values.items()})
        names = ("find_footage", *nodes)
        pipeline = Pipeline([Node(lambda: None, None, name, name=name) for name in names])
        hooks = FootageHooks()
        hooks.before_pipeline_run(pipeline, catalog)
        hooks.after_node_run(outputs={"other": 1}, catalog=catalog)
        hooks.after_node_run(outputs={"footage": found}, catalog=catalog)

    return run


@pytest.fixture
def sentence(check):
    def run(*arguments, **settings):
        with pytest.raises(UserError) as caught:
            check(*arguments, **settings)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return run


@pytest.fixture
def given(tmp_path):
    """A checkpoint of background subtraction."""
    path = tmp_path / "given.ckpt"
    save_checkpoint(create_model("background"), path)
    return path


def switches(text):
    return [each for each in (COMPUTE, TRAIN_ON, SCORE, GIVEN) if each in text]


# ------------------------------------------------------------------------------ training


@pytest.mark.parametrize(
    ("nodes", "settings", "named"),
    [
        (ALL, {}, [COMPUTE, TRAIN_ON, GIVEN]),
        (("train_model",), {}, [COMPUTE, TRAIN_ON]),
        (("train_model",), {"pseudo": True}, [TRAIN_ON]),
        (ALL, {"train": {"allow_pseudo_masks": True}}, [COMPUTE, GIVEN]),
    ],
)
def test_training_without_masks_is_refused_with_all_switches_that_are_not_set(
    sentence, nodes, settings, named
):
    text = sentence(BARE, *nodes, **settings)
    assert text.startswith("None of 2 videos has masks; set ")
    assert switches(text) == named


def test_training_begins_if_there_are_masks_or_if_they_are_computed(check):
    check(MASKED, *ALL)
    check(BARE, *ALL, pseudo=True, train={"allow_pseudo_masks": True})
    # Test footage without masks is scored by the leak schedule.
    check([video("a", masks="annotated"), video("b", "test")], *ALL)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([video("a"), video("b", "test", "annotated")], "None of 1 video has masks"),
        (
            [video("a", masks="annotated"), video("v", "validation")],
            "None of 1 video has masks; set",
        ),
    ],
)
def test_masks_of_training_and_of_validation_are_needed(sentence, found, words):
    assert words in sentence(found, "train_model")


def test_some_masks_that_would_be_computed_have_to_be_allowed(sentence, check):
    found = [video("a", masks="annotated"), video("c")]
    text = sentence(found, "train_model", pseudo=True)
    assert text.startswith("Not each of 2 videos has masks")
    assert switches(text) == [TRAIN_ON]
    check(found, "train_model")  # those without masks are left out


def test_footage_that_is_all_for_test_cannot_train(sentence):
    text = sentence([video("b", "test", "annotated")], "train_model")
    assert "None of 1 video is for training; give some the split train" in text


def test_what_needs_no_training_needs_no_masks(check):
    check(BARE, *ALL, model="background")


# ---------------------------------------------------------------------------- evaluation


def test_a_model_to_evaluate_is_asked_for(sentence):
    text = sentence(BARE, "predict")
    assert text.startswith("There is no trained fgstp in ")
    assert switches(text) == [GIVEN]
    # Where a model can be trained, that is the other way.
    assert "or run `kedro run --pipelines=train" in sentence(MASKED, "predict")
    assert "or run `kedro run --pipelines=train" in sentence(BARE, "predict", model="background")


def test_a_given_checkpoint_or_a_finished_training_is_enough(check, given, tmp_path):
    check(BARE, "predict", model="background", checkpoint=given)
    model = create_model("background")
    folder = tmp_path / "background/seed_1"
    save_checkpoint(model, folder / "best.ckpt")
    write_record(folder, record_of(model, folder / "best.ckpt"))
    check(BARE, "predict", model="background")


def test_a_given_checkpoint_is_looked_at(sentence, given, tmp_path):
    assert "is a checkpoint of background, not of fgstp" in sentence(
        BARE, "predict", checkpoint=given
    )
    assert "There is no file" in sentence(BARE, "predict", checkpoint=tmp_path / "none.ckpt")


def test_a_model_is_not_both_trained_and_given(sentence, given):
    assert "train is among the pipelines" in sentence(MASKED, *ALL, checkpoint=given)


def test_test_footage_is_needed(sentence, given):
    text = sentence([video("a")], "predict", model="background", checkpoint=given)
    assert "None of 1 video is for test; give some the split test" in text


def test_a_model_that_is_given_masks_needs_some(sentence, check):
    trained = [video("a", masks="annotated"), video("b", "test")]
    text = sentence(trained, *ALL, model="rmem")
    assert text.startswith("rmem is given masks, but none of 1 video for test has any")
    assert switches(text) == [COMPUTE, SCORE]
    check([*MASKED, video("c", "test")], *ALL, model="rmem")  # one of them is left out


# ---------------------------------------------------------------------------- ingest alone


def test_ingest_alone_is_told_once_what_will_be_needed(check, caplog):
    caplog.set_level("INFO", logger="fgstp")
    check(BARE)
    [record] = caplog.records
    assert (record.levelname, switches(record.getMessage())) == ("INFO", [COMPUTE, TRAIN_ON, GIVEN])
    check(MASKED)
    check(BARE, pseudo=True)
    check([RefusedVideo("x", "x: bad")], *ALL)  # ingest says why
    assert len(caplog.records) == 1
