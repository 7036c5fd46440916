import subprocess
import sys

import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.reporting.examples import choose_examples
from fgstp.reporting.predictions import draw_examples, overlay, prediction_figure
from fgstp.reporting.summaries import ScoredFootage

HEIGHT, WIDTH = 12, 16
FRAME = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH)
MASK = np.zeros((HEIGHT, WIDTH), np.uint8)
MASK[3:8, 4:10] = 1
PLUMES = ScoredFootage.of("synthetic plumes", ["synthetic"])


def axes_of(figure):
    return [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]


def pictures(figure):
    return [np.asarray(ax.images[0].get_array()) for ax in axes_of(figure)]


def test_without_a_prediction_the_frame_is_unchanged():
    np.testing.assert_array_equal(overlay(FRAME, np.zeros(FRAME.shape)), np.dstack([FRAME] * 3))


def test_the_opacity_is_proportional_to_the_probability():
    certain = overlay(np.array([[0, 100, 200]], np.uint8), np.ones((1, 3)))
    # Yellow is (255, 255, 0): 0.9 of it and 0.1 of the frame.
    assert certain.tolist() == [[[230, 230, 0], [240, 240, 10], [250, 250, 20]]]
    ((half,),) = overlay(np.array([[100]], np.uint8), np.array([[0.5]])).tolist()
    # 0.55 of the frame and 0.45 of orange, which is (255, 128, 0).
    assert half == pytest.approx([0.55 * 100 + 0.45 * 255, 0.55 * 100 + 0.45 * 128, 55], abs=1.5)


def test_maps_may_be_levels_or_fractions():
    levels = np.full(FRAME.shape, 51, np.uint8)
    fractions = np.full(FRAME.shape, 0.2, np.float32)
    figure = draw_examples([FRAME], [MASK], {"a": [levels], "b": [fractions]}, ["x"])
    plain, truth, first, second = pictures(figure)
    np.testing.assert_allclose(first.astype(int), second, atol=1)  # 0.2 is rounded in float32
    assert (first != plain).any()
    np.testing.assert_array_equal(truth, np.dstack([FRAME] * 3))


def test_rows_are_examples_and_columns_are_models():
    empty = np.zeros(FRAME.shape, np.uint8)
    figure = draw_examples(
        [FRAME, FRAME[:, :8]],
        [MASK, MASK[:, :8]],
        {"FGSTP": [empty, empty[:, :8]]},
        ["near", "far"],
        title="epoch 3",
    )
    assert [picture.shape[:2] for picture in pictures(figure)] == [(12, 16)] * 3 + [(12, 8)] * 3
    assert [ax.get_title() for ax in figure.axes[:3]] == ["frame", "ground truth", "FGSTP"]
    assert [figure.axes[0].get_ylabel(), figure.axes[3].get_ylabel()] == ["near", "far"]
    assert figure.get_suptitle() == "epoch 3"
    assert "outline of the ground truth" in figure.get_supxlabel()
    assert len(pictures(draw_examples([FRAME], [MASK], {}, ["x"]))) == 2


def test_ground_truth_and_predictions_have_the_outline():
    masks = [MASK, np.zeros_like(MASK), np.ones_like(MASK)]
    figure = draw_examples([FRAME] * 3, masks, {"a": [np.zeros(FRAME.shape)] * 3}, [""] * 3)
    outlined = [bool(ax.collections) for ax in axes_of(figure)]
    assert outlined == [False, True, True, *[False] * 6]


def test_footage_without_masks_has_no_column_of_ground_truth():
    figure = draw_examples([FRAME], None, {"a": [np.zeros(FRAME.shape)]}, ["x"])
    assert [ax.get_title() for ax in axes_of(figure)] == ["frame", "a"]
    assert not any(ax.collections for ax in axes_of(figure))


