import subprocess
import sys

import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.reporting.predictions import draw_examples, overlay

FRAME = np.arange(12 * 16, dtype=np.uint8).reshape(12, 16)
MASK = np.zeros((12, 16), np.uint8)
MASK[3:8, 4:10] = 1


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


@pytest.mark.parametrize(
    ("mask", "outlined"),
    [
        (MASK, [False, True, True]),
        (np.zeros_like(MASK), [False] * 3),
        (np.ones_like(MASK), [False] * 3),
    ],
)
def test_ground_truth_and_predictions_have_the_outline(mask, outlined):
    figure = draw_examples([FRAME], [mask], {"a": [np.zeros(FRAME.shape)]}, [""])
    assert [bool(ax.collections) for ax in axes_of(figure)] == outlined


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
