"""Predictions and masks of a clip, checked."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fgstp.core.errors import UserError
from fgstp.footage.given_mask import first_frame_with_gas
from fgstp.scoring.grey_levels import grey_levels
from fgstp.scoring.ground_truth import GroundTruth, ground_truths
from fgstp.scoring.protocols import Protocol, chosen_threshold
from fgstp.scoring.tally import Tally

Masks = NDArray[np.bool_] | NDArray[np.uint8] | Sequence[GroundTruth]
BLOCK_PIXELS = 4_000_000


def check_clip(predictions: NDArray[np.uint8], masks: Masks) -> None:
    """Check that predictions and masks fit together.

    Args:
        predictions: (T, H, W) uint8.
        masks: (T, H, W) bool or uint8, or T ground truths.

    Raises:
        UserError: types or shapes are others, or the clip is empty.
    """
    if not isinstance(predictions, np.ndarray) or predictions.dtype != np.uint8:
        found = getattr(predictions, "dtype", type(predictions).__name__)
        raise UserError(f"Predictions are uint8 probability maps, 0 to 255, not {found}.")
    if predictions.ndim != 3:
        raise UserError(f"Predictions of a clip are (T, H, W), not {predictions.shape}.")
    if not predictions.size:
        raise UserError(f"The clip is empty: its predictions are {predictions.shape}.")
    shape = _shape(masks)
    if shape != predictions.shape:
        raise UserError(f"The predictions are {predictions.shape} but the masks are {shape}.")


def _shape(masks: Masks) -> tuple[int, ...]:
    """(T, H, W), or whatever it is instead."""
    if isinstance(masks, np.ndarray):
        if masks.dtype not in (np.bool_, np.uint8):
            raise UserError(f"Masks are bool or uint8, not {masks.dtype}.")
        return masks.shape
    if not isinstance(masks, Sequence) or not all(isinstance(each, GroundTruth) for each in masks):
        raise UserError("Masks are an array (T, H, W) or a sequence of GroundTruth objects.")
    sizes = {each.mask.shape for each in masks}
    if len(sizes) > 1:
        raise UserError(f"The masks of a clip have one size, not {sorted(sizes)}.")
    return (len(masks), *(size for shape in sizes for size in shape))


class Block:
    """Some frames of a clip with their ground truth and their tally.

    Attributes:
        numbers: (T,) numbers of the frames in the clip.
        frames: (T, H, W) uint8 predictions.
        truths: the ground truth of each.
        probabilities: tables (256,) of what each level of each frame stands for.
        tally: the counts of all.
    """

    def __init__(
        self,
        numbers: NDArray[np.intp],
        frames: NDArray[np.uint8],
        truths: Sequence[GroundTruth],
        protocol: Protocol,
    ) -> None:
        binary_at = chosen_threshold(protocol) if protocol.input == "binary" else None
        levels = [
            grey_levels(int(frame.min()), int(frame.max()), protocol.norm, binary_at)
            for frame in frames
        ]
        self.numbers = numbers
        self.frames = frames
        self.truths = truths
        self.probabilities = [each.probability for each in levels]
        counts = [truth.count(frame) for truth, frame in zip(truths, frames, strict=True)]
        self.tally = Tally.of(counts, levels)


def blocks(predictions: NDArray[np.uint8], masks: Masks, protocol: Protocol) -> Iterator[Block]:
    """The frames of a clip that count, some at a time, so that memory does not grow with it.

    Args:
        predictions: (T, H, W) uint8.
        masks: (T, H, W) bool or uint8, or T ground truths.
        protocol: which frames count, and what their levels stand for.

    Raises:
        UserError: predictions and masks are no clip, or no frame of it counts.
    """
    check_clip(predictions, masks)
    counted = counted_frames(masks, protocol)
    step = max(1, BLOCK_PIXELS // predictions[0].size)
    for start in range(0, len(counted), step):
        numbers = counted[start : start + step]
        truths = list(ground_truths([masks[number] for number in numbers]))
        yield Block(numbers, np.ascontiguousarray(predictions[numbers]), truths, protocol)


def counted_frames(masks: Masks, protocol: Protocol) -> NDArray[np.intp]:
    """Numbers of the frames of a clip that a protocol scores, in their order.

    Args:
        masks: (T, H, W) bool or uint8, or T ground truths.
        protocol: which frames count.

    Raises:
        UserError: none does.
    """
    counted = np.arange(len(masks) - protocol.drop_last)
    if protocol.drop_given:
        given = first_frame_with_gas(
            each.mask if isinstance(each, GroundTruth) else each for each in masks
        )
        counted = counted if given is None else counted[counted != given]
    if not counted.size:
        first = "the first with gas and " if protocol.drop_given else ""
        raise UserError(
            f"The clip has {len(masks)} frames, and the protocol {protocol.name} leaves out "
            f"{first}the last {protocol.drop_last}: there is nothing to score."
        )
    return counted