@pytest.mark.parametrize(
    ("frames", "masks", "maps", "labels", "message"),
    [
        ([FRAME], [MASK[:5]], {}, ["x"], "ground truth of shapes"),
        ([FRAME], [MASK], {"FGSTP": [MASK[:, :5]]}, ["x"], "FGSTP of shapes"),
        ([FRAME], [MASK], {"FGSTP": []}, ["x"], "FGSTP of shapes"),
        ([FRAME], [MASK], {}, ["x", "y"], "2 labels"),
        ([], [], {}, [], "at least one frame"),
    ],
)
def test_inputs_that_do_not_match_are_refused(frames, masks, maps, labels, message):
    with pytest.raises(UserError, match=message):
        draw_examples(frames, masks, maps, labels)


def test_importing_it_does_not_import_matplotlib():
    code = "import sys, fgstp.reporting.predictions; print('matplotlib' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"


AREAS = {  # pixels with gas in the three frames of each clip
    "b_0001": (0, 20, 30),
    "b_0000": (0, 0, 10),
    "a_0000": (7, 5, 0),
    "c_0000": (0, 0, 0),
    "c_0001": (0, 0, 0),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, clip_folder):
    folder = clip_folder(tmp_path_factory.mktemp("videos"))
    for number, (name, pixels) in enumerate(AREAS.items()):
        rng = np.random.default_rng(number)
        frames = rng.integers(0, 256, (3, HEIGHT, WIDTH), np.uint8)
        masks = np.zeros((3, HEIGHT * WIDTH), np.uint8)
        for mask, count in zip(masks, pixels, strict=True):
            mask[:count] = 1
        folder.add(name, frames, masks.reshape(frames.shape))
    return folder


@pytest.fixture(scope="module")
def store(folder):
    return folder.store


@pytest.fixture
def clips(folder):
    categories = {"a": "long_clear", "b": "close_complex", "c": "medium_clear"}
    names = ["b_0001", "c_0001", "a_0000", "b_0000", "c_0000"]
    rows = folder.table.set_index("clip").loc[names].reset_index()
    return rows.assign(category=[categories[name[0]] for name in names])


def constant(level):
    """Predicts a level of probability everywhere."""
    return lambda _: np.full((3, HEIGHT, WIDTH), level, np.uint8)


def figure_of(clips, store, predictions, facts=None):
    return prediction_figure(clips, store, predictions, PLUMES, facts or {})


def caption_of(figure):
    return " ".join(figure.get_supxlabel().split())


@pytest.mark.parametrize("order", [1, -1])
def test_the_frame_of_median_area_is_chosen(folder, order):
    rows = [folder.row(name) for name in AREAS][::order]
    clips = {group: [row for row in rows if row.name[0] == group] for group in "bca"}
    examples = choose_examples(clips, folder.store)
    assert [(each.group, each.clip.name, each.frame, each.gas_pixels) for each in examples] == [
        ("b", "b_0001", 1, 20),  # 10, 20 and 30 pixels
        ("c", "c_0000", 1, 0),  # no gas: the middle of the first clip
        ("a", "a_0000", 1, 5),  # 5 and 7 pixels: the lower one
    ]


def test_only_annotated_frames_are_examples(clips, clip_folder, tmp_path):
    sparse = clip_folder(tmp_path)
    frames = np.arange(100, dtype=np.uint8).reshape(10, 2, 5)
    masks = np.array([np.eye(2, 5), np.zeros((2, 5)), np.ones((2, 5))], np.uint8)
    row = sparse.add("a", frames, masks, annotated=[2, 5, 9])
    [example] = choose_examples({"group": [row]}, sparse.store)
    assert (example.frame, example.gas_pixels) == (2, 2)
    frame, mask = example.read(sparse.store)
    np.testing.assert_array_equal(frame, frames[2])
    np.testing.assert_array_equal(mask, masks[0])


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ({"a": None, "b": None}, ("a", 2)),  # the third of five frames
        ({"a": [0, 0, 0], "b": [0, 0]}, ("a", 2)),  # no leak
        ({"a": [0, 8, 3], "b": [7, 1]}, ("b", 0)),  # leaks in a 2, b 0 and b 1
    ],
)
def test_without_masks_the_middle_frame_is_an_example(clip_folder, tmp_path, classes, expected):
    bare = clip_folder(tmp_path)
    for name, own in classes.items():
        length = 3 if name == "a" else 2
        known = None if own is None else np.array(own, np.int8)
        bare.add(name, np.zeros((length, 2, 5), np.uint8), leak_class=known)
    [example] = choose_examples({"group": [bare.row("b"), bare.row("a")]}, bare.store)
    assert (example.clip.name, example.frame, example.gas_pixels) == (*expected, None)
    assert not example.read(bare.store)[1].any()


