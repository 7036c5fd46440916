"""The nodes of evaluate: predictions, scores and summaries, and mistakes."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from fgstp.core.errors import UserError
from fgstp.core.fingerprint import content_hash
from fgstp.footage.clip_table import CLIP_COLUMNS, VIDEO_COLUMNS, digest, table
from fgstp.inference.predict_videos import predict_videos
from fgstp.inference.prediction_store import PredictionStore
from fgstp.inference.trainings import read_predicted, scored_records
from fgstp.models.checkpoint import load_model, save_checkpoint
from fgstp.models.fgstp import FgstpModel
from fgstp.models.registry import create_model
from fgstp.models.session import Prediction
from fgstp.models.training_records import read_records, record_of, seed_folder, write_record
from fgstp.pipelines.evaluate.nodes import predict, score, summarise_scores
from fgstp.pipelines.evaluate.tracing import trace_frames
from fgstp.reporting.result_tables import result_table
from fgstp.reporting.summaries import same_footage
from fgstp.scoring import PROTOCOLS, score_clip
from fgstp.scoring.protocols import EvaluateSettings

SHAPE = (5, 24, 32)
SMALL = {"height_px": 32, "width_px": 32, "encoder": {"name": "pvt_v2_b0"}}
QUICK = {"accelerator": "cpu", "n_resamples": 20, "parallel": {"backend": "sequential"}}


class Project:
    """Clips, checkpoints and predictions; all that the nodes get."""

    def __init__(self, clips, folder):
        self.folder, self.store = clips, clips.store
        self.models, self.predictions = folder / "models", folder / "predictions"

    @property
    def rows(self):
        return list(self.folder.rows.values())

    @rows.setter
    def rows(self, rows):
        self.folder.rows = {row["clip"]: row for row in rows}

    @property
    def clips(self):
        return table(self.rows, CLIP_COLUMNS)

    @property
    def videos(self):
        names = sorted({row["video"] for row in self.rows})
        facts = {"distance_m": 5.0, "background": "clear", "fps_hz": 15.0}
        rows = [{"video": name, "category": f"of_{name}"} | facts for name in names]
        return table([row | {"source": "folder"} for row in rows], VIDEO_COLUMNS)

    def add(self, name, split="test", mask_source="annotated", dropped=None, leak_class=None):
        """A noisy clip with a bright blob, which is gas, in every second frame."""
        rng = np.random.default_rng(len(self.rows))
        frames = rng.integers(40, 120, SHAPE).astype(np.uint8)
        masks = np.zeros_like(frames)
        masks[1::2, 6:16, 8:20] = 1
        kept = None if mask_source == "none" else masks
        row = {"video": name.partition("_")[0], "split": split}
        row |= {"mask_source": mask_source, "dropped": dropped, "leak_class": leak_class}
        self.folder.add(name, frames + 100 * masks, kept, **row)

    def own(self, file, number=1):
        """Path of a file of a training of the background model."""
        return self.models / f"background/seed_{number}" / file

    def masks(self, name):
        return self.folder.clip(name).masks()

    def save(self, model="background", number=1, seed=None, *, recorded=True, **settings):
        """Save a checkpoint and, if it is to be `recorded`, the record of its training."""
        own = seed_folder(self.models / model, number)
        created = create_model(model, settings)
        save_checkpoint(created, own / "best.ckpt")
        if recorded:
            facts = {} if seed is None else {"trained": True, "seed": seed}
            write_record(own, record_of(created, own / "best.ckpt") | facts)
        return own / "best.ckpt"

    def predict(self, model="background", seed=1, **changes):
        settings = EvaluateSettings.model_validate(QUICK | changes)
        work = predict(self.models, self.clips, self.videos, self.store, model, settings, seed)
        work(self.predictions)
        record = read_predicted(self.predictions / model)
        assert record.pop("ms_per_frame") > 0  # as long as it took
        return record

    def sentence(self, model="background", **changes):
        """The message when predicting fails; nothing may be written then."""
        with pytest.raises(UserError) as caught:
            self.predict(model, **changes)
        assert not list(self.predictions.rglob("*.npy"))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def score(self, model="background", **changes):
        settings = EvaluateSettings.model_validate(QUICK | changes)
        return score(self.predictions, self.clips, self.videos, self.store, model, settings)

    def trace(self, model="background", **changes):
        settings = EvaluateSettings.model_validate(QUICK | changes)
        footage = self.predictions, self.clips, self.videos, self.store
        return trace_frames(*footage, model, settings, 1)

    def summarise(self, rows, seed=1, detection=None, model="background"):
        """Scores and summaries."""
        settings = EvaluateSettings.model_validate(QUICK)
        places = (self.predictions, self.videos, model, settings, seed)
        return summarise_scores({model: rows}, detection or {}, *places)[:2]

    def predictions_of(self, clip, model="background", number=1):
        store = PredictionStore(seed_folder(self.predictions / model, number))
        return store.read(self.folder.row(clip))

    def write(self, maps, model="background", number=1):
        """Predictions of our own, by clip."""
        store, by_video = PredictionStore(seed_folder(self.predictions / model, number)), {}
        for clip in maps:
            by_video.setdefault(self.folder.row(clip).video, []).append(clip)
        for video, clips in by_video.items():
            with store.writing(video, {}) as append:
                for clip in clips:
                    first = self.folder.row(clip).first_frame
                    for place, level in enumerate(maps[clip]):
                        frame = (level / 255).astype(np.float32)
                        append(Prediction(first + place, 0.0, frame, float(frame.max())))

    def maps(self, clip, model="background"):
        return np.array(self.predictions_of(clip, model).maps)

    def times(self, model="background"):
        paths = (self.predictions / model / "seed_1").glob("*.npy")
        return {path.name.partition(".")[0]: path.stat().st_mtime_ns for path in paths}


@pytest.fixture
def project(clips, tmp_path):
    """Two test clips and one of validation; others must not be looked at."""
    made = Project(clips, tmp_path)
    made.add("v_0000", split="train")
    made.add("v_0001", split="validation")
    made.add("t_0000", leak_class=np.array([-1, 0, 0, 1, 1], np.int8))
    made.add("u_0000")
    made.add("u_0001", dropped="duplicate")
    made.save()
    return made


# ---------------------------------------------------------------------------- predict


def test_clips_of_validation_and_test_are_predicted_as_the_model_does(project):
    facts = project.predict()
    assert set(project.times()) == {"v", "t", "u"}
    path = project.own("best.ckpt")
    model = load_model(path)
    for clip in ("v_0001", "t_0000", "u_0000"):
        # v_0001 is the second clip of its video, and its session begins with the first.
        row = project.folder.row(clip)
        frames = project.store.clip(row.video, 0, row.first_frame + row.n_frames).frames
        expected = np.rint(255 * model.predict(frames))[row.first_frame :]
        np.testing.assert_array_equal(project.maps(clip), expected)
    training = {"number": 1, "seed": None, "checkpoint_sha256": content_hash([path])}
    assert facts["trainings"] == [training | {"diverged": False, "frame_threshold": None}]
    test = [project.folder.row(name) for name in ("t_0000", "u_0000")]
    assert facts["footage_sha256"] == digest(test)
    assert (facts["model"], facts["prompt"], facts["label"]) == ("background", "none", "MOG2")
    assert (facts["checkpoint"], facts["parameters"]) == (None, 0)


def test_a_given_checkpoint_is_evaluated_whatever_was_trained(project, tmp_path):
    given = project.save(method="energy").rename(tmp_path / "other.ckpt")
    for models in ("trained", "not trained"):
        facts = project.predict(checkpoint=given)
        expected = load_model(given).predict(project.folder.clip("t_0000").frames)
        np.testing.assert_array_equal(project.maps("t_0000"), np.rint(255 * expected))
        [training] = facts["trainings"]
        assert training["checkpoint_sha256"] == content_hash([given])
        assert facts["checkpoint"] == str(given)
        [record] = scored_records(project.models / "background", facts).values()
        assert (record["trained"], record["checkpoint"]) == (False, str(given)), models
        shutil.rmtree(project.models, ignore_errors=True)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing.ckpt", "There is no file .*/missing.ckpt; check the path"),
        ("fgstp.ckpt", "is a checkpoint of fgstp, not of background; choose that model"),
    ],
)
def test_a_given_checkpoint_that_cannot_be_used(project, tmp_path, name, words):
    project.save("fgstp", **SMALL).rename(tmp_path / "fgstp.ckpt")
    assert re.search(words, project.sentence(checkpoint=tmp_path / name))


def test_the_threshold_of_a_checkpoint_is_recorded(project, tmp_path):
    model = create_model("background", {})
    model.frame_threshold = 0.25
    save_checkpoint(model, tmp_path / "own.ckpt")
    facts = project.predict(checkpoint=tmp_path / "own.ckpt")
    assert [each["frame_threshold"] for each in facts["trainings"]] == [0.25]


@pytest.mark.parametrize("changed", ["checkpoint", "code"])
def test_predictions_of_another_checkpoint_or_code_are_replaced(project, monkeypatch, changed):
    facts, before = project.predict(), project.times()
    if changed == "checkpoint":
        project.save(variance_threshold=9.0)
    else:
        monkeypatch.setattr("fgstp.inference.trainings.code_digest", lambda places: "other")
    again = project.predict()
    assert (again["trainings"] != facts["trainings"]) == (changed == "checkpoint")
    assert again["footage_sha256"] == facts["footage_sha256"]
    now = project.times()
    assert {video for video in before if now[video] != before[video]} == {"v", "t", "u"}
    assert (project.predict(), project.times()) == (again, now)


def test_the_footage_is_that_of_the_test_clips(project):
    facts = project.predict()
    project.folder.change("v_0001", masks=1 - project.masks("v_0001"))
    project.add("w_0000", split="train")
    assert project.predict() == facts
    project.folder.change("t_0000", frames=255 - project.folder.clip("t_0000").frames)
    assert project.predict()["footage_sha256"] != facts["footage_sha256"]


def test_without_a_threshold_to_choose_validation_clips_are_neither_needed_nor_predicted(project):
    facts = project.predict()
    only, fewer = {"protocols": ["paper"]}, facts | {"n_validation_clips": 0}
    assert project.predict(**only) == fewer
    assert set(project.times()) == {"t", "u"}
    project.rows = [row for row in project.rows if row["split"] != "validation"]
    assert project.predict(**only) == fewer
    assert set(project.score(**only)["clip"]) == {"t_0000", "u_0000"}


@pytest.mark.parametrize(("wanted", "expected"), [(None, 8), (3, 3)])
def test_frames_at_a_time_are_those_of_the_setting_or_of_the_checkpoint(
    project, monkeypatch, wanted, expected
):
    project.save("fgstp", **SMALL, batch_frames=8)
    used, session = [], FgstpModel.session

    def note(model, height_px, width_px, fps_hz, prompt, batch_frames):
        used.append(batch_frames)
        return session(model, height_px, width_px, fps_hz, prompt, batch_frames)

    monkeypatch.setattr(FgstpModel, "session", note)
    project.predict("fgstp", batch_frames=wanted)
    assert set(used) == {expected}


# ------------------------------------------------------------------- mistakes of predict


def _without_masks(project):
    for row in project.rows:
        row["mask_source"] = "none"


def _only(*splits):
    def change(project):
        project.rows = [row for row in project.rows if row["split"] in splits]

    return change


def _checkpoint_of_another_model(project):
    project.save("fgstp", **SMALL).replace(project.own("best.ckpt"))
    write_record(project.own("best.ckpt").parent, read_records(project.models / "fgstp")[1])


def _broken_checkpoint(project):
    """What else may be wrong with a checkpoint is tested beside `load_model`."""
    path = project.own("best.ckpt")
    path.write_bytes(b"no checkpoint at all")
    record = read_records(path.parents[1])[1]
    write_record(path.parent, record | {"checkpoint_sha256": content_hash([path])})


def _nothing(project):
    pass


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        (_only(), {}, "There are no clips; run `kedro run --pipelines=ingest` first."),
        (_only("train", "validation"), {}, "clips is in the split test; "),
        (lambda p: p.own("best.ckpt").unlink(), {}, "Cannot read .*background/seed_1/best.ckpt"),
        (
            lambda p: p.save(variance_threshold=9.0, recorded=False),
            {},
            "The checkpoint of training 1 of background is not the .*--params=model=background`",
        ),
        (
            lambda p: p.own("training.json").write_text("{"),
            {},
            "background/seed_1/training.json cannot be read",
        ),
        (_checkpoint_of_another_model, {}, "is a checkpoint of fgstp, not of background;"),
        (_broken_checkpoint, {}, "is no file of weights that can be read safely"),
        (_nothing, {"model": "nothing"}, "no trained nothing in .*train --params=model=nothing`"),
        (_nothing, {"accelerator": "cuda"}, "evaluate.accelerator is cuda, but torch finds no"),
        *((_nothing, {"seed": seed}, f"The seed is {seed!r}") for seed in (-1, 1.5, True)),
    ],
)
def test_what_cannot_be_predicted(project, monkeypatch, change, settings, words):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    change(project)
    assert re.search(words, project.sentence(**settings))


def test_pseudo_masks_are_scored_only_if_that_is_allowed_and_every_table_says_so(project):
    for row in project.rows:
        row["mask_source"] = "pseudo"
    facts = project.predict()
    assert (facts["n_test_clips"], facts["n_pseudo_clips"], facts["n_validation_clips"]) == (
        2,
        2,
        0,
    )
    assert project.score().empty
    assert project.predict(allow_pseudo_masks=True)["n_pseudo_clips"] == 0
    scores, summaries = project.summarise(project.score(allow_pseudo_masks=True))
    assert scores["mask_sources"] == ["pseudo"]
    shown = result_table("table1", summaries, same_footage({"background": scores}))
    assert set(shown.blocks[0].tidy["mask_source"]) == {"pseudo"}
    assert any("pseudo masks" in note for note in shown.blocks[0].table.notes)


# ----------------------------------------------------------------- clips without masks


def test_clips_without_masks_are_predicted_and_traced_but_their_pixels_not_scored(project):
    _without_masks(project)
    facts = project.predict()
    assert set(project.times()) == {"t", "u"}  # there is no threshold to choose
    assert facts["n_left_out_clips"] == 0
    rows = project.score()
    assert rows.empty
    _, timelines, detection = project.trace()
    scores, summaries = project.summarise(rows, detection=detection)
    assert summaries.empty
    assert (scores["protocols"], scores["n_frames"], scores["mask_sources"]) == ({}, 0, [])
    for clip in ("t_0000", "u_0000"):
        own = timelines[timelines["clip"] == clip]
        expected = project.predictions_of(clip).scores
        np.testing.assert_allclose(own["score"], expected)
    assert set(timelines["mask_source"]) == {"none"}


def test_a_timeline_tells_times_classes_and_releases_of_the_whole_video(project):
    """The release begins in a clip that was dropped, before the one that is scored."""
    classes = np.array([0, 0, 0, 1, 1], np.int8)
    project.add("r_0000", mask_source="none", dropped="guard", leak_class=classes)
    project.add("r_0001", mask_source="none", leak_class=np.array([1, 2, 2, 8, 8], np.int8))
    project.predict()
    _, timelines, detection = project.trace()
    own = timelines[timelines["video"] == "r"]
    assert own["frame"].tolist() == [5, 6, 7, 8, 9]
    np.testing.assert_allclose(own["time_s"], np.arange(5, 10) / 15)
    np.testing.assert_allclose(own["duration_s"], 1 / 15)
    assert own["leak_class"].tolist() == [1, 2, 2, 8, 8]
    np.testing.assert_allclose(own["release_s"], [0.2, 0.2, 0.2, np.nan, np.nan])
    assert detection["n_releases"] == 2  # the other is in t_0000
    assert (timelines["threshold"] == 0.5).all()
    unknown = timelines[timelines["video"] == "u"]
    assert unknown["leak_class"].isna().all()


def test_alarms_are_those_of_a_detector_over_all_clips_of_a_video(project):
    """Two clips of 15 s, of which the leak spans the end of the first and the second one."""
    shown = np.arange(2 * 15 * 15) >= 10 * 15
    rng = np.random.default_rng(0)
    scene = np.linspace(40, 180, 24 * 32).reshape(24, 32) + rng.normal(0, 2, (shown.size, 24, 32))
    maps = np.zeros(scene.shape, np.uint8)
    maps[shown, 6:16, 8:20] = 240
    for number, place in enumerate((slice(225), slice(225, 450))):
        classes = np.where(shown[place], 4, 0).astype(np.int8)
        frames = np.rint(scene[place]).astype(np.uint8)
        row = {"video": "w", "split": "test", "leak_class": classes}
        project.folder.add(f"w_{number:04d}", frames, None, **row)
    project.predict()
    project.write({"w_0000": maps[:225], "w_0001": maps[225:]})
    events, timelines, detection = project.trace()
    [alarm] = events[events["video"] == "w"].to_dict("records")
    # Evidence rises by ln(16) a second, and is forgotten in 20 s: 12 are reached after 4.9 s.
    rise_s = -20 * np.log1p(-12 / 20 / np.log(240 / 15))
    assert alarm["alarm_s"] == pytest.approx(10 + rise_s, abs=0.2)
    assert alarm["end_s"] == pytest.approx(449 / 15, abs=1e-3)
    assert (alarm["id"], alarm["model"], alarm["threshold"]) == ("w-1", "background", 0.5)
    own = timelines[timelines["video"] == "w"].sort_values("frame")
    first = own.loc[own["evidence"] > 12, "time_s"].iloc[0]
    assert first == pytest.approx(alarm["alarm_s"], abs=1e-3)
    scores = detection["events"]
    assert (scores["n_leaks"], scores["n_alarms"], scores["event_recall"]) == (2, 1, 0.5)
    assert json.loads(json.dumps(detection, allow_nan=False)) == detection


def test_some_clips_with_masks_are_scored_and_all_are_traced(project):
    project.add("w_0000", mask_source="none", leak_class=np.array([0, 0, 1, 1, 1], np.int8))
    facts = project.predict()
    assert (facts["n_test_clips"], facts["n_validation_clips"]) == (3, 1)
    assert set(project.score()["clip"]) == {"t_0000", "u_0000"}
    _, timelines, detection = project.trace()
    sources = timelines.drop_duplicates("clip").set_index("clip")["mask_source"]
    assert sources.to_dict() == {"t_0000": "annotated", "u_0000": "annotated", "w_0000": "none"}
    assert (detection["n_clips"], detection["n_bare_clips"]) == (2, 1)


def test_without_validation_clips_the_threshold_is_a_half(project, caplog):
    project.rows = [row for row in project.rows if row["split"] == "test"]
    assert project.predict()["n_validation_clips"] == 0
    rows = project.score()
    assert set(rows["threshold"]) == {128}
    assert "the threshold of operational is a half" in caplog.text


ORACLE = {"height_px": 16, "width_px": 16, "width": 8, "slot_choice": "oracle"}


def test_a_model_that_is_given_masks_leaves_out_clips_without(project, caplog):
    project.save("mg", **ORACLE)
    project.add("w_0000", mask_source="none")
    facts = project.predict("mg")
    assert (facts["prompt"], facts["n_left_out_clips"]) == ("all_masks", 1)
    assert set(project.times("mg")) == {"v", "t", "u"}
    assert "mg is given masks; it leaves out 1 of 4 clips, which have none" in caplog.text
    assert set(project.trace("mg")[1]["clip"]) == {"t_0000", "u_0000"}


def test_without_any_mask_a_model_that_is_given_masks_is_refused(project):
    project.save("mg", **ORACLE)
    _without_masks(project)
    assert "none of its 2 clips has one; put masks beside the videos" in project.sentence("mg")


# ------------------------------------------------------------------------------- score


@pytest.mark.parametrize(
    ("given", "last", "numbers"),
    [(True, 0, [0, 2, 3, 4]), (False, 0, [0, 1, 2, 3, 4]), (True, 2, [0, 2])],
)
def test_scores_are_those_of_the_clips_without_the_frames_left_out(project, given, last, numbers):
    project.predict()
    names = ["paper", "paper_binary", "paper_skip_empty", "paper_per_frame"]
    rows = project.score(protocols=names, drop_given=given, drop_last_frames=last)
    assert list(dict.fromkeys(rows["protocol"])) == names
    for (clip, name), found in rows.groupby(["clip", "protocol"]):
        left_out = {"drop_given": given, "drop_last_frames": last}
        expected = score_clip(
            project.maps(clip),
            project.masks(clip),
            PROTOCOLS[name].model_copy(update=left_out),
            frame_scores=project.predictions_of(clip).scores,
        )
        assert found["frame"].tolist() == numbers
        own = found[expected.columns].reset_index(drop=True)
        pd.testing.assert_frame_equal(own, expected, rtol=0, atol=1e-12)
    assert set(rows["clip"]) == {"t_0000", "u_0000"}


def test_the_threshold_is_chosen_on_validation_clips_alone(project):
    """There gas is 90 and all else 60; on test clips everything is the other way round."""
    project.predict()
    maps = {
        clip: np.where(project.masks(clip) == 1, gas, clear)
        for clip, (gas, clear) in {"v_0001": (90, 60), "t_0000": (60, 90), "u_0000": (9, 8)}.items()
    }
    maps["v_0001"][1] = 255  # the first with gas, which is left out, does not matter
    project.write(maps)
    rows = project.score()
    chosen = rows.groupby("protocol")["threshold"].unique()
    # The levels from 61 to 90 are equally good; the one nearest to 128 is taken.
    assert chosen["operational"].tolist() == [90]
    assert chosen["paper"].tolist() == [128]
    t = rows[(rows["clip"] == "t_0000") & (rows["protocol"] == "operational")].set_index("frame")
    # From 90 on it finds all that is no gas, and nothing else.
    assert t["iou"].tolist() == [0.0, 0.0, 0.0, 0.0]
    assert t["false_alarm"].dropna().to_dict() == {0: 1.0, 2: 1.0, 4: 1.0}
    u = rows[(rows["clip"] == "u_0000") & (rows["protocol"] == "operational")].set_index("frame")
    assert u["iou"].to_dict() == {0: 1.0, 2: 1.0, 3: 0.0, 4: 1.0}
    assert u["false_alarm"].dropna().to_dict() == {0: 0.0, 2: 0.0, 4: 0.0}


def test_a_clip_of_which_nothing_is_left_to_score(project):
    project.predict()
    with pytest.raises(UserError, match="No clip has more than 6 frames with a mask"):
        project.score(drop_last_frames=5)


def test_what_is_predicted_in_void_is_scored_as_background(project):
    frames = np.random.default_rng(0).integers(0, 256, (6, *SHAPE[1:])).astype(np.uint8)
    labels = np.zeros_like(frames)
    labels[1:, 6:16, 8:20] = 1
    labels[:, 12:] = 255  # void over the lower half, some gas too
    project.folder.add("v_0000", frames, labels, video="void", split="test")
    project.predict()
    maps = project.maps("v_0000")
    assert maps[:, 12:].any()
    rows = project.score(protocols=["paper"]).query("clip == 'v_0000'")
    maps[:, 12:], labels[:, 12:] = 0, 0
    protocol = PROTOCOLS["paper"].model_copy(update={"drop_given": True})
    expected = score_clip(maps, labels, protocol)
    np.testing.assert_allclose(rows[["mae", "iou"]], expected[["mae", "iou"]])


def test_of_sparse_footage_only_annotated_frames_are_scored(project, caplog):
    """Every fifth frame has a mask, and gas except the first; of one clip only a single one."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (31, *SHAPE[1:])).astype(np.uint8)
    masks = np.zeros((7, *SHAPE[1:]), np.uint8)
    masks[1:, 6:16, 8:20] = 1
    classes = np.arange(31, dtype=np.int8) // 5
    project.folder.add(
        "s_0000", frames, masks, range(0, 31, 5), leak_class=classes, video="s", split="test"
    )
    project.folder.add("one_0000", frames, masks[1:2], [3], video="one", split="test")
    project.predict()
    assert project.maps("s_0000").shape == frames.shape
    caplog.set_level("INFO")
    rows = project.score(protocols=["paper"])
    own = rows[rows["clip"] == "s_0000"]
    assert own["frame"].tolist() == [0, 10, 15, 20, 25, 30]  # 5 is the first with gas
    assert own["leak_class"].tolist() == [0, 2, 3, 4, 5, 6]
    assert own["gas"].tolist() == [False] + [True] * 5
    protocol = PROTOCOLS["paper"].model_copy(update={"drop_given": True})
    expected = score_clip(project.maps("s_0000")[::5], masks, protocol)
    np.testing.assert_allclose(own["mae"], expected["mae"])
    assert set(rows["clip"]) == {"s_0000", "t_0000", "u_0000"}
    assert "1 of 4 clips have too few frames with a mask" in caplog.text
    scores = project.predictions_of("s_0000").scores
    np.testing.assert_array_equal(own["frame_score"], scores[own["frame"]])
    assert "24 frames of the test clips have no mask" in caplog.text


