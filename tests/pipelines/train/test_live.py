import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader

from fgstp.footage.clip_table import CLIP_COLUMNS, table
from fgstp.footage.video_store import VideoStore
from fgstp.pipelines.tracking import CURRENT
from fgstp.pipelines.train.live import LiveExamples, LiveMetrics, live_callbacks
from fgstp.reporting.examples import Example
from fgstp.reporting.predictions import draw_examples

NO_CLIPS = table([], CLIP_COLUMNS)


@pytest.fixture
def new_run(recorded):
    """What records in a run, and how to look at it."""
    return LiveMetrics(recorded.run), recorded.history


def at(step, epoch=0, **figures):
    """Stands in for a trainer."""
    metrics = {name: torch.tensor(value) for name, value in figures.items()}
    return SimpleNamespace(
        global_step=step,
        current_epoch=epoch,
        callback_metrics=metrics,
        max_epochs=5,
        estimated_stepping_batches=1000,
    )


def in_stage(stage):
    """Stands in for a module whose model trains in a stage."""
    return SimpleNamespace(model=SimpleNamespace(stage=stage))


# ------------------------------------------------------------------------- numbers


def test_a_later_stage_and_parts_of_a_step(new_run):
    live, history = new_run
    for stage in (0, 1):
        for step in (9, 10, 10):  # the tenth step has two parts
            trainer = at(step, train_loss_step=float(stage), val_miou=0.5)
            live.on_train_batch_end(trainer, in_stage(stage), None, None, 0)
        live.on_train_epoch_start(trainer, None)
        live.on_train_epoch_end(trainer, in_stage(stage))
    assert history("train_loss_step") == [(10, 0.0), (1010, 1.0)]
    assert history("epoch") == [(10, 1.0), (1010, 6.0)]


def test_the_time_of_an_epoch_is_recorded(new_run, monkeypatch):
    live, history = new_run
    clock = iter([100.0, 103.5, 104.0, 200.0, 204.0, 205.0])
    monkeypatch.setattr("fgstp.pipelines.train.live.time.monotonic", lambda: next(clock))
    for step in (1, 2):
        live.on_train_epoch_start(at(step), None)
        live.on_train_epoch_end(at(step), in_stage(0))
    monkeypatch.undo()
    assert history("epoch_s") == [(1, 3.5), (2, 4.0)]


def test_another_process_records_in_the_same_run(new_run, monkeypatch):
    live, history = new_run
    # There, nobody has said where runs are recorded.
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    copied = pickle.loads(pickle.dumps(live))
    copied.on_train_batch_end(at(10, train_loss_step=0.5), in_stage(0), None, None, 0)
    assert history("train_loss_step") == [(10, 0.5)]


