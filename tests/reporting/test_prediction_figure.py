import numpy as np
import pandas as pd
import pytest

from fgstp.core.errors import UserError
from fgstp.footage.clip_store import ClipStore
from fgstp.footage.clips import Clip
from fgstp.reporting.example_pictures import overlay
from fgstp.reporting.prediction_figure import choose_examples, prediction_figure
from fgstp.reporting.scored_footage import ScoredFootage

HEIGHT, WIDTH = 12, 16
PLUMES = ScoredFootage.of("synthetic plumes", ["synthetic"])


@pytest.fixture
def store(tmp_path):
    """Clips of three frames with given gas areas: pixels from the top left."""
    store = ClipStore(tmp_path)
    areas = {
        "b_0001": (0, 20, 30),
        "b_0000": (0, 0, 10),
        "a_0000": (7, 5, 0),
        "c_0000": (0, 0, 0),
        "c_0001": (0, 0, 0),
        "d_0000": None,
    }
    for number, (name, pixels) in enumerate(areas.items()):
        rng = np.random.default_rng(number)
        frames = rng.integers(0, 256, (3, HEIGHT, WIDTH), np.uint8)
        masks = None
        if pixels is not None:
            masks = np.zeros((3, HEIGHT * WIDTH), np.uint8)
            for mask, count in zip(masks, pixels, strict=True):
                mask[:count] = 1
            masks = masks.reshape(frames.shape)
        store.write(name, Clip(0, 0, frames, "synthetic", masks))
    return store


@pytest.fixture
def clips():
    categories = {"a": "long_clear", "b": "close_complex", "c": "medium_clear", "d": "long_complex"}
    names = ["b_0001", "c_0001", "a_0000", "b_0000", "c_0000", "d_0000"]
    return pd.DataFrame({"clip": names, "category": [categories[name[0]] for name in names]})


def test_the_frame_of_median_area_is_shown_the_near_categories_first(store, clips):
    examples = choose_examples(clips, store)
    assert [tuple(each) for each in examples] == [
        ("close_complex", "b_0001", 1, 20),  # 10, 20 and 30 pixels
        ("medium_clear", "c_0000", 1, 0),  # no gas: the middle of the first clip
        ("long_clear", "a_0000", 1, 5),  # 5 and 7 pixels: the lower one
    ]  # and none of the category whose clip has no masks


def test_the_choice_does_not_depend_on_the_order_of_the_clips(store, clips):
    assert choose_examples(clips[::-1], store) == choose_examples(clips, store)


def test_labels_tell_clip_and_frame_and_where_there_is_no_gas(store, clips):
    first, without, _ = choose_examples(clips, store)
    assert first.label == "close, complex\nb_0001\nframe 1"
    assert without.label.endswith("no frame has gas")


def test_without_any_masks_there_is_nothing_to_draw(store):
    with pytest.raises(UserError, match="No test clip has masks"):
        choose_examples(pd.DataFrame({"clip": ["d_0000"], "category": ["x"]}), store)


def test_each_panel_shows_the_map_of_its_clip_and_frame(store, clips):
    def maps(level):
        steps = {"a_0000": 0, "b_0001": 60, "c_0000": 120}

        def predict(clip):
            planes = np.arange(3)[:, None, None] * 10 + level + steps[clip]
            return np.broadcast_to(planes, (3, HEIGHT, WIDTH)).astype(np.uint8)

        return predict

    figure = prediction_figure(clips, store, {"fgstp": maps(5), "rmem": maps(40)}, PLUMES)
    axes = figure.axes[:12]
    headings = [ax.get_title() for ax in axes[:4]]
    assert headings == ["frame", "ground truth", "RMem †", "FGSTP"]
    shown = [np.asarray(ax.images[0].get_array()) for ax in axes]
    for row, (clip, step) in enumerate((("b_0001", 60), ("c_0000", 120), ("a_0000", 0))):
        frame = np.array(store.frames(clip)[1])
        np.testing.assert_array_equal(shown[4 * row][..., 0], frame)
        for column, level in ((2, 40), (3, 5)):
            share = np.full(frame.shape, (level + step + 10) / 255)
            np.testing.assert_array_equal(shown[4 * row + column], overlay(frame, share))


def test_the_caption_says_how_the_frames_were_chosen(store, clips):
    def nothing(clip):
        return np.zeros((3, HEIGHT, WIDTH), np.uint8)

    plain = prediction_figure(clips, store, {"fgstp": nothing}, PLUMES)
    caption = " ".join(plain.get_supxlabel().split())
    assert "median gas area" in caption
    assert "before any prediction was looked at" in caption
    assert "†" not in caption
    assert plain.get_suptitle() == "Predictions on synthetic plumes (synthetic masks)"
    given = prediction_figure(clips, store, {"xmem_pp": nothing}, PLUMES)
    assert "† is given the mask" in " ".join(given.get_supxlabel().split())


def test_marks_are_of_what_the_scores_say(store, clips):
    def nothing(clip):
        return np.zeros((3, HEIGHT, WIDTH), np.uint8)

    facts = {"mg": {"needs": "all_masks"}, "rmem": {"needs": "frames"}}
    figure = prediction_figure(clips, store, dict.fromkeys(facts, nothing), PLUMES, facts)
    assert [ax.get_title() for ax in figure.axes[2:4]] == ["MG ‡", "RMem"]
    caption = " ".join(figure.get_supxlabel().split())
    assert "‡ is an upper bound" in caption
    assert "†" not in caption
    assert "trained several times" not in caption


def test_that_the_first_of_several_trainings_is_shown_is_said(store, clips):
    def nothing(clip):
        return np.zeros((3, HEIGHT, WIDTH), np.uint8)

    facts = {"fgstp": {"n_seeds": 2}, "mg": {"n_seeds": 1}}
    figure = prediction_figure(clips, store, dict.fromkeys(facts, nothing), PLUMES, facts)
    assert "trained several times, the first training" in " ".join(figure.get_supxlabel().split())


def test_maps_that_do_not_fit_the_clip_are_refused(store, clips):
    def short(clip):
        return np.zeros((1, HEIGHT, WIDTH), np.uint8)

    def narrow(clip):
        return np.zeros((3, HEIGHT, WIDTH - 1), np.uint8)

    with pytest.raises(
        UserError, match=r"fgstp has no map of frame 1 of the clip b_0001.*evaluate"
    ):
        prediction_figure(clips, store, {"fgstp": short}, PLUMES)
    with pytest.raises(UserError, match="FGSTP of shapes"):
        prediction_figure(clips, store, {"fgstp": narrow}, PLUMES)