# --------------------------------------------------------------------------- summarise


def test_scores_are_plain_values_that_say_what_they_are_of(project):
    facts = project.predict()
    rows = project.score()
    scores, summaries = project.summarise(rows)
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    assert {name: scores[name] for name in facts} == facts
    assert scores["footage"] == "own footage"
    assert (scores["n_videos"], scores["n_clips"], scores["n_frames"]) == (2, 2, 8)
    assert set(summaries["by"]) == {"all", "video", "category", "leak_class"}
    assert (summaries["model"] == "background").all()
    by_class = summaries[(summaries["by"] == "leak_class") & (summaries["metric"] == "mae")]
    assert set(by_class["group"]) == {"-1", "0", "1", "unknown"}


def test_the_seed_decides_the_intervals_and_nothing_else(project):
    for number in range(6):
        project.add(f"{'tu'[number % 2]}_{number + 1:04d}")
    project.predict()
    rows = project.score()
    first, again, other = (project.summarise(rows, seed)[1] for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first[["low", "high"]].equals(other[["low", "high"]])
    same = [name for name in first if name not in ("low", "high")]
    pd.testing.assert_frame_equal(first[same], other[same])


# -------------------------------------------------------------------- several trainings


@pytest.fixture
def repeated(project):
    """A model of three trainings, which predict differently."""
    project.save(seed=1)
    project.save(number=2, seed=2, variance_threshold=9.0)
    project.save(number=3, seed=3, method="energy")
    return project


def folders(project):
    return [project.predictions / f"background/seed_{number}" for number in (1, 2, 3)]


def test_every_training_predicts_in_a_folder_of_its_own(repeated):
    facts = repeated.predict()
    assert [each["number"] for each in facts["trainings"]] == [1, 2, 3]
    assert [each["seed"] for each in facts["trainings"]] == [1, 2, 3]
    for training in facts["trainings"]:
        path = repeated.own("best.ckpt", training["number"])
        assert training["checkpoint_sha256"] == content_hash([path])
        expected = np.rint(255 * load_model(path).predict(repeated.folder.clip("t_0000").frames))
        found = repeated.predictions_of("t_0000", number=training["number"]).maps
        np.testing.assert_array_equal(found, expected)


def test_an_interrupted_evaluation_goes_on_in_the_training_where_it_stopped(repeated, monkeypatch):
    calls = []

    def stopped(*args, **more):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return predict_videos(*args, **more)

    monkeypatch.setattr("fgstp.inference.trainings.predict_videos", stopped)
    with pytest.raises(KeyboardInterrupt):
        repeated.predict()
    before = repeated.times()
    assert set(before) == {"v", "t", "u"}
    monkeypatch.undo()
    repeated.predict()
    assert repeated.times() == before
    assert all((folder / "t.maps.npy").exists() for folder in folders(repeated))


def test_only_another_training_is_predicted_again_and_predictions_of_one_that_is_gone_go(repeated):
    repeated.predict()
    places = [folder / "t.maps.npy" for folder in folders(repeated)]
    before = [path.stat().st_mtime_ns for path in places]
    repeated.save(number=2, seed=2, variance_threshold=4.0)
    repeated.predict()
    now = [path.stat().st_mtime_ns for path in places]
    assert [a != b for a, b in zip(before, now, strict=True)] == [False, True, False]
    shutil.rmtree(repeated.models / "background/seed_3")
    repeated.predict()
    assert [folder.exists() for folder in folders(repeated)] == [True, True, False]


def test_a_training_that_did_not_end_is_left_out(repeated, caplog):
    repeated.own("training.json", 3).unlink()
    facts = repeated.predict()
    assert [each["number"] for each in facts["trainings"]] == [1, 2]
    assert caplog.text.count("have not ended: trainings [3]") == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: p.own("best.ckpt", 3).unlink(), "seed_3/best.ckpt: No such file"),
        (
            lambda p: p.save(number=3, variance_threshold=2.0, recorded=False),
            "The checkpoint of training 3 of background is not the",
        ),
        (lambda p: p.save(number=3, seed=1), "Two trainings of background have the same seed"),
    ],
)
def test_a_further_training_that_cannot_be_used(repeated, change, words):
    change(repeated)
    assert words in repeated.sentence()


