import numpy as np
import pytest

from fgstp.core.errors import UserError
from fgstp.reporting.example_pictures import draw_examples, overlay

FRAME = np.arange(12 * 16, dtype=np.uint8).reshape(12, 16)
MASK = np.zeros((12, 16), np.uint8)
MASK[3:8, 4:10] = 1


def pictures(figure):
    axes = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    return [np.asarray(ax.images[0].get_array()) for ax in axes]


def outlined(figure):
    axes = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    return [bool(ax.collections) for ax in axes]


def test_where_nothing_is_predicted_the_frame_is_left_as_it_is():
    np.testing.assert_array_equal(overlay(FRAME, np.zeros(FRAME.shape)), np.dstack([FRAME] * 3))


def test_certain_gas_is_nine_parts_yellow_and_one_part_frame():
    mixed = overlay(np.array([[0, 100, 200]], np.uint8), np.ones((1, 3)))
    # Yellow is (255, 255, 0): 0.9 of it and a tenth of the frame.
    assert mixed.tolist() == [[[230, 230, 0], [240, 240, 10], [250, 250, 20]]]


def test_half_certain_gas_is_half_as_opaque():
    ((pixel,),) = overlay(np.array([[100]], np.uint8), np.array([[0.5]])).tolist()
    # 0.55 of the frame and 0.45 of orange, which is (255, 128, 0).
    assert pixel == pytest.approx([0.55 * 100 + 0.45 * 255, 0.55 * 100 + 0.45 * 128, 55], abs=1.5)


def test_maps_of_bytes_and_of_shares_look_alike():
    levels = np.full(FRAME.shape, 51, np.uint8)
    shares = np.full(FRAME.shape, 0.2, np.float32)
    figure = draw_examples([FRAME], [MASK], {"a": [levels], "b": [shares]}, ["x"])
    plain, truth, first, second = pictures(figure)
    np.testing.assert_allclose(first.astype(int), second, atol=1)  # 0.2 is rounded in float32
    assert (first != plain).any()
    np.testing.assert_array_equal(truth, np.dstack([FRAME] * 3))


def test_a_row_an_example_and_a_column_a_model_with_their_headings():
    maps = [np.zeros(FRAME.shape, np.uint8)] * 2
    figure = draw_examples(
        [FRAME, FRAME[:, :8]],
        [MASK, MASK[:, :8]],
        {"FGSTP": [maps[0], maps[1][:, :8]]},
        ["near", "far"],
        title="epoch 3",
    )
    shown = pictures(figure)
    assert [picture.shape[:2] for picture in shown] == [(12, 16)] * 3 + [(12, 8)] * 3
    assert [ax.get_title() for ax in figure.axes[:3]] == ["frame", "ground truth", "FGSTP"]
    assert [figure.axes[0].get_ylabel(), figure.axes[3].get_ylabel()] == ["near", "far"]
    assert figure.get_suptitle() == "epoch 3"
    assert "Cyan: outline of the ground truth" in figure.get_supxlabel()


def test_the_outline_is_on_ground_truth_and_predictions_but_not_on_the_frame():
    maps = {"a": [np.zeros(FRAME.shape)]}
    assert outlined(draw_examples([FRAME], [MASK], maps, [""])) == [False, True, True]
    for plain in (np.zeros_like(MASK), np.ones_like(MASK)):
        assert outlined(draw_examples([FRAME], [plain], maps, [""])) == [False] * 3


def test_without_any_map_there_are_two_columns():
    assert len(pictures(draw_examples([FRAME], [MASK], {}, ["x"]))) == 2


@pytest.mark.parametrize(
    ("masks", "maps", "labels", "told"),
    [
        ([MASK[:5]], {}, ["x"], "ground truth of shapes"),
        ([MASK], {"FGSTP": [MASK[:, :5]]}, ["x"], "FGSTP of shapes"),
        ([MASK], {"FGSTP": []}, ["x"], "FGSTP of shapes"),
        ([MASK], {}, ["x", "y"], "2 labels"),
    ],
)
def test_what_does_not_fit_is_refused(masks, maps, labels, told):
    with pytest.raises(UserError, match=told):
        draw_examples([FRAME], masks, maps, labels)


def test_no_example_is_refused():
    with pytest.raises(UserError, match="at least one frame"):
        draw_examples([], [], {}, [])
