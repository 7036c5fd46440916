"""Source `folder`: a folder of videos and folders of frames, with or without masks."""

from functools import partial
from pathlib import Path

from fgstp.core.errors import UserError
from fgstp.footage.frame_sources import VIDEO_SUFFIXES, FrameFolder, VideoFile
from fgstp.footage.pictures import list_pictures, natural_key
from fgstp.footage.sources import Search, register_source
from fgstp.footage.sources.table import (
    TableRow,
    described_video,
    described_videos,
    read_table,
    video_name,
)
from fgstp.footage.video import RefusedVideo, Split, Video

MASKS_SUFFIX = "_masks"
NESTED_FRAMES, NESTED_MASKS = "images", "masks"
SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


@register_source("folder")
def find_in_folder(search: Search) -> list[Video | RefusedVideo]:
    """Find the videos of the folder `ingest.folder.path`; a table describes them, or none.

    A video is a file (`name.mp4`) or a folder of pictures (`name/` or `name/images/`). Its
    masks are in `name_masks/`, or in `name/masks/` beside `name/images/`: numbered from 0
    for a file, with the names of the frames for a folder.

    Raises:
        UserError: the folder does not exist or is empty, or its table has a wrong column.
    """
    root = search.raw / search.settings.folder.path
    if not root.is_dir():
        raise UserError(
            f"There is no folder {root}; put footage there or correct ingest.folder.path."
        )
    footage = _list_footage(root)
    if not footage:
        raise UserError(
            f"There is neither a video nor a folder of frames in {root}; put footage there or "
            "correct ingest.folder.path."
        )
    table = root / search.settings.folder.table
    if table.is_file():
        make = partial(_video, root=root)
        return described_videos(read_table(table), str(table), footage, root, make)
    return [_guessed(root, path, place) for place, path in enumerate(footage.values())]


def _list_footage(root: Path) -> dict[str, Path]:
    """Footage by name: files and folders directly in `root`, or in its split folders."""
    places = [root, *(root / name for name in SPLIT_NAMES if (root / name).is_dir())]
    paths = [path for place in places for path in place.iterdir() if _is_footage(path)]
    by_name = {path.relative_to(root).as_posix(): path for path in paths}
    return {name: by_name[name] for name in sorted(by_name, key=lambda n: natural_key(Path(n)))}


def _is_footage(path: Path) -> bool:
    if path.name.startswith(".") or path.name.endswith((MASKS_SUFFIX, NESTED_MASKS)):
        return False
    if path.is_file():
        return path.suffix.lower() in VIDEO_SUFFIXES
    return bool(list_pictures(path)) or (path / NESTED_FRAMES).is_dir()


def _guessed(root: Path, path: Path, place: int) -> Video | RefusedVideo:
    """Guess the split of a video: from its folder's name, or every third is for testing."""
    split = SPLIT_NAMES.get(path.parent.name) if path.parent != root else None
    why = f"by its folder {path.parent.name}" if split else "every third is for test"
    split = split or ("test" if place % 3 == 2 else "train")
    row = TableRow(video=path.relative_to(root).as_posix(), split=split)
    return _video(row, path, root, (f"no table: split {split} guessed, {why}",))


def _video(
    row: TableRow, path: Path, root: Path, remarks: tuple[str, ...] = ()
) -> Video | RefusedVideo:
    named = row.model_copy(update={"video": video_name(path, root)})
    nested = (path / NESTED_FRAMES).is_dir()
    name = path.stem if path.is_file() else path.name
    masks = path / NESTED_MASKS if nested else path.with_name(name + MASKS_SUFFIX)
    masks = root / row.masks if row.masks else masks
    if path.is_file():
        return described_video(named, VideoFile(path), masks, remarks)
    files = tuple(list_pictures(path / NESTED_FRAMES if nested else path))
    return described_video(named, FrameFolder(files), masks, remarks)