def test_computed_masks_are_examples_only_if_they_are_scored(clip_folder, tmp_path):
    folder = clip_folder(tmp_path)
    masks = np.ones((3, 2, 5), np.uint8)
    row = folder.add("a", np.zeros_like(masks), masks, mask_source="pseudo")
    [allowed] = choose_examples({"group": [row]}, folder.store)
    [bare] = choose_examples({"group": [row]}, folder.store, allow_pseudo_masks=False)
    assert (allowed.gas_pixels, bare.gas_pixels) == (10, None)
    assert allowed.read(folder.store)[1].all()
    assert not bare.read(folder.store)[1].any()


def test_a_model_that_is_given_masks_has_an_empty_panel_where_there_is_none(clip_folder, tmp_path):
    folder = clip_folder(tmp_path)
    folder.add("a", np.zeros((3, HEIGHT, WIDTH), np.uint8), split="test")
    table = folder.table.assign(category="close_clear")

    def refuses(clip):
        raise UserError("it was not predicted")

    maps = {"rmem": refuses, "fgstp": constant(200)}
    figure = figure_of(table, folder.store, maps, {"rmem": {"prompt": "first_mask"}, "fgstp": {}})
    plain, rmem, fgstp = pictures(figure)
    np.testing.assert_array_equal(rmem, plain)
    assert (fgstp != plain).any()
    assert "Without masks, a row shows the middle frame" in caption_of(figure)
    assert "median gas area" not in caption_of(figure)


def test_each_panel_shows_the_map_of_its_clip_and_frame(store, clips):
    steps = {"a_0000": 0, "b_0001": 60, "c_0000": 120}

    def maps(level):
        def predict(clip):
            planes = np.arange(3)[:, None, None] * 10 + level + steps[clip.name]
            return np.broadcast_to(planes, (3, HEIGHT, WIDTH)).astype(np.uint8)

        return predict

    figure = figure_of(clips, store, {"fgstp": maps(5), "rmem": maps(40)})
    axes = figure.axes[:12]
    assert [ax.get_title() for ax in axes[:4]] == ["frame", "ground truth", "RMem †", "FGSTP"]
    shown = [np.asarray(ax.images[0].get_array()) for ax in axes]
    for row, clip in enumerate(("b_0001", "c_0000", "a_0000")):  # close, medium, long
        frame = np.array(store.clip(clip).frames[1])
        np.testing.assert_array_equal(shown[4 * row][..., 0], frame)
        for column, level in ((2, 40), (3, 5)):
            expected = np.full(frame.shape, (level + steps[clip] + 10) / 255)
            np.testing.assert_array_equal(shown[4 * row + column], overlay(frame, expected))
    labels = [axes[row].get_ylabel() for row in (0, 4)]
    assert labels[0] == "close, complex\nb_0001\nframe 1"
    assert "no frame has gas" in labels[1]


def test_the_caption_explains_the_figure(store, clips):
    plain = figure_of(clips, store, {"fgstp": constant(0)})
    assert "median gas area" in caption_of(plain)
    assert "†" not in caption_of(plain)
    assert plain.get_suptitle() == "Predictions on synthetic plumes (synthetic masks)"
    facts = {"mg": {"prompt": "all_masks"}, "rmem": {"n_seeds": 2}}
    marked = figure_of(clips, store, dict.fromkeys(facts, constant(0)), facts)
    assert [ax.get_title() for ax in marked.axes[2:4]] == ["MG ‡", "RMem †"]
    for text in ("† The model receives", "‡ Upper bound", "the first training"):
        assert text in caption_of(marked)
