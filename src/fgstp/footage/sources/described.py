"""A row of a table and the files that belong to it, put together to a video."""

from collections.abc import Callable

from fgstp.core.errors import FootageError
from fgstp.footage.masks import MaskFolder
from fgstp.footage.sources.table import TableRow
from fgstp.footage.video import FrameSource, RefusedVideo, Video


def described_video(
    row: TableRow,
    frames: FrameSource,
    find_masks: Callable[[], MaskFolder | None],
    remarks: tuple[str, ...] = (),
) -> Video | RefusedVideo:
    """The video that a row describes, refused if its masks are not sound.

    Args:
        row: what is known; its split is not empty.
        frames: its frames.
        find_masks: gives its masks, None without any.
        remarks: what a reader of the video table should know.

    Returns:
        The video.
    """
    split = row.split or None
    try:
        masks = find_masks()
    except FootageError as error:
        return RefusedVideo(row.video, f"{row.video}: {error}", split)
    if row.masks and masks is None:
        return RefusedVideo(
            row.video,
            f"{row.video}: the table names {row.masks} for its masks, but there is no such "
            "folder; correct the cell or empty it",
            split,
        )
    return Video(
        name=row.video,
        frames=frames,
        split=split or "train",
        mask_source="annotated" if masks else "none",
        masks=masks,
        fps_hz=row.fps_hz,
        distance_m=row.distance_m,
        background=row.background,
        schedule=row.schedule(),
        remarks=remarks,
    )