def test_each_training_is_scored_at_its_own_threshold(repeated):
    """On validation clips they find gas at 90, 60 and 200, and all else at 30 less."""
    repeated.predict()
    for number, level in enumerate((90, 60, 200), start=1):
        maps = {}
        for clip in ("v_0001", "t_0000", "u_0000"):
            wrong = 31 if clip == "u_0000" else 0  # there nothing reaches the threshold
            maps[clip] = np.where(repeated.masks(clip) == 1, level - wrong, level - 30 - wrong)
        repeated.write(maps, number=number)
    rows = repeated.score()
    assert rows["seed"].dtype == "Int64"
    operational = rows[rows["protocol"] == "operational"]
    chosen = operational.groupby("seed")["threshold"].unique()
    for seed, threshold in ((1, 90), (2, 60), (3, 171)):
        assert chosen[seed].tolist() == [threshold]
        own = operational[(operational["seed"] == seed) & (operational["clip"] == "t_0000")]
        assert own["iou"].tolist() == [1.0] * 4
    scores, summaries = repeated.summarise(rows)
    assert scores["n_seeds"] == 3
    assert scores["protocols"]["operational"]["thresholds"] == [90, 60, 171]
    assert scores["protocols"]["operational"]["threshold"] == 90
    assert (scores["n_clips"], scores["n_frames"]) == (2, 8)
    assert set(summaries["n_seeds"]) == {3}


def test_a_model_without_training_is_predicted_once(project):
    project.save(number=2)
    assert [each["seed"] for each in project.predict()["trainings"]] == [None]
    rows = project.score()
    assert rows["seed"].isna().all()
    scores, summaries = project.summarise(rows)
    assert scores["n_seeds"] == 1
    assert "spread" not in scores["protocols"]["operational"]
    assert summaries["spread"].isna().all()
    assert not (project.predictions / "background/seed_2").exists()