class Means(LightningModule):
    """Its loss is the mean of the batch; it logs what our module logs, in the same way."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.model = SimpleNamespace(stage=0)

    def training_step(self, batch, _):
        loss = batch.mean() + 100 * self.current_epoch + 0 * self.weight.sum()
        self.log("train_loss", loss, on_step=True, on_epoch=True, batch_size=1)
        self.log_dict({"train_bce": 2 * loss}, on_step=False, on_epoch=True, batch_size=1)
        return loss

    def validation_step(self, *_):
        pass

    def on_validation_epoch_end(self):
        self.log("val_miou", 0.25 * (self.current_epoch + 1))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def test_lightning_hands_it_the_figures_of_the_epoch_that_ends(recorded, tmp_path):
    """Twelve steps an epoch whose losses are 0, 1, ... 11, and 100 more in the second."""
    numbers = DataLoader(torch.arange(12.0), batch_size=1)
    [live] = live_callbacks(NO_CLIPS, VideoStore(tmp_path))
    trainer = Trainer(
        max_epochs=2,
        accelerator="cpu",
        callbacks=[live],
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Means(), numbers, numbers)
    history = recorded.history
    assert history("train_loss_step") == [(10, 9.0), (20, 107.0)]
    assert history("train_loss") == [(12, 5.5), (24, 105.5)]
    assert history("train_bce") == [(12, 11.0), (24, 211.0)]
    assert history("val_miou") == [(12, 0.25), (24, 0.5)]
    assert history("epoch") == [(12, 1.0), (24, 2.0)]


# ------------------------------------------------------------------------- pictures


class Blurred:
    """Stands in for a model that looks two frames back and two ahead, as far as there are."""

    stage = 0
    prompt_kind = "none"

    def predict(self, frames, prompt=None):
        numbers = np.arange(len(frames))
        around = [np.clip(numbers + reach, 0, len(frames) - 1) for reach in (-2, -1, 0, 1, 2)]
        return np.mean([frames[each] for each in around], axis=0, dtype=np.float32) / 255


MODULE = SimpleNamespace(model=Blurred())


@pytest.fixture
def clips(clips):
    """Clips with as many gas pixels in their frames as `gas` says."""
    add_to_folder = clips.add

    def add(name, gas=(3, 1, 2), mask_source="annotated", **more):
        frames = np.random.default_rng(len(clips.rows)).integers(0, 256, (len(gas), 6, 8))
        masks = np.zeros(frames.shape, np.uint8)
        for mask, count in zip(masks, gas, strict=True):
            mask[0, :count] = 1
        row = {"split": "validation", "mask_source": mask_source} | more
        masks = None if mask_source == "none" else masks
        share = float(np.mean(gas)) / 48
        add_to_folder(name, frames.astype(np.uint8), masks, gas_fraction=share, **row)

    clips.add = add
    return clips


@pytest.fixture
def drawn(monkeypatch):
    """What is drawn, each time."""
    calls = []

    def note(*args, **more):
        calls.append(args)
        return draw_examples(*args, **more)

    monkeypatch.setattr("fgstp.pipelines.train.live.draw_examples", note)
    return calls


def chosen(drawn, clips):
    """Clip and frame of the examples that a run would show."""
    for callback in live_callbacks(clips.table, clips.store)[1:]:
        callback.on_validation_end(at(1), MODULE)
    return [tuple(label.split("\n")) for label in drawn[-1][-1]] if drawn else []


def test_pictures_show_what_the_whole_clip_would_give(recorded, clips, drawn):
    clips.add("a_0000", gas=(1,) * 9)
    frames, masks = clips.clip("a_0000").frames, clips.clip("a_0000").masks()
    numbers = [0, 1, 4, 7, 8]
    live = LiveExamples(
        recorded.run,
        clips.store,
        [Example("category", clips.row("a_0000"), number, 1) for number in numbers],
    )
    live.on_validation_end(at(7, epoch=2), MODULE)
    [(shown, outlined, maps, labels)] = drawn
    np.testing.assert_array_equal(shown, frames[numbers])
    np.testing.assert_array_equal(outlined, masks[numbers])
    np.testing.assert_array_equal(maps["epoch 3"], Blurred().predict(frames)[numbers])
    assert labels == [f"a_0000\nframe {number}" for number in numbers]


def test_a_picture_an_epoch_is_kept_with_the_run(recorded, clips):
    clips.add("a_0000")
    metrics, pictures = pickle.loads(pickle.dumps(live_callbacks(clips.table, clips.store)))
    assert type(metrics) is LiveMetrics
    for epoch in (0, 1):
        pictures.on_validation_end(at(1, epoch), MODULE)
    assert recorded.files("examples") == ["examples/epoch_001.png", "examples/epoch_002.png"]


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        # The frame with the median area of those with gas.
        (
            [("still_0000", {"gas": (0, 0, 0)}), ("a_0000", {"gas": (3, 1, 2, 0)})],
            [("a_0000", "frame 2")],
        ),
        # Without gas, the middle of a clip.
        ([("a_0000", {"gas": (0, 0, 0)})], [("a_0000", "frame 1")]),
        # Four of many, from the first to the last; several clips of one video too.
        (
            [(f"a_{number:04d}", {}) for number in range(7)],
            [(f"a_{number:04d}", "frame 2") for number in (0, 2, 4, 6)],
        ),
        (
            [
                ("train_0000", {"split": "train"}),
                ("bare_0000", {"mask_source": "none"}),
                ("twice_0000", {"dropped": "duplicate"}),
            ],
            [],
        ),
    ],
)
def test_examples_are_kept_validation_clips_with_masks(recorded, clips, drawn, added, expected):
    for name, more in added:
        clips.add(name, **more)
    assert chosen(drawn, clips) == expected


def test_without_a_run_there_are_no_callbacks(tmp_path):
    assert live_callbacks(NO_CLIPS, VideoStore(tmp_path)) == []
    assert CURRENT.get() is None
